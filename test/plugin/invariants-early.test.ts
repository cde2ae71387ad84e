/** I10 over random histories: a connection that asks, and then authenticates as the author, is as one that had not asked. */

import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import type { RelayMessage, SignedEvent } from '../../plugin/nostr/messages.ts'
import { idsIn, keyPackagesOf, startGateway, type TestGateway } from '../support/gateway.ts'
import { keyPackageEvent, makeKeyPackage, NOW } from '../support/key-packages.ts'
import { person } from '../support/people.ts'

const alice = person('alice')
const bob = person('bob')
const carol = person('carol')
const ADDRESS = '192.0.2.77'
/** Windows over all authors with room for everything, of which the test learns how much is used. */
const ROOM = { max: 10_000, windowSeconds: 3600 }

const kinds = fc.constantFrom([443], [443], [30443], [443, 30443], [1, 443, 30443])
const query = fc.record({
  kinds,
  limit: fc.constantFrom(undefined, undefined, 0, 1, 50),
  besides: fc.boolean(),
  '#d': fc.constantFrom(undefined, undefined, ['phone']),
})
/** What somebody asks for, and how many seconds pass after it. */
const asked = (pause: number) => fc.tuple(query, fc.integer({ min: 0, max: pause }))
const history = fc.record({
  redeliverySeconds: fc.constantFrom(0, 120),
  perAuthor: fc.integer({ min: 1, max: 8 }),
  /** How many of them the author has published: one-time packages, slots, and twins of the slots. */
  published: fc.record({
    single: fc.integer({ min: 0, max: 4 }),
    slots: fc.integer({ min: 0, max: 2 }),
    twins: fc.integer({ min: 0, max: 2 }),
  }),
  /** A neighbour at the same address asks before. */
  before: fc.array(asked(200), { maxLength: 4 }),
  early: fc.array(asked(9), { minLength: 1, maxLength: 6 }),
  after: fc.array(asked(30), { minLength: 1, maxLength: 10 }),
})
type Query = { readonly kinds: readonly number[]; readonly besides: boolean }

function filterOf({ besides, ...rest }: Query, ...authors: (typeof alice)[]) {
  // Two: a query for one author by `#d` is a readback, and not counted.
  const named = besides ? [...authors, bob, carol] : authors
  const filter = { ...rest, authors: named.map(({ pubkey }) => pubkey) }
  return Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined))
}

interface Made {
  readonly single: readonly SignedEvent[]
  readonly slots: readonly SignedEvent[]
  readonly twins: readonly SignedEvent[]
  readonly bobs: readonly SignedEvent[]
}

/** What the neighbour is answered after all that, what is left, and how much of the quotas over all authors is used. */
async function play(
  made: Made,
  { redeliverySeconds, perAuthor, published, before, early, after }: Played,
  isAliceNamed: 'asks for her own' | 'does not',
) {
  const quota = {
    perAuthor: { max: perAuthor },
    perRequester: ROOM,
    slotsPerRequester: ROOM,
    slotsPerAddress: ROOM,
  }
  const test = startGateway({ claim: { redeliverySeconds }, quota })
  for (const event of [
    ...made.bobs,
    ...made.single.slice(0, published.single),
    ...made.slots.slice(0, published.slots),
    ...made.twins.slice(0, published.twins),
  ]) {
    await test.gateway.publish(event)
  }
  const neighbour = test.connect({ address: ADDRESS })
  for (const [asking, pause] of before) {
    await neighbour.ask('REQ', 'sub', filterOf(asking, alice))
    test.now += pause
  }
  const client = test.connect({ address: ADDRESS })
  for (const [index, [asking, pause]] of early.entries()) {
    const own = isAliceNamed === 'does not' ? [] : [alice]
    const filter = filterOf(asking, ...own)
    if (own.length > 0 || asking.besides) await client.ask('REQ', `early ${index}`, filter)
    test.now += pause
  }
  expect((await client.authenticate(alice))[0]?.[2]).toBe(true)
  await test.gateway.sweep()
  const left = await stockOf(test)
  const used = await Promise.all(
    ['requester', 'slots', 'slots-from'].map(async (name) => {
      const key = `${name} ${ADDRESS}`
      const { granted } = await test.store.hit(key, ROOM.max, ROOM, test.now)
      await test.store.refund(key, granted, ROOM, test.now)
      return ROOM.max - granted
    }),
  )
  const answers: (readonly RelayMessage[])[] = []
  for (const [asking, pause] of after) {
    answers.push(await neighbour.ask('REQ', 'sub', filterOf({ ...asking, besides: false }, alice)))
    test.now += pause
  }
  return { left, used, answers: answers.map((replies) => [idsIn(replies), replies.at(-1)]) }
}

type Played = typeof history extends fc.Arbitrary<infer Value> ? Value : never

async function stockOf({ store, now }: TestGateway) {
  const packages = await store.list(alice.pubkey, now)
  return packages
    .map(({ id, exposure, alias }) => ({ id, exposure, alias }))
    .sort((a, b) => (a.id < b.id ? -1 : 1))
}

describe('an author who authenticates after asking (I10)', () => {
  it('has packages and quotas as if they had not asked', async () => {
    const inSlots = await Promise.all(
      ['phone', 'desk'].map(async (d, index) => {
        const keyPackage = await makeKeyPackage(alice)
        const createdAt = NOW - 20 + index
        const slot = keyPackageEvent(alice, keyPackage, { kind: 30443, createdAt, tags: { d: [d] } })
        return { slot, twin: keyPackageEvent(alice, keyPackage, { createdAt }) }
      }),
    )
    const made = {
      single: await keyPackagesOf(alice, 4),
      slots: inSlots.map(({ slot }) => slot),
      twins: inSlots.map(({ twin }) => twin),
      bobs: await keyPackagesOf(bob, 3),
    }
    await fc.assert(
      fc.asyncProperty(history, async (played) => {
        const [asked, notAsked] = [
          await play(made, played, 'asks for her own'),
          await play(made, played, 'does not'),
        ]
        expect(asked).toEqual(notAsked)
      }),
      { seed: 1, numRuns: 80 },
    )
  })
})
