/** Claims that are sent to Redis together: none affects another, and many of them do not delay later calls. */

import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { Redis } from 'ioredis'
import { redisStore } from '../../../adapters/storage/redis.ts'
import type { Pubkey } from '../../../plugin/nostr/messages.ts'
import type { ClaimOutcome, MovableStore } from '../../../plugin/store.ts'
import { authorNamed, claimBy, LIMITS, NOW, POLICY, packageNamed } from '../../contract/index.ts'
import { type RedisServer, startRedis } from '../../support/redis.ts'

const AUTHORS = ['alice', 'bob', 'carol'].map(authorNamed)
const bob = authorNamed('bob')

let server: RedisServer
let client: Redis
let store: MovableStore

beforeAll(async () => {
  server = await startRedis()
  client = new Redis(server.url)
  store = await redisStore({ redis: `${server.url}?prefix=test:` })
})
afterAll(async () => {
  await store?.close()
  client?.disconnect()
  await server?.stop()
})

beforeEach(async () => {
  await client.flushall()
  for (const author of AUTHORS)
    for (let number = 0; number < 5; number++)
      await store.put(packageNamed(`${author} ${number}`, author, { createdAt: NOW + number }), LIMITS, NOW)
})

/** The outcomes of claims for two packages of each author, all in one call. */
async function claimAll(): Promise<readonly ClaimOutcome[]> {
  const claims = AUTHORS.map((author) => claimBy('dave', author, { maximum: 2 }))
  return store.claim(claims, POLICY, NOW)
}

/** The row of bob's package that is claimed first. */
async function firstRow(): Promise<string> {
  return ((await client.hget(`test:{${bob}}:stock`, 'fresh')) ?? '').slice(0, 6)
}

/** Whose packages were delivered, or the other outcome. */
function owners(outcomes: readonly ClaimOutcome[]): (string | readonly Pubkey[])[] {
  return outcomes.map((one) =>
    one.outcome === 'delivered'
      ? one.packages.map(({ event }) => (JSON.parse(event) as { pubkey: Pubkey }).pubkey)
      : one.outcome,
  )
}

const expected = AUTHORS.map((author) => (author === bob ? 'unavailable' : [author, author]))

describe('a claim on an author', () => {
  it('whose key has another type fails alone (I7)', async () => {
    await client.set(`test:{${bob}}:stock`, 'something else')
    expect(owners(await claimAll())).toEqual(expected)
    await expect(store.claim([claimBy('dave', bob)], POLICY, NOW)).rejects.toThrow(
      'Redis: unexpected data in a key',
    )
  })

  it('with a missing package fails alone (I7)', async () => {
    expect(await client.hdel(`test:{${bob}}:stock`, await firstRow())).toBe(1)
    expect(owners(await claimAll())).toEqual(expected)
  })

  it('with an undecodable package fails alone (I7)', async () => {
    expect(await client.hset(`test:{${bob}}:stock`, await firstRow(), 'no row')).toBe(0)
    expect(owners(await claimAll())).toEqual(expected)
  })

  it('for all packages delivers all', async () => {
    const claims = AUTHORS.map((author) => claimBy('dave', author, { maximum: Number.POSITIVE_INFINITY }))
    const outcomes = await store.claim(claims, POLICY, NOW)
    expect(owners(outcomes)).toEqual(AUTHORS.map((author) => Array.from({ length: 5 }, () => author)))
  })
})

describe('a release', () => {
  it('takes two calls, regardless of the number of claims', async () => {
    const claims = Array.from({ length: 300 }, (_, number) => claimBy(`requester ${number}`, bob))
    const [first] = await store.claim(claims, POLICY, NOW)
    await client.config('RESETSTAT')
    await store.release(bob, first?.outcome === 'delivered' ? first.packages.map(({ id }) => id) : [], NOW)
    expect(/cmdstat_evalsha:calls=(\d+)/.exec(await client.info('commandstats'))?.[1]).toBe('2')
    expect(await store.count([bob], NOW)).toEqual([2])
  })
})
