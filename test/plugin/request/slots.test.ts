/** Slots (kind 30443): how many are delivered, which queries use quota, and which rotations are pushed. */

import { describe, expect, it } from '@jest/globals'
import type { SignedEvent } from '../../../plugin/nostr/messages.ts'
import type { OptionsInput } from '../../../plugin/options.ts'
import type { Claim, KeyPackageStore } from '../../../plugin/store.ts'
import { gate } from '../../support/gate.ts'
import {
  eventsIn,
  idsIn,
  keyPackagesBy,
  type StoreChanges,
  startGateway,
  stock,
  type TestClient,
  type TestGateway,
  wordsIn,
} from '../../support/gateway.ts'
import { keyPackageEvent, makeKeyPackage, NOW } from '../../support/key-packages.ts'
import { type Person, person } from '../../support/people.ts'

const alice = person('alice')
const bob = person('bob')
const carol = person('carol')
const EOSE = ['EOSE', 'sub']

/** Publishes packages in these slots, each a second newer than the one before. */
async function fill(test: TestGateway, author: Person, ...slots: readonly string[]): Promise<SignedEvent[]> {
  const events: SignedEvent[] = []
  for (const [index, slot] of slots.entries()) {
    const createdAt = test.now - 60 + index
    const made = await makeKeyPackage(author, { now: test.now })
    const event = keyPackageEvent(author, made, { kind: 30443, createdAt, tags: { d: [slot] } })
    const { accepted, message } = await test.gateway.publish(event)
    if (!accepted) throw new Error(message)
    events.push(event)
  }
  return events
}

function slotsBy(...authors: readonly Person[]) {
  return { ...keyPackagesBy(...authors), kinds: [30443] }
}

function bothBy(...authors: readonly Person[]) {
  return { ...keyPackagesBy(...authors), kinds: [443, 30443] }
}

/** Counts the claims that the store is asked. */
function counting(options: OptionsInput): { test: TestGateway; claims: Claim[]; hits: string[] } {
  const claims: Claim[] = []
  const hits: string[] = []
  const noting: StoreChanges = (store: KeyPackageStore) => ({
    claim: (asked, ...rest) => {
      claims.push(...asked)
      return store.claim(asked, ...rest)
    },
    hit: (key, ...rest) => {
      hits.push(key)
      return store.hit(key, ...rest)
    },
  })
  return { test: startGateway(options, noting), claims, hits }
}

const closedIn = async ({ ask }: TestClient, filter: object) =>
  (await ask('REQ', 'sub', filter)).find(([verb]) => verb === 'CLOSED')?.[2]

describe('`limit` of a query for slots', () => {
  it.each([
    { limits: [undefined], count: 3 },
    { limits: [50], count: 3 },
    { limits: [2], count: 2 },
    { limits: [1, 2], count: 2 },
    { limits: [1, undefined], count: 3 },
    { limits: [0], count: 0 },
    { limits: [0, 1], count: 1 },
  ])('is per author, newest first; the largest counts: $limits is $count', async ({ limits, count }) => {
    const test = startGateway()
    const ofAlice = await fill(test, alice, 'phone', 'laptop', 'desk')
    const ofBob = await fill(test, bob, 'phone', 'laptop', 'desk')
    const filters = limits.map((limit) => ({
      ...slotsBy(alice, bob),
      ...(limit !== undefined && { limit }),
    }))
    const ids = idsIn(await test.connect().ask('REQ', 'sub', ...filters))
    const newest = [ofAlice, ofBob].flatMap((events) => events.toReversed().slice(0, count))
    expect(ids).toEqual(newest.map(({ id }) => id))
  })
})

describe('queries for slots alone', () => {
  it('are counted in windows of their own: slotsPerRequester', async () => {
    const test = startGateway({ quota: { perRequester: { max: 1 }, slotsPerRequester: { max: 2 } } })
    for (const author of [alice, bob, carol]) {
      await fill(test, author, 'phone')
      await stock(test, author, 1)
    }
    const client = test.connect()
    expect(idsIn(await client.ask('REQ', 'sub', slotsBy(alice, bob)))).toHaveLength(2)
    const why = 'rate-limited: 2 queries per 3600 s for each requester; try again in 3600 s'
    expect(await client.ask('REQ', 'sub', slotsBy(carol))).toEqual([EOSE, ['CLOSED', 'sub', why]])
    expect(idsIn(await client.ask('REQ', 'sub', keyPackagesBy(carol)))).toHaveLength(1)
    expect(idsIn(await test.connect().ask('REQ', 'sub', slotsBy(carol)))).toHaveLength(1)
  })

  it('are counted by address too, whoever is authenticated: slotsPerAddress', async () => {
    const test = startGateway({ quota: { slotsPerAddress: { max: 2 } } })
    for (const author of [alice, bob, carol]) await fill(test, author, 'phone')
    const address = '198.51.100.7'
    for (const [name, author] of [
      ['dave', alice],
      ['erin', bob],
    ] as const) {
      const client = test.connect({ address })
      await client.authenticate(person(name))
      expect(idsIn(await client.ask('REQ', 'sub', slotsBy(author)))).toHaveLength(1)
    }
    const why = 'rate-limited: 2 queries per 3600 s for each address; try again in 3600 s'
    expect(await closedIn(test.connect({ address }), slotsBy(carol))).toBe(why)
  })

  it('use none of one window if the other has no room', async () => {
    const quota = { slotsPerRequester: { max: 2 }, slotsPerAddress: { max: 3 } }
    const test = startGateway({ quota })
    for (const author of [alice, bob, carol]) await fill(test, author, 'phone')
    const address = '198.51.100.7'
    const first = test.connect({ address })
    expect(idsIn(await first.ask('REQ', 'sub', slotsBy(alice, bob, carol)))).toHaveLength(2)
    const second = test.connect({ address })
    await second.authenticate(person('dave'))
    expect(idsIn(await second.ask('REQ', 'sub', slotsBy(carol)))).toHaveLength(1)
  })

  it('are in no window by author', async () => {
    const test = startGateway({ quota: { perAuthor: { max: 1 }, perAddress: { max: 1 } } })
    const client = test.connect()
    for (let turn = 0; turn < 3; turn += 1) {
      await fill(test, alice, `slot ${turn}`)
      expect(idsIn(await client.ask('REQ', 'sub', slotsBy(alice)))).toHaveLength(turn + 1)
    }
  })

  it('are counted apart from other queries in the same REQ', async () => {
    const { test, hits } = counting({})
    await fill(test, alice, 'phone')
    await stock(test, bob, 2)
    hits.length = 0
    const replies = await test
      .connect({ address: '192.0.2.9' })
      .ask('REQ', 'sub', slotsBy(alice), bothBy(bob))
    expect(eventsIn(replies).map(({ pubkey }) => pubkey)).toEqual([alice.pubkey, bob.pubkey])
    expect(hits.sort()).toEqual([
      'claims-from 192.0.2.9',
      'requester 192.0.2.9',
      'slots 192.0.2.9',
      'slots-from 192.0.2.9',
    ])
  })

  it('fail together with the store, and use no quota (I7)', async () => {
    let isDown = true
    const test = startGateway({ quota: { slotsPerRequester: { max: 1 } } }, (store) => ({
      hit: (key, ...rest) =>
        isDown && key.startsWith('slots-from') ? Promise.reject(new Error('gone')) : store.hit(key, ...rest),
    }))
    await fill(test, alice, 'phone')
    const client = test.connect()
    const closed = [['CLOSED', 'sub', 'error: key packages are unavailable, try again']]
    for (let turn = 0; turn < 2; turn += 1) {
      expect(await client.ask('REQ', 'sub', slotsBy(alice))).toEqual(closed)
    }
    isDown = false
    expect(idsIn(await client.ask('REQ', 'sub', slotsBy(alice)))).toHaveLength(1)
  })
})

describe('a readback by author, kind and #d', () => {
  const quota = { perRequester: { max: 1 }, slotsPerRequester: { max: 1 }, slotsPerAddress: { max: 1 } }

  it('is counted in no window', async () => {
    const { test, hits } = counting({ quota })
    const [slot] = await fill(test, alice, 'phone')
    const client = test.connect()
    hits.length = 0
    for (let turn = 0; turn < 3; turn += 1) {
      expect(idsIn(await client.ask('REQ', 'sub', { ...slotsBy(alice), '#d': ['phone'] }))).toEqual([
        slot?.id,
      ])
      expect(await client.ask('REQ', 'sub', { ...slotsBy(alice), '#d': ['desk'] })).toEqual([EOSE])
    }
    expect(hits).toEqual([])
  })

  it.each([
    ['of several authors', { ...slotsBy(alice, bob), '#d': ['phone'] }],
    ['with one-time packages', { ...bothBy(alice), '#d': ['phone'] }],
    ['without #d', { ...slotsBy(alice), '#e': ['phone'] }],
  ])('is none: %s', async (_, filter) => {
    const { test, hits } = counting({ quota })
    await test.connect().ask('REQ', 'sub', filter)
    expect(hits).not.toEqual([])
  })
})

describe('the same slots again', () => {
  const quota = {
    perAuthor: { max: 1 },
    perRequester: { max: 2 },
    slotsPerRequester: { max: 2 },
  }

  it.each([
    ['slots alone', slotsBy],
    ['both kinds', bothBy],
  ])('use no quota, also when it is used up: %s', async (_, by) => {
    const test = startGateway({ quota })
    const [slot] = await fill(test, alice, 'phone')
    await fill(test, bob, 'phone')
    await fill(test, carol, 'phone')
    const client = test.connect()
    for (let turn = 0; turn < 4; turn += 1) {
      const replies = await client.ask('REQ', 'sub', by(alice))
      expect(idsIn(replies)).toEqual([slot?.id])
      expect(wordsIn(replies)).toEqual([EOSE])
    }
    expect(idsIn(await client.ask('REQ', 'sub', by(bob)))).toHaveLength(1)
    expect(await closedIn(client, by(carol))).toMatch(/^rate-limited: 2 queries/)
    expect(idsIn(await client.ask('REQ', 'sub', by(alice)))).toEqual([slot?.id])
    const some = await client.ask('REQ', 'sub', by(alice, bob, carol))
    expect(eventsIn(some).map(({ pubkey }) => pubkey)).toEqual([alice.pubkey, bob.pubkey])
    expect(wordsIn(some)[0]?.[1]).toMatch(/^rate-limited: 1 of 3 authors: 2 queries/)
  })

  it('are other slots after a rotation, which is counted', async () => {
    const test = startGateway({ quota })
    await fill(test, alice, 'phone')
    const client = test.connect()
    await client.ask('REQ', 'sub', bothBy(alice))
    await client.ask('CLOSE', 'sub')
    test.now += 100
    await fill(test, alice, 'phone')
    expect(await closedIn(client, bothBy(alice))).toMatch(
      /^rate-limited: 1 queries per 3600 s for each author/,
    )
  })

  it('use no quota of the same requester alone', async () => {
    const test = startGateway({ quota: { slotsPerRequester: { max: 1 } } })
    await fill(test, alice, 'phone')
    await fill(test, bob, 'phone')
    await test.connect().ask('REQ', 'sub', slotsBy(alice))
    const other = test.connect()
    await other.ask('REQ', 'sub', slotsBy(bob))
    expect(await closedIn(other, slotsBy(alice))).toMatch(/^rate-limited: /)
  })

  it('are served without quota, which authors not seen yet use first', async () => {
    const test = startGateway({ quota: { slotsPerRequester: { max: 2 } } })
    for (const author of [alice, bob, carol]) await fill(test, author, 'phone')
    const client = test.connect()
    await client.ask('REQ', 'sub', slotsBy(alice))
    expect(idsIn(await client.ask('REQ', 'sub', slotsBy(alice, bob)))).toHaveLength(2)
    expect(idsIn(await client.ask('REQ', 'sub', slotsBy(alice, bob, carol)))).toHaveLength(2)
  })

  it('are asked of the store if a quota is used up, and other claims are not', async () => {
    const { test, claims } = counting({ quota: { slotsPerRequester: { max: 1 } } })
    for (const author of [alice, bob]) await fill(test, author, 'phone')
    const client = test.connect()
    await client.ask('REQ', 'sub', slotsBy(alice))
    claims.length = 0
    await client.ask('REQ', 'sub', slotsBy(alice, bob))
    expect(claims.map(({ author }) => author)).toEqual([alice.pubkey])
    claims.length = 0
    await client.ask('REQ', 'sub', slotsBy(carol))
    expect(claims).toEqual([])
  })

  it.each(['unsent', 'CLOSE'])('do not count as delivered if the answer was not sent: %s', async (how) => {
    const [claimed, closed] = [gate(), gate()]
    const test = startGateway({ quota: { slotsPerRequester: { max: 2 } } }, (store) => ({
      claim: async (...claim) => {
        const outcomes = await store.claim(...claim)
        claimed.open()
        await closed.opened
        return outcomes
      },
    }))
    await fill(test, alice, 'phone')
    await fill(test, bob, 'phone')
    const client = test.connect()
    const asked = client.say('REQ', 'sub', slotsBy(alice))
    await claimed.opened
    if (how === 'CLOSE') void client.say('CLOSE', 'sub')
    closed.open()
    const { replies, unsent } = await asked
    expect(idsIn(replies)).toHaveLength(how === 'CLOSE' ? 0 : 1)
    await unsent?.()
    expect(idsIn(await client.ask('REQ', 'sub', slotsBy(alice)))).toHaveLength(1)
    expect(await closedIn(client, slotsBy(bob))).toMatch(/^rate-limited: /)
  })
})

describe('a slot that rotates', () => {
  const rotate = async (test: TestGateway, author: Person, slot = 'phone') => {
    test.now += 1
    const [event] = await fill(test, author, slot)
    return event as SignedEvent
  }

  it('is pushed to open subscriptions that have claimed its author, as published, and counts as delivered', async () => {
    const test = startGateway({ quota: { slotsPerRequester: { max: 2 } }, delivery: { encoding: 'hex' } })
    await fill(test, alice, 'phone')
    const client = test.connect()
    const other = test.connect()
    await client.ask('REQ', 'sub', { ...slotsBy(alice, bob), '#f': ['hex'] })
    await other.ask('REQ', 'sub', slotsBy(carol))
    const rotated = await rotate(test, alice)
    const first = await rotate(test, bob)
    expect(client.pushed.filter(([verb]) => verb === 'EVENT')).toEqual([
      ['EVENT', 'sub', rotated],
      ['EVENT', 'sub', first],
    ])
    expect(idsIn(other.pushed)).toEqual([])
    expect(idsIn(await client.ask('REQ', 'again', slotsBy(alice, bob)))).toEqual([rotated.id, first.id])
  })

  it('is pushed only where the filters match', async () => {
    const test = startGateway()
    const client = test.connect()
    await client.ask('REQ', 'desk', { ...slotsBy(alice), '#d': ['desk'] })
    await client.ask('REQ', 'single', keyPackagesBy(alice))
    await rotate(test, alice, 'phone')
    const desk = await rotate(test, alice, 'desk')
    expect(client.pushed.slice(1)).toEqual([['EVENT', 'desk', desk]])
  })

  it('is all that is pushed: one-time packages and aliases never are (I4)', async () => {
    const test = startGateway()
    const client = test.connect()
    await client.ask('REQ', 'sub', bothBy(alice))
    const made = await makeKeyPackage(alice)
    await test.gateway.publish(keyPackageEvent(alice, made, { createdAt: NOW - 10 }))
    const slot = keyPackageEvent(alice, made, { kind: 30443, createdAt: NOW - 10, tags: { d: ['phone'] } })
    await test.gateway.publish(slot)
    await stock(test, alice, 1)
    expect(idsIn(client.pushed)).toEqual([slot.id])
  })

  it.each([
    ['CLOSE', (client: TestClient) => client.ask('CLOSE', 'sub')],
    ['close', async (client: TestClient) => client.session.close()],
    ['replaced', (client: TestClient) => client.ask('REQ', 'sub', { kinds: [1] })],
  ])('not after the subscription has ended: %s', async (_, end) => {
    const test = startGateway()
    const client = test.connect()
    await client.ask('REQ', 'sub', slotsBy(alice))
    await end(client)
    await rotate(test, alice)
    expect(idsIn(client.pushed)).toEqual([])
  })

  it('is not pushed where the claim was limited or refused, or `limit` was 0', async () => {
    const test = startGateway({ quota: { slotsPerRequester: { max: 1 } } })
    const client = test.connect()
    await client.ask('REQ', 'some', slotsBy(alice, bob))
    await client.ask('REQ', 'none', slotsBy(bob))
    await client.ask('REQ', 'zero', { ...slotsBy(bob), limit: 0 })
    await rotate(test, bob)
    expect(idsIn(client.pushed)).toEqual([])
    await rotate(test, alice)
    expect(idsIn(client.pushed)).toHaveLength(1)
  })

  it('is pushed beside what the relay sends', async () => {
    const test = startGateway()
    const client = test.connect()
    await client.ask('REQ', 'sub', { ...slotsBy(alice), kinds: [0, 10002, 30443] })
    const rotated = await rotate(test, alice)
    expect(idsIn(client.pushed)).toEqual([rotated.id])
  })

  it('writes nothing to the store, and uses no quota', async () => {
    const { test, claims, hits } = counting({})
    await test.connect().ask('REQ', 'sub', slotsBy(alice))
    claims.length = 0
    hits.length = 0
    await rotate(test, alice)
    expect({ claims, hits: hits.filter((key) => !key.startsWith('publish')) }).toEqual({
      claims: [],
      hits: [],
    })
  })

  it('is pushed at most 10 times an hour of one author to each connection', async () => {
    const test = startGateway()
    const client = test.connect()
    await client.ask('REQ', 'sub', slotsBy(alice, bob))
    for (let turn = 0; turn < 12; turn += 1) await rotate(test, alice)
    expect(idsIn(client.pushed)).toHaveLength(10)
    await rotate(test, bob)
    expect(idsIn(client.pushed)).toHaveLength(11)
    test.now += 3600
    await rotate(test, alice)
    expect(idsIn(client.pushed)).toHaveLength(12)
  })

  it('is pushed after EOSE, once, if it rotates before the answer is sent', async () => {
    const published: SignedEvent[] = []
    const test: TestGateway = startGateway({}, (store) => ({
      claim: async (...claim) => {
        published.push(await rotate(test, alice))
        const outcomes = await store.claim(...claim)
        published.push(await rotate(test, alice))
        return outcomes
      },
    }))
    const client = test.connect()
    const replies = await client.ask('REQ', 'sub', slotsBy(alice))
    expect(replies).toEqual([['EVENT', 'sub', published[0]], EOSE, ['EVENT', 'sub', published[1]]])
    expect(idsIn(client.pushed)).toEqual([])
  })

  it('is pushed to hundreds of subscribers in turns, so that none slows the others (I9)', async () => {
    const test = startGateway()
    let told = 0
    const clients = Array.from({ length: 300 }, () => test.connect({ send: () => (told += 1) }))
    for (const { ask } of clients) await ask('REQ', 'sub', slotsBy(alice))
    told = 0
    await rotate(test, alice)
    const inFirstTurn = told
    while (told < 300) await new Promise((resolve) => setImmediate(resolve))
    expect(inFirstTurn).toBeLessThan(300)
    expect(told).toBe(300)
  })
})
