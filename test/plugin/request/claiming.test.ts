/** Quotas of claims, who counts as one requester (I5), and how a REQ is answered when the store fails (I7). */

import { describe, expect, it } from '@jest/globals'
import type { ClaimPolicy, KeyPackageStore } from '../../../plugin/store.ts'
import { eventsIn, idsIn, keyPackagesBy, startGateway, stock, wordsIn } from '../../support/gateway.ts'
import { person } from '../../support/people.ts'

const alice = person('alice')
const bob = person('bob')
const carol = person('carol')
const EOSE = ['EOSE', 'sub']

describe('claims', () => {
  it('all share one policy object, so that a store can batch claims of several clients', async () => {
    const policies = new Set<ClaimPolicy>()
    const test = startGateway({}, (store) => ({
      claim: (claims, policy, now) => {
        policies.add(policy)
        return store.claim(claims, policy, now)
      },
    }))
    await stock(test, alice, 3)
    for (const client of [test.connect(), test.connect()]) {
      expect(idsIn(await client.ask('REQ', 'sub', keyPackagesBy(alice)))).toHaveLength(1)
    }
    expect(policies.size).toBe(1)
  })
})

describe('quota used up', () => {
  it('for some authors: the others are served, then NOTICE, then EOSE', async () => {
    const test = startGateway({ quota: { perAuthor: { max: 1 } } })
    await stock(test, alice, 3)
    await stock(test, bob, 3)
    const client = test.connect()
    await client.ask('REQ', 'first', keyPackagesBy(alice))
    test.now += 600

    const replies = await client.ask('REQ', 'sub', keyPackagesBy(alice, bob))

    expect(eventsIn(replies).map(({ pubkey }) => pubkey)).toEqual([bob.pubkey])
    expect(wordsIn(replies)).toEqual([
      ['NOTICE', 'rate-limited: 1 of 2 authors: 1 queries per 3600 s for each author; try again in 3000 s'],
      EOSE,
    ])
  })

  it('for all authors: EOSE, then CLOSED', async () => {
    const test = startGateway()
    await stock(test, alice, 2)
    const client = test.connect()
    for (let query = 0; query < 10; query += 1) await client.ask('REQ', 'sub', keyPackagesBy(alice))
    test.now += 60
    expect(await client.ask('REQ', 'sub', keyPackagesBy(alice))).toEqual([
      EOSE,
      ['CLOSED', 'sub', 'rate-limited: 10 queries per 3600 s for each author; try again in 3540 s'],
    ])
    test.now += 3540
    expect(idsIn(await client.ask('REQ', 'sub', keyPackagesBy(alice)))).toHaveLength(1)
  })

  it('for all authors, at different times: EOSE, then CLOSED with the seconds until all can be asked again', async () => {
    const test = startGateway({ quota: { perAuthor: { max: 1 } } })
    await stock(test, alice, 1)
    await stock(test, bob, 1)
    const client = test.connect()
    await client.ask('REQ', 'sub', keyPackagesBy(alice))
    test.now += 100
    await client.ask('REQ', 'sub', keyPackagesBy(bob))
    expect(await client.ask('REQ', 'sub', keyPackagesBy(alice, bob))).toEqual([
      EOSE,
      ['CLOSED', 'sub', 'rate-limited: 1 queries per 3600 s for each author; try again in 3600 s'],
    ])
  })

  it('a query that finds nothing is not counted for the author, whoever they are', async () => {
    const test = startGateway({ quota: { perAuthor: { max: 1 } } })
    await stock(test, alice, 1)
    const client = test.connect()
    for (const filter of [{ ...keyPackagesBy(alice), until: 1 }, keyPackagesBy(bob)]) {
      for (let turn = 0; turn < 3; turn++) expect(await client.ask('REQ', 'sub', filter)).toEqual([EOSE])
    }
  })

  it('from one address, whoever is authenticated: perAddress', async () => {
    const test = startGateway({ quota: { perAddress: { max: 2 } } })
    await stock(test, alice, 5)
    const address = '198.51.100.7'
    for (const name of ['dave', 'erin']) {
      const client = test.connect({ address })
      await client.authenticate(person(name))
      expect(idsIn(await client.ask('REQ', 'sub', keyPackagesBy(alice)))).toHaveLength(1)
    }
    const third = test.connect({ address })
    await third.authenticate(person('frank'))
    expect(await third.ask('REQ', 'sub', keyPackagesBy(alice))).toEqual([
      EOSE,
      [
        'CLOSED',
        'sub',
        'rate-limited: 2 queries per 3600 s for each author from one address; try again in 3600 s',
      ],
    ])
    expect(idsIn(await test.connect().ask('REQ', 'sub', keyPackagesBy(alice)))).toHaveLength(1)
  })

  it('over all authors: perRequester, in the order of the authors', async () => {
    const test = startGateway({ quota: { perRequester: { max: 3 } } })
    for (const author of [alice, bob, carol]) await stock(test, author, 2)
    const client = test.connect()
    await client.ask('REQ', 'sub', keyPackagesBy(alice))
    test.now += 1

    const replies = await client.ask('REQ', 'sub', keyPackagesBy(carol, bob, alice))

    expect(eventsIn(replies).map(({ pubkey }) => pubkey)).toEqual([carol.pubkey, bob.pubkey])
    expect(wordsIn(replies)).toEqual([
      [
        'NOTICE',
        'rate-limited: 1 of 3 authors: 3 queries per 3600 s for each requester; try again in 3599 s',
      ],
      EOSE,
    ])
    expect(await client.ask('REQ', 'sub', keyPackagesBy(bob))).toEqual([
      EOSE,
      ['CLOSED', 'sub', 'rate-limited: 3 queries per 3600 s for each requester; try again in 3599 s'],
    ])
  })

  it('over all authors: claims that another quota refuses use none of it', async () => {
    const test = startGateway({ quota: { perAuthor: { max: 1 }, perRequester: { max: 3 } } })
    for (const author of [alice, bob, carol]) await stock(test, author, 2)
    const client = test.connect()
    await client.ask('REQ', 'sub', keyPackagesBy(alice))
    for (let query = 0; query < 5; query += 1) {
      expect(await client.ask('REQ', 'sub', keyPackagesBy(alice))).toEqual([
        EOSE,
        ['CLOSED', 'sub', 'rate-limited: 1 queries per 3600 s for each author; try again in 3600 s'],
      ])
    }
    const replies = await client.ask('REQ', 'sub', keyPackagesBy(alice, bob))
    expect(eventsIn(replies).map(({ pubkey }) => pubkey)).toEqual([bob.pubkey])
    expect(idsIn(await client.ask('REQ', 'sub', keyPackagesBy(carol)))).toHaveLength(1)
    expect(await client.ask('REQ', 'sub', keyPackagesBy(carol))).toEqual([
      EOSE,
      ['CLOSED', 'sub', 'rate-limited: 3 queries per 3600 s for each requester; try again in 3600 s'],
    ])
  })

  it('over all authors: a query that finds nothing counts', async () => {
    const test = startGateway({ quota: { perRequester: { max: 1 } } })
    const client = test.connect()
    expect(await client.ask('REQ', 'sub', keyPackagesBy(alice))).toEqual([EOSE])
    expect((await client.ask('REQ', 'sub', keyPackagesBy(alice))).at(-1)?.[0]).toBe('CLOSED')
  })

  it('is shared by an IPv6 /64, and by all spellings of an IPv4 address (I5)', async () => {
    const test = startGateway({ quota: { perAuthor: { max: 1 } } })
    await stock(test, alice, 5)
    const ask = async (address: string) =>
      (await test.connect({ address }).ask('REQ', 'sub', keyPackagesBy(alice))).at(-1)?.[0]
    expect(await ask('2001:db8::1')).toBe('EOSE')
    expect(await ask('2001:db8:0:0:ffff::2%eth0')).toBe('CLOSED')
    expect(await ask('2001:db8:0:1::1')).toBe('EOSE')
    expect(await ask('203.0.113.7')).toBe('EOSE')
    expect(await ask('::ffff:203.0.113.7')).toBe('CLOSED')
    expect(await ask('::ffff:cb00:7107')).toBe('CLOSED')
  })
})

describe('`requester: auth`', () => {
  it('not authenticated: AUTH challenge and CLOSED', async () => {
    const test = startGateway({ requester: 'auth' })
    await stock(test, alice, 1)
    const client = test.connect()
    const [challenge] = client.pushed
    expect(await client.ask('REQ', 'sub', keyPackagesBy(alice))).toEqual([
      challenge,
      ['CLOSED', 'sub', 'auth-required: authenticate to query key packages'],
    ])
    await client.authenticate(bob)
    expect(idsIn(await client.ask('REQ', 'sub', keyPackagesBy(alice)))).toHaveLength(1)
  })
})

describe('what became of each author', () => {
  it('is in the answer too, whose messages name no author', async () => {
    const test = startGateway({ quota: { perAuthor: { max: 1 } } })
    await stock(test, alice, 1)
    await stock(test, bob, 1)
    const { say } = test.connect()
    const { claims: first } = await say('REQ', 'sub', keyPackagesBy(alice, carol))
    expect(first).toEqual([
      { author: alice.pubkey, outcome: 'delivered' },
      { author: carol.pubkey, outcome: 'none' },
    ])
    const { claims: second } = await say('REQ', 'sub', keyPackagesBy(alice, bob))
    expect(second).toEqual([
      { author: alice.pubkey, outcome: 'limited', retryAfterSeconds: 3600 },
      { author: bob.pubkey, outcome: 'delivered' },
    ])
    const { claims: third } = await say('REQ', 'sub', keyPackagesBy(bob))
    expect(third).toEqual([{ author: bob.pubkey, outcome: 'limited', retryAfterSeconds: 3600 }])
  })

  it('is not said where nothing was claimed', async () => {
    const test = startGateway()
    const owner = test.connect()
    await owner.authenticate(alice)
    expect(await owner.say('REQ', 'sub', keyPackagesBy(alice))).not.toHaveProperty('claims')
    expect(await owner.say('REQ', 'sub', { kinds: [1] })).not.toHaveProperty('claims')
  })
})

describe('store down', () => {
  const down = () => Promise.reject(new Error('gone'))
  const unavailable = 'error: key packages are unavailable, try again'

  it.each(['claim', 'hit'] as const)('for all: CLOSED (I7): %s', async (method) => {
    const test = startGateway({}, () => ({ [method]: down }))
    await stock(test, alice, 1)
    const { say } = test.connect()
    expect(await say('REQ', 'sub', keyPackagesBy(alice))).toEqual({
      replies: [['CLOSED', 'sub', unavailable]],
      claims: [{ author: alice.pubkey, outcome: 'unavailable' }],
    })
  })

  it('for all, own packages too; COUNT says the same', async () => {
    const test = startGateway({}, () => ({ list: down }))
    const owner = test.connect()
    await owner.authenticate(alice)
    const closed = [['CLOSED', 'sub', unavailable]]
    expect(await owner.ask('REQ', 'sub', keyPackagesBy(alice))).toEqual(closed)
    expect(await owner.ask('COUNT', 'sub', keyPackagesBy(alice))).toEqual(closed)
  })

  it('for some authors: the others are served, a NOTICE says the same, then EOSE', async () => {
    const test = startGateway({}, (store) => ({
      claim: async (claims, ...rest) => {
        const outcomes = await store.claim(claims, ...rest)
        return outcomes.map((outcome, index) =>
          claims[index]?.author === alice.pubkey ? { outcome: 'unavailable' } : outcome,
        )
      },
    }))
    await stock(test, alice, 1)
    const [event] = await stock(test, bob, 1)
    const replies = await test.connect().ask('REQ', 'sub', keyPackagesBy(alice, bob))
    expect(idsIn(replies)).toEqual([event?.id])
    expect(wordsIn(replies)).toEqual([['NOTICE', unavailable], EOSE])
  })

  it.each<[name: string, claim: KeyPackageStore['claim']]>([
    ['rejects', down],
    ['cannot reach the author', async (claims) => claims.map(() => ({ outcome: 'unavailable' }))],
  ])('a claim that %s uses none of the quota over all authors', async (_name, failing) => {
    let isDown = true
    const test = startGateway({ quota: { perRequester: { max: 1 } } }, (store) => ({
      claim: (...claim) => (isDown ? failing(...claim) : store.claim(...claim)),
    }))
    await stock(test, alice, 1)
    const { ask } = test.connect()
    for (let query = 0; query < 3; query += 1) {
      expect(await ask('REQ', 'sub', keyPackagesBy(alice))).toEqual([['CLOSED', 'sub', unavailable]])
    }
    isDown = false
    expect(idsIn(await ask('REQ', 'sub', keyPackagesBy(alice)))).toHaveLength(1)
  })

  it('a refund that fails is logged, and the answer stays the same', async () => {
    const test = startGateway({ quota: { perAuthor: { max: 1 } } }, () => ({ refund: down }))
    await stock(test, alice, 1)
    await stock(test, bob, 1)
    const { ask } = test.connect()
    await ask('REQ', 'sub', keyPackagesBy(alice))
    const replies = await ask('REQ', 'sub', keyPackagesBy(alice, bob))
    expect(eventsIn(replies).map(({ pubkey }) => pubkey)).toEqual([bob.pubkey])
    expect(test.logged).toEqual([expect.stringContaining('claims that were not served stay counted')])
  })

  it('no answer waits for a refund (I7)', async () => {
    const test = startGateway({}, () => ({ claim: down, refund: () => new Promise<never>(() => {}) }))
    await stock(test, alice, 1)
    expect(await test.connect().ask('REQ', 'sub', keyPackagesBy(alice))).toEqual([
      ['CLOSED', 'sub', unavailable],
    ])
  })

  it('own packages are shown where only claims fail', async () => {
    const test = startGateway({}, () => ({ claim: down }))
    const [event] = await stock(test, alice, 1)
    const owner = test.connect()
    await owner.authenticate(alice)
    const replies = await owner.ask('REQ', 'sub', keyPackagesBy(alice, bob))
    expect(replies).toEqual([['EVENT', 'sub', event], ['NOTICE', unavailable], EOSE])
  })

  it('with filters for the relay: a NOTICE, and the rest is forwarded (I7)', async () => {
    const test = startGateway({}, () => ({ claim: down }))
    await stock(test, alice, 1)
    const { say } = test.connect()
    const { replies, forward } = await say('REQ', 'sub', { ...keyPackagesBy(alice), kinds: [443, 1] })
    expect(replies).toEqual([['NOTICE', unavailable]])
    expect(forward).toEqual(['REQ', 'sub', { ...keyPackagesBy(alice), kinds: [1] }])
  })

  it('and up again: nothing is spent', async () => {
    let isDown = true
    const test = startGateway({}, (store) => ({
      claim: (...claim) => (isDown ? down() : store.claim(...claim)),
    }))
    await stock(test, alice, 2)
    const { ask } = test.connect()
    await ask('REQ', 'sub', keyPackagesBy(alice))
    isDown = false
    expect(idsIn(await ask('REQ', 'sub', keyPackagesBy(alice)))).toHaveLength(1)
    expect(await test.store.count([alice.pubkey], test.now)).toEqual([1])
  })
})
