/** The Authorization header of an HTTP request (NIP-98): who is believed is checked here once more, by other means. */

import { createHash } from 'node:crypto'
import { verifyEvent as verifyByNostrTools } from 'nostr-tools/pure'
import { HttpAuth, type SignedRequest } from '../../../adapters/http/nip98.ts'
import { memoryStore } from '../../../adapters/storage/memory.ts'
import type { SignedEvent } from '../../../plugin/nostr/messages.ts'
import { NOW } from '../../support/key-packages.ts'
import { verifyEvent } from '../../support/signing.ts'
import { CAST_WORDS, expanded } from '../cast.ts'
import { demand, lines, type Target, valuesIn } from '../target.ts'

const URL_OF_RELAY = 'https://relay.example.com/api/v1/packages'
const BODY = '{"events":[]}'
const HASH = createHash('sha256').update(BODY).digest('hex')
const tags = (...more: string[][]) => [['u', URL_OF_RELAY], ['method', 'POST'], ...more]

export const target: Target = {
  name: 'http-auth',
  seeds: [
    lines({ by: 'alice', kind: 27235, tags: tags(['payload', HASH]) }, BODY),
    lines({ by: 'bob', kind: 27235, tags: tags() }),
    lines(
      { by: 'bob', kind: 27235, tags: tags(['payload', HASH.toUpperCase()]), created_at: NOW - 60 },
      BODY,
    ),
    lines({
      by: 'alice',
      kind: 27235,
      tags: [
        ['u', 'wss://relay.example.com:443/api/v1/packages/'],
        ['method', 'post'],
      ],
    }),
    lines({ by: 'alice', kind: 27235, tags: tags(), pubkey: '@bob' }),
    lines('Nostr e30='),
    lines('nostr  W10='),
    lines('Bearer x', BODY),
  ],
  words: [
    ...CAST_WORDS,
    ...[
      'u',
      'method',
      'payload',
      'POST',
      'GET',
      HASH,
      URL_OF_RELAY,
      'kind',
      'tags',
      'created_at',
      'Nostr ',
      '27235',
    ],
    ...[
      'https://relay.example.com',
      'https://relay.example.com@evil.example.com/api/v1/packages',
      '/../',
      '?',
      '#',
      '%2F',
    ],
  ],
  shortRun: 400,
  async run(input) {
    const [value, body] = valuesIn(input)
    const event = expanded(value)
    const sent = typeof body === 'string' ? body : ''
    const store = memoryStore()
    const auth = new HttpAuth({ store, now: () => NOW, verifyEvent })
    const request: SignedRequest = {
      authorization: typeof event === 'string' ? event : headerOf(event),
      method: 'POST',
      urls: [URL_OF_RELAY],
      address: '192.0.2.1',
    }
    const examined = await auth.examine(request)
    const outcome = examined.outcome === 'signed' ? await examined.complete(Buffer.from(sent)) : examined
    if (outcome.outcome === 'refused') demand(outcome.reason !== '', 'a refusal without a reason', request)
    const isBelieved = outcome.outcome === 'authenticated'
    demand(!isBelieved || isProof(signedIn(request), sent), 'believed wrongly', outcome, request)
    if (isBelieved && examined.outcome === 'signed') {
      const again = await examined.complete(Buffer.from(sent))
      demand(again.outcome === 'refused', 'believed twice', again, request)
    }
  },
}

function headerOf(event: unknown): string {
  return `Nostr ${Buffer.from(JSON.stringify(event) ?? '').toString('base64')}`
}

function signedIn({ authorization = '' }: SignedRequest): SignedEvent {
  return JSON.parse(Buffer.from(authorization.replace(/^nostr +/i, ''), 'base64').toString())
}

/** Each of the tags is there once and right. */
function isProof(event: SignedEvent, body: string): boolean {
  const only = (name: string) => {
    const found = event.tags.filter((tag) => tag[0] === name)
    return found.length === 1 ? (found[0]?.[1] ?? '') : ''
  }
  const hash = createHash('sha256').update(body).digest('hex')
  const hasBody = body === '' && !event.tags.some(([name]) => name === 'payload')
  return (
    event.kind === 27235 &&
    Math.abs(event.created_at - NOW) <= 60 &&
    only('method').toUpperCase() === 'POST' &&
    isForUs(only('u')) &&
    (hasBody || only('payload').toLowerCase() === hash) &&
    verifyByNostrTools(JSON.parse(JSON.stringify(event)))
  )
}

/** Read without a URL parser: scheme, host, path, and nothing else but a default port and one slash at the end. */
function isForUs(url: string): boolean {
  const [, authority = '', path = ''] = /^(?:https?|wss?):[\\/]{2,}([^/\\]*)(.*)$/i.exec(url.trim()) ?? []
  const host = authority.toLowerCase().replace(/:0*(443|80|)$/, '')
  return (
    host === 'relay.example.com' && path.replaceAll('\\', '/').replace(/\/$/, '').endsWith('/api/v1/packages')
  )
}
