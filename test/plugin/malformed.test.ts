/** I9: no message, however malformed, makes a session reject, throw or send a malformed answer. */

import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import type { ClientMessage, RelayMessage } from '../../plugin/nostr/messages.ts'
import { keyPackagesBy, keyPackagesOf, startGateway, stock } from '../support/gateway.ts'
import { heapUsed } from '../support/heap-used.ts'
import { NOW, signEvent } from '../support/key-packages.ts'
import { person } from '../support/people.ts'
import { isWellFormed } from '../support/well-formed.ts'

const alice = person('alice')
const bob = person('bob')

const odd = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  fc.constantFrom(
    undefined,
    JSON.parse('{"__proto__":{"kinds":[443]},"kinds":[443]}'),
    JSON.parse('{"constructor":{},"toString":null,"kinds":[443,1]}'),
    Number.NaN,
    '\u0000',
    '\ud800',
  ),
)

const authors = fc.oneof(
  odd,
  fc.array(fc.constantFrom(alice.pubkey, bob.pubkey, alice.pubkey.toUpperCase(), '')),
)
const numbers = fc.oneof(fc.constantFrom(0, -1, 0.5, 1e308, 2 ** 53, NOW, null), odd)
const filter = fc.oneof(
  odd,
  fc.record(
    {
      kinds: fc.oneof(
        odd,
        fc.array(fc.constantFrom(443, 30443, 1, 0, -443, 443.5, 65_979), { maxLength: 4 }),
      ),
      authors,
      ids: odd,
      since: numbers,
      until: numbers,
      limit: numbers,
      '#f': odd,
      '#i': odd,
      '#e': fc.array(fc.string()),
    },
    { requiredKeys: [] },
  ),
)

function eventsLike(event: object): fc.Arbitrary<object> {
  const fields = ['id', 'pubkey', 'created_at', 'kind', 'tags', 'content', 'sig']
  return fc.tuple(fc.constantFrom(...fields), odd).map(([field, value]) => ({ ...event, [field]: value }))
}

async function messages(): Promise<fc.Arbitrary<ClientMessage>> {
  const templates = [5, 62, 444, 447, 10051, 22242, 1].map((kind) =>
    signEvent(bob.secretKey, {
      kind,
      created_at: NOW,
      tags: [
        ['relay', 'ALL_RELAYS'],
        ['e', 'x'],
      ],
      content: '',
    }),
  )
  const event = fc.oneof(odd, ...[...templates, ...(await keyPackagesOf(bob, 1))].map(eventsLike))
  const verb = fc.oneof(
    fc.constantFrom('EVENT', 'REQ', 'COUNT', 'CLOSE', 'AUTH', 'NEG-OPEN', 'NEG-MSG', '__proto__', ''),
    fc.string(),
  )
  const id = fc.oneof(fc.constantFrom('sub', '', '__proto__', 'x'.repeat(65)), odd)
  return fc.oneof(
    fc.tuple(verb, fc.array(odd)).map(([name, rest]) => [name, ...rest] as const),
    fc.tuple(fc.constantFrom('EVENT', 'AUTH'), event),
    fc
      .tuple(fc.constantFrom('REQ', 'COUNT', 'NEG-OPEN'), id, fc.array(filter, { maxLength: 3 }))
      .map(([name, sub, filters]) => [name, sub, ...filters] as const),
    fc.tuple(fc.constant('CLOSE'), id),
  )
}

describe('any message of a client', () => {
  it('is answered with well-formed messages or forwarded, and nothing fails internally', async () => {
    const message = await messages()
    await fc.assert(
      fc.asyncProperty(fc.array(message, { minLength: 1, maxLength: 20 }), async (said) => {
        const test = startGateway()
        await stock(test, alice, 1)
        const client = test.connect({ authenticated: () => [bob.pubkey] })
        const answers = await Promise.all(said.map((each) => client.say(...each)))
        for (const { replies, forward } of answers) {
          expect(replies.filter((reply) => !isWellFormed(reply))).toEqual([])
          expect(forward === undefined || typeof forward[0] === 'string').toBe(true)
        }
        const requests = said.filter(([verb]) => verb === 'REQ').length
        const eoses = answers.flatMap(({ replies }) => replies).filter(([verb]) => verb === 'EOSE').length
        expect(eoses).toBeLessThanOrEqual(requests)
        expect(test.logged).toEqual([])
      }),
      { seed: 1, numRuns: 200 },
    )
  })

  it('spends and shows key packages only by a claim (I4)', async () => {
    const message = await messages()
    const test = startGateway()
    const published = await stock(test, alice, 3)
    await fc.assert(
      fc.asyncProperty(message, async (said) => {
        const { say, pushed } = test.connect()
        const { replies } = await say(...said)
        const isClaim = said[0] === 'REQ' && JSON.stringify(said).includes(alice.pubkey)
        if (isClaim) return
        const shown = JSON.stringify([replies, pushed])
        for (const { id, content } of published) {
          expect(shown.includes(id) && !JSON.stringify(said).includes(id)).toBe(false)
          expect(shown).not.toContain(content)
        }
      }),
      { seed: 2, numRuns: 500 },
    )
  })
})

describe('any message of a relay', () => {
  it('passes unchanged or is dropped', () => {
    const verb = fc.constantFrom('EVENT', 'EOSE', 'CLOSED', 'OK', 'COUNT', 'AUTH', 'NOTICE', 'NEG-MSG', '')
    fc.assert(
      fc.property(verb, fc.array(odd), (name, rest) => {
        const message: RelayMessage = [name, ...rest]
        expect([message, undefined]).toContain(startGateway().connect().session.fromRelay(message))
      }),
      { seed: 3, numRuns: 1000 },
    )
  })
})

describe('a long-lived session', () => {
  it('does not leak memory (I9)', async () => {
    const test = startGateway()
    await stock(test, bob, 1)
    const client = test.connect({ authenticated: () => [bob.pubkey] })
    const text = 'x'.repeat(10_000)
    let round = 0
    const feed = async (rounds: number) => {
      for (const last = round + rounds; round < last; round += 1) {
        await client.say('REQ', `${round}`, { kinds: [1], search: `${round}${text}` })
        await client.say('REQ', { round, text }, { kinds: [1] })
        await client.say('REQ', `${round}${text}`, { kinds: [443] })
        await client.say('COUNT', `${round}`.padStart(64), { kinds: [443, 1], authors: [bob.pubkey] })
        await client.say('CLOSE', `${round}${text}`)
        const asked = client.say('REQ', 'own', keyPackagesBy(bob))
        await undefined
        await client.say('CLOSE', 'own')
        await asked
        client.session.fromRelay(['OK', `${round}${text}`, true])
        client.session.fromRelay(['COUNT', `${round}${text}`, { count: round }])
        test.audited.splice(0)
      }
    }
    expect(await bytesKept(feed)).toBeLessThan(100)
  })
})

describe('clients that connect and disconnect again and again', () => {
  it('do not leak memory (I9)', async () => {
    const test = startGateway()
    await stock(test, bob, 1)
    const visit = async (rounds: number) => {
      for (let round = 0; round < rounds; round += 1) {
        const somebody = test.now.toString(16).padStart(64, '0')
        const client = test.connect({ authenticated: () => [bob.pubkey, somebody], send: () => undefined })
        await client.say('REQ', 'own', keyPackagesBy(bob))
        client.session.close()
        client.session.fromRelay(['EVENT', 'own', { kind: 443, pubkey: bob.pubkey }])
        test.now += 1
      }
    }
    expect(await bytesKept(visit)).toBeLessThan(100)
  })
})

/** Bytes that each round leaks, measured after some rounds so that bounded caches are full. */
async function bytesKept(run: (rounds: number) => Promise<void>): Promise<number> {
  const rounds = 3000
  await run(rounds / 2)
  const before = heapUsed()
  await run(rounds)
  return (heapUsed() - before) / rounds
}
