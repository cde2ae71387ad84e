/** EVENTs that publish key packages, signed after they were changed: what is accepted, and what is delivered of it. */

import type { ClientMessage, SignedEvent } from '../../../plugin/nostr/messages.ts'
import { eventsIn, startGateway } from '../../support/gateway.ts'
import {
  loxationEvent,
  marmotTsEvent,
  mdkEvent,
  paytacaEvent,
  pikaEvent,
  whitenoiseTwins,
} from '../../support/generations.ts'
import { NOW } from '../../support/key-packages.ts'
import { demandAnswer } from '../answer-oracle.ts'
import { alice, bob, CAST_WORDS, expanded, PEOPLE, STOCKED } from '../cast.ts'
import { demandReceivable, demandSame } from '../key-package-oracle.ts'
import { demand, lines, type Target, valuesIn } from '../target.ts'

const MAX_EVENTS = 4
const HINTS = [undefined, 'hex', 'base64']

const byClients: readonly SignedEvent[] = [
  ...STOCKED.slice(0, 1),
  await mdkEvent(alice),
  ...(await whitenoiseTwins(alice)),
  await marmotTsEvent(alice, { protection: 'protected' }),
  await pikaEvent(alice, { version: 'old' }),
  await loxationEvent(alice, { encoding: 'hex' }),
  await paytacaEvent(alice),
]

export const target: Target = {
  name: 'publish',
  seeds: [
    ...byClients.map((event) => lines(unsigned(event))),
    lines(...byClients.slice(2, 4).map(unsigned)),
    lines('alice', ...byClients.slice(4, 6).map(unsigned)),
    lines({ by: 'alice', kind: 10051, tags: [['relay', 'wss://relay.example.com']] }),
    lines(unsigned(byClients[1]), { by: 'alice', kind: 5, tags: [['a', '30443:@alice:x']] }),
    lines({ by: 'alice', kind: 62, tags: [['relay', 'ALL_RELAYS']] }, unsigned(byClients[0])),
    lines({ by: 'alice', kind: 444, tags: [['e', '@stocked0']] }),
  ],
  words: [
    ...CAST_WORDS,
    ...['encoding', 'hex', 'base64', 'd', 'i', 'p', '-', 'expiration', 'exp', 'relays', 'mls_ciphersuite'],
    ...['ciphersuite', 'mls_extensions', 'mls_protocol_version', '1.0', '0x0001', '0x000a', 'last_resort'],
    ...['kind', 'tags', 'content', 'created_at', 'wss://relay.example.com', `${NOW + 1}`, 'ws://['],
  ],
  shortRun: 50,
  async run(input) {
    const [first, ...rest] = valuesIn(input).slice(0, MAX_EVENTS + 1)
    const publisher = typeof first === 'string' ? PEOPLE.get(first) : undefined
    const test = startGateway()
    const authenticated = () => (publisher === undefined ? [] : [publisher.pubkey])
    const client = test.connect({ authenticated })
    const stored = new Map<string, SignedEvent>()
    for (const value of typeof first === 'string' ? rest : [first, ...rest]) {
      const said: ClientMessage = ['EVENT', expanded(value)]
      const answer = await client.say(...said)
      demandAnswer(said, answer)
      const [[verb, id, isAccepted, why] = []] = answer.replies.filter(([reply]) => reply === 'OK')
      if (verb !== 'OK' || isAccepted !== true || why !== '') continue
      const event = JSON.parse(JSON.stringify(said[1])) as SignedEvent
      stored.set(String(id), event)
      await demandReceivable(event, NOW)
    }
    for (const hint of HINTS) {
      const claimer = test.connect()
      const filter = {
        kinds: [443, 30443],
        authors: [alice.pubkey, bob.pubkey],
        ...(hint && { '#f': [hint] }),
      }
      const said: ClientMessage = ['REQ', 'claim', filter]
      const answer = await claimer.say(...said)
      demandAnswer(said, answer)
      for (const event of eventsIn(answer.replies)) {
        const published = stored.get(event.id)
        demand(published !== undefined, 'an event is delivered that was not stored', event)
        demandSame(event, published)
      }
    }
    demand(test.logged.length === 0, 'something failed inside', test.logged)
    test.gateway.close()
  },
}

/** The event as an input writes it: it is signed again, with what was changed. */
function unsigned(event: SignedEvent | undefined): object {
  const { kind, tags, content, created_at } = event ?? { kind: 443, tags: [], content: '', created_at: NOW }
  return { by: 'alice', kind, tags, content, created_at }
}
