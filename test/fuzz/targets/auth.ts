/** AUTH events (NIP-42), signed after they were changed: who is believed is checked here once more, by other means. */

import { verifyEvent as verifyByNostrTools } from 'nostr-tools/pure'
import { isSignedEvent } from '../../../plugin/nostr/event.ts'
import type { ClientMessage } from '../../../plugin/nostr/messages.ts'
import { challengeIn, keyPackagesBy, startGateway } from '../../support/gateway.ts'
import { NOW } from '../../support/key-packages.ts'
import { demandAnswer } from '../answer-oracle.ts'
import { alice, bob, CAST_WORDS, carol, expanded, fill } from '../cast.ts'
import { demand, lines, type Target, valuesIn } from '../target.ts'

const MAX_EVENTS = 4
const HOST = 'relay.example.com'
const relay = (url: string) => [
  ['relay', url],
  ['challenge', '@challenge'],
]

export const target: Target = {
  name: 'auth',
  seeds: [
    lines({ by: 'alice', kind: 22242, tags: relay(`wss://${HOST}`) }),
    lines({ by: 'alice', kind: 22242, tags: relay(`wss://${HOST}/`), created_at: NOW - 600 }),
    lines({ by: 'alice', kind: 22242, tags: relay(`wss://${HOST}`), created_at: NOW - 601 }),
    lines({ by: 'alice', kind: 22242, tags: relay(`wss://${HOST}`), created_at: NOW + 601 }),
    lines({ by: 'bob', kind: 22242, tags: relay('wss://evil.example.com') }),
    lines({
      by: 'carol',
      kind: 22242,
      tags: [
        ['challenge', 'x'],
        ['relay', `wss://${HOST}`],
        ['challenge', '@challenge'],
      ],
    }),
    lines(
      { by: 'alice', kind: 22242, tags: relay(`ws://${HOST}:443`), content: 'x' },
      { by: 'bob', kind: 22242, tags: relay(HOST) },
    ),
    lines({ by: 'alice', kind: 22242, tags: relay(`wss://${HOST}`), pubkey: '@bob' }),
    lines({ by: 'alice', kind: 1, tags: relay(`wss://${HOST}`) }),
  ],
  words: [
    ...CAST_WORDS,
    ...[
      'kind',
      'tags',
      'created_at',
      'relay',
      'challenge',
      'pubkey',
      'id',
      'sig',
      HOST,
      `wss://${HOST}`,
      'wss://',
    ],
    ...[
      `wss://${HOST}@evil.example.com`,
      `wss://evil.example.com/?${HOST}`,
      `wss:\\\\${HOST}`,
      ':443',
      `${NOW + 600}`,
    ],
  ],
  shortRun: 150,
  async run(input) {
    const test = startGateway()
    await fill(test.store)
    const client = test.connect()
    const challenge = challengeIn(client.pushed)
    const believed = new Set<string>()
    for (const value of valuesIn(input).slice(0, MAX_EVENTS)) {
      const said: ClientMessage = ['AUTH', expanded(value, new Map([['@challenge', challenge]]))]
      const answer = await client.say(...said)
      demandAnswer(said, answer)
      const isAccepted = answer.replies.some(([verb, , accepted]) => verb === 'OK' && accepted === true)
      demand(
        isAccepted === isProof(said[1], challenge),
        'believed wrongly, or not believed',
        said,
        answer.replies,
      )
      if (isAccepted) believed.add((said[1] as { pubkey: string }).pubkey)
    }
    for (const somebody of [alice, bob, carol]) {
      const [[verb] = []] = await client.ask('COUNT', 'own', keyPackagesBy(somebody))
      demand((verb === 'COUNT') === believed.has(somebody.pubkey), 'counts for somebody else', verb, [
        ...believed,
      ])
    }
    demand(test.logged.length === 0, 'something failed inside', test.logged)
    test.gateway.close()
  },
}

/** Whether the first tags of both names are right. The host is compared as text, so that it owes nothing to URL parsers. */
function isProof(event: unknown, challenge: string): boolean {
  if (!isSignedEvent(event)) return false
  const first = (name: string) => event.tags.find((tag) => tag[0] === name)?.[1] ?? ''
  const isRight =
    event.kind === 22242 && Math.abs(event.created_at - NOW) <= 600 && first('challenge') === challenge
  return isRight && isForUs(first('relay')) && verifyByNostrTools(JSON.parse(JSON.stringify(event)))
}

function isForUs(url: string): boolean {
  const [, authority] =
    /^(?:[a-z][a-z0-9+.-]*:[\\/]*)?([^/?#\\]*)/i.exec(url.trim().replace(/[\t\r\n]/g, '')) ?? []
  const host = authority?.split('@').at(-1)?.toLowerCase()
  return host !== undefined && host.replace(/:0*(80|443|)$/, '') === HOST
}
