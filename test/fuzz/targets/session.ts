/**
 * Whole conversations of up to three clients with a stocked gateway: REQ, COUNT, EVENT, AUTH, NEG-OPEN, CLOSE, and what a relay
 * behind says to them. Each line is one step; see `step`.
 */

import { mayBeOfKind } from '../../../plugin/nostr/event.ts'
import type { ClientMessage, RelayMessage } from '../../../plugin/nostr/messages.ts'
import { challengeIn, startGateway } from '../../support/gateway.ts'
import { NOW } from '../../support/key-packages.ts'
import { demandAnswer } from '../answer-oracle.ts'
import { CAST_WORDS, expanded, fill, PEOPLE, UNPUBLISHED } from '../cast.ts'
import {
  AUTHORS,
  Conversation,
  demandOnce,
  demandStock,
  KINDS,
  type Known,
  look,
  lookAtPushed,
  noteAsked,
  noteAuthenticated,
} from '../conversation-oracle.ts'
import { demand, lines, type Target, valuesIn } from '../target.ts'

const MAX_STEPS = 24
const MAX_ADVANCE_SECONDS = 86_400

export const target: Target = {
  name: 'session',
  seeds: [
    lines(['REQ', 'sub', { kinds: [443], authors: ['@alice'] }], ['CLOSE', 'sub']),
    lines(['REQ', 'sub', { kinds: [30443], authors: ['@alice', '@carol'], limit: 12, '#d': ['phone'] }]),
    lines(['REQ', 'all', { kinds: [0, 10002, 10050, 30443], authors: ['@alice', '@bob'], since: NOW - 100 }]),
    lines(['REQ', 'x', { kinds: [443, 30443], authors: ['@bob'], '#f': ['hex'] }, { kinds: [1] }], 'b', [
      'REQ',
      'x',
      { kinds: [443], authors: ['@bob'], limit: 1 },
    ]),
    lines(['REQ', 'early', { kinds: [443], authors: ['@alice'] }], { authenticate: 'alice' }, [
      'COUNT',
      'c',
      { kinds: [443], authors: ['@alice'] },
    ]),
    lines(
      { authenticate: 'alice' },
      ['REQ', 'own', { kinds: [443, 30443], authors: ['@alice'] }],
      'b',
      ['EVENT', '@new0'],
      'a',
      ['CLOSE', 'own'],
    ),
    lines(
      ['NEG-OPEN', 'n', { kinds: [443, 1] }, '6100'],
      ['COUNT', 'c', { ids: ['@stocked0'] }],
      ['REQ', 'i', { ids: ['@stocked0'] }],
    ),
    lines(['REQ', 'watch', { kinds: [30443], authors: ['@carol'] }], 'b', ['EVENT', '@new2'], {
      advance: 3600,
    }),
    lines({ authenticate: 'carol' }, [
      'EVENT',
      {
        by: 'carol',
        kind: 5,
        tags: [
          ['e', '@stocked4'],
          ['k', '30443'],
        ],
      },
    ]),
    lines({ relay: ['AUTH', 'theirs'] }, [
      'AUTH',
      {
        by: 'bob',
        kind: 22242,
        tags: [
          ['relay', 'wss://relay.example.com'],
          ['challenge', 'theirs'],
        ],
      },
    ]),
    lines(
      ['REQ', 's', { kinds: [1] }],
      { relay: ['EVENT', 's', { kind: 443, pubkey: '@alice', id: 'x' }] },
      { relay: ['EOSE', 's'] },
      { relay: ['COUNT', 's', { count: 1 }] },
    ),
    lines(
      'together',
      ['REQ', 'a', { kinds: [443], authors: ['@alice'] }],
      ['REQ', 'a', { kinds: [443], authors: ['@bob'] }],
      ['CLOSE', 'a'],
    ),
    lines(
      ['EVENT', { by: 'bob', kind: 3, tags: [['p', '@alice']] }],
      ['EVENT', { by: 'bob', kind: 30000, tags: [['d', 'x']] }],
      { leave: true },
    ),
  ],
  words: [
    ...CAST_WORDS,
    ...'REQ EVENT COUNT AUTH CLOSE NEG-OPEN NEG-MSG EOSE CLOSED OK NOTICE together b'.split(' '),
    ...'kinds authors ids since until limit #d #f #i #e hex base64 kind tags'.split(' '),
    ...'relay advance authenticate leave challenge keypackages:low @new0 @new1 @new2 443'.split(' '),
  ],
  shortRun: 120,
  async run(input) {
    const steps = valuesIn(input).slice(0, MAX_STEPS)
    const test = startGateway({ quota: WIDE })
    await fill(test.store)
    const conversation = new Conversation(test, steps[0] === 'together' ? 'together' : 'one by one')
    const under: Promise<void>[] = []
    let name = 'a'
    for (const value of steps) {
      if (value === 'a' || value === 'b' || value === 'c') name = value
      const taken = step(conversation, conversation.client(name), value)
      if (conversation.pace === 'together') under.push(taken)
      else await taken
    }
    await Promise.all(under)
    for (const known of conversation.clients.values()) lookAtPushed(conversation, known)
    demandOnce(conversation)
    if (!conversation.hasChanged) await demandStock(conversation)
    demand(test.logged.length === 0, 'something failed inside', test.logged)
    test.gateway.close()
  },
}

const WIDE = { perAuthor: { max: 1000 }, perRequester: { max: 1000 }, perAddress: { max: 1000 } }

/** A message, `{"authenticate": NAME}`, `{"relay": MESSAGE}`, `{"advance": SECONDS}`, or `{"leave": true}`. */
async function step(conversation: Conversation, known: Known, value: unknown): Promise<void> {
  if (Array.isArray(value)) {
    if (typeof value[0] === 'string') await say(conversation, known, messageOf(value, known))
  } else if (typeof value === 'object' && value !== null) {
    await act(conversation, known, value)
  }
}

interface Step {
  readonly authenticate?: unknown
  readonly relay?: unknown
  readonly advance?: unknown
  readonly leave?: unknown
}

async function act(
  conversation: Conversation,
  known: Known,
  { authenticate, relay, advance, leave }: Step,
): Promise<void> {
  const { test } = conversation
  if (typeof advance === 'number') {
    test.now += Math.min(MAX_ADVANCE_SECONDS, Math.max(0, Math.floor(advance) || 0))
  } else if (typeof authenticate === 'string') {
    const somebody = PEOPLE.get(authenticate)
    if (somebody === undefined) return
    const [[verb, , isAccepted] = []] = await known.client.authenticate(somebody)
    if (verb === 'OK' && isAccepted === true) known.authenticated.add(somebody.pubkey)
  } else if (Array.isArray(relay) && typeof relay[0] === 'string') {
    hearRelay(conversation, known, messageOf(relay, known))
  } else if (leave === true) {
    known.hasLeft = true
    known.client.session.close()
    conversation.clients.delete(known.name)
  }
}

function messageOf(value: readonly unknown[], { client }: Known): ClientMessage {
  const events = new Map<string, unknown>(UNPUBLISHED.map((event, index) => [`@new${index}`, event]))
  const words = new Map([['@challenge', challengeIn(client.pushed)]])
  const [verb, ...rest] = value
  const whole = rest.map((part) => (typeof part === 'string' ? (events.get(part) ?? part) : part))
  return [String(verb), ...whole.map((part) => expanded(part, words))]
}

async function say(conversation: Conversation, known: Known, said: ClientMessage): Promise<void> {
  known.said += JSON.stringify(said)
  const [verb, , ...filters] = said
  if (verb === 'REQ') for (const filter of filters) noteAsked(known, filter)
  if (verb === 'EVENT') conversation.hasChanged = true
  const answer = await known.client.say(...said)
  if (verb === 'AUTH') noteAuthenticated(known, said, answer.replies)
  const isCancelled = answer.replies.length === 0 && answer.forward === undefined && verb === 'REQ'
  if (!known.hasLeft && !(isCancelled && conversation.pace === 'together')) demandAnswer(said, answer)
  look(conversation, known, answer.replies)
}

function hearRelay(conversation: Conversation, known: Known, message: RelayMessage): void {
  known.said += JSON.stringify(message)
  const awaited = message[0] === 'OK' && message[2] === true
  const shown = known.client.session.fromRelay(message)
  // The relay's OK may have confirmed an AUTH that was forwarded to it.
  if (awaited)
    for (const { pubkey } of AUTHORS) if (known.said.includes(pubkey)) known.authenticated.add(pubkey)
  if (shown === undefined) return
  demand(shown === message || shown[0] === 'COUNT', 'a message of the relay is changed', message, shown)
  if (shown[0] !== 'EVENT') return
  const hidden = shown.filter((part) => mayBeOfKind(part, KINDS)) as { pubkey?: string }[]
  const isOwn = hidden.every(({ pubkey = '' }) => known.authenticated.has(pubkey))
  demand(isOwn, "the relay's key package of another author is shown (I4)", shown)
  look(conversation, known, [])
}
