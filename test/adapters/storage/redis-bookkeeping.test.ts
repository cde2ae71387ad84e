/** A Redis store removes its records of claims as soon as nothing needs them, and not earlier. */

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { Redis } from 'ioredis'
import { redisStore } from '../../../adapters/storage/redis.ts'
import type { Pubkey } from '../../../plugin/nostr/messages.ts'
import type { Claim, ClaimPolicy, MovableStore } from '../../../plugin/store.ts'
import {
  authorNamed,
  claimBy,
  DAY,
  HOUR,
  LIMITS,
  NOW,
  POLICY,
  packageNamed,
  slotNamed,
} from '../../contract/index.ts'
import { type RedisServer, startRedis } from '../../support/redis.ts'

/** As long as a claim can be released. */
const MINUTE = 60

let server: RedisServer
let client: Redis
let store: MovableStore
let author: Pubkey
let authors = 0

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

/** A new author with that many packages; the first expires an hour after `expiresAt`, the second two hours, and so on. */
async function publish(count: number, expiresAt = NOW + 30 * DAY): Promise<void> {
  author = authorNamed(`author ${authors++}`)
  for (let number = 1; number <= count; number++) {
    const pkg = packageNamed(`${author} ${number}`, author, { expiresAt: expiresAt + number * HOUR })
    expect(await store.put(pkg, LIMITS, NOW)).toBe('stored')
  }
}

async function claim(
  requester: string,
  now: number,
  policy: ClaimPolicy = POLICY,
  overrides: Partial<Claim> = {},
): Promise<string | undefined> {
  const [outcome] = await store.claim([claimBy(requester, author, overrides)], policy, now)
  return outcome?.outcome
}

/** How many rows, deliveries and windows of the author are stored; and `stock`, if there is one. */
async function kept(): Promise<Record<string, number>> {
  const names = await client.hkeys(`test:{${author}}:stock`)
  const [deliveries, taken] = await client.hmget(`test:{${author}}:stock`, 'deliveries', 'taken')
  const windows = (letter: string) => names.filter((name) => name.startsWith(`${letter} `)).length
  const counts = {
    stock: Number(names.includes('version')),
    rows: names.filter((name) => name.startsWith(':')).length,
    deliveries: `${deliveries ?? ''}${taken ?? ''}`.split('\n').length - 1,
    requesters: windows('q'),
    addresses: windows('a'),
    networks: windows('n'),
  }
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0))
}

describe('what a claim leaves behind', () => {
  it('is the row of the spent package, a delivery and its windows', async () => {
    await publish(3)
    await claim('bob', NOW)
    expect(await kept()).toEqual({ stock: 1, rows: 3, deliveries: 1, requesters: 1, addresses: 1 })
    await claim('bob', NOW, POLICY, { network: '2001:db8:0::/48' })
    expect(await kept()).toMatchObject({ requesters: 1, addresses: 1, networks: 1 })
  })

  it('is nothing if it finds nothing', async () => {
    author = authorNamed(`author ${authors++}`)
    expect(await claim('bob', NOW)).toBe('none')
    expect(await client.keys(`test:{${author}}:*`)).toEqual([])
  })

  it('stays as long as claims can be repeated', async () => {
    const policy = { ...POLICY, redeliverySeconds: 2 * MINUTE }
    await publish(3)
    await claim('bob', NOW, policy)
    await store.sweep(NOW + MINUTE, 600)
    expect(await kept()).toMatchObject({ rows: 3, deliveries: 1 })
    await store.sweep(NOW + 2 * MINUTE, 600)
    expect(await kept()).toEqual({ stock: 1, rows: 2, requesters: 1, addresses: 1 })
  })
})

describe.each([
  ['a sweep', 0, (now: number) => store.sweep(now, 600)],
  [
    'a package that comes in',
    1,
    (now: number) => store.put(packageNamed(`late ${author}`, author), LIMITS, now),
  ],
])('%s', (_what, came, visit) => {
  it('loses the spent package once it cannot be released, and keeps the quotas (I5)', async () => {
    await publish(3)
    await claim('bob', NOW)
    await claim('carol', NOW)
    await visit(NOW + MINUTE)
    expect(await kept()).toEqual({ stock: 1, rows: 1 + came, requesters: 2, addresses: 2 })
  })
})

describe('the windows of claims', () => {
  const policy = {
    ...POLICY,
    perAuthor: { max: 9, windowSeconds: HOUR },
    perAddress: { max: 9, windowSeconds: 2 * HOUR },
  }

  it.each([
    ['fresh packages', 5],
    ['a last package', 1],
  ])(
    'of %s are removed by a sweep once they are over, for clocks that differ a minute later',
    async (_of, count) => {
      await publish(count)
      for (const requester of ['bob', 'carol', 'dave']) await claim(requester, NOW, policy)
      await claim('bob', NOW, { ...policy, redeliverySeconds: 3 * HOUR })
      await store.sweep(NOW + HOUR + 59, 600)
      expect(await kept()).toMatchObject({ requesters: 3, addresses: 3 })
      await store.sweep(NOW + HOUR + 60, 600)
      expect(await kept()).toMatchObject({ requesters: 1, addresses: 3 })
      await store.sweep(NOW + 2 * HOUR + 60, 600)
      expect(await kept()).not.toHaveProperty('addresses')
      await store.sweep(NOW + 3 * HOUR + 60, 600)
      expect(await kept()).not.toHaveProperty('requesters')
    },
  )

  it('are removed as well where claims spend nothing', async () => {
    author = authorNamed(`author ${authors++}`)
    await store.put(slotNamed(`slot of ${author}`, author, 'phone'), LIMITS, NOW)
    await store.sweep(NOW, 600)
    for (const requester of ['bob', 'carol', 'dave']) await claim(requester, NOW, policy)
    expect(await kept()).toMatchObject({ requesters: 3, addresses: 3 })
    await store.sweep(NOW, 600)
    await claim('erin', NOW + HOUR, policy)
    await store.sweep(NOW + HOUR + 60, 600)
    expect(await kept()).toMatchObject({ requesters: 1, addresses: 4 })
    await store.sweep(NOW + 3 * HOUR + 60, 600)
    expect(await kept()).toEqual({ stock: 1, rows: 1 })
  })

  it('are read as they are by a claim that comes before the sweep', async () => {
    await publish(5)
    const once = { ...POLICY, perAuthor: { max: 1, windowSeconds: HOUR } }
    expect(await claim('bob', NOW, once)).toBe('delivered')
    expect(await claim('bob', NOW + HOUR - 1, once)).toBe('limited')
    expect(await claim('bob', NOW + HOUR, once)).toBe('delivered')
  })
})

describe('claims alone', () => {
  it('keep the stock of an author small who is claimed from all day and publishes nothing', async () => {
    await publish(1)
    const policy = { ...POLICY, redeliverySeconds: MINUTE }
    let most = 0
    for (let turn = 0; turn < 400; turn++) {
      expect(await claim(`requester ${turn}`, NOW + turn * 10, policy)).toBe('delivered')
      most = Math.max(most, await client.hstrlen(`test:{${author}}:stock`, 'taken'))
    }
    expect(most).toBeLessThan(17_000)
    expect((await kept()).deliveries).toBeLessThan(200)
  })

  it('schedule a sweep of an author without one', async () => {
    await publish(5)
    await store.sweep(NOW, 600)
    await claim('bob', NOW)
    await claim('carol', NOW)
    await store.sweep(NOW + HOUR, 600)
    expect(await kept()).toMatchObject({ rows: 3, requesters: 2, addresses: 2 })
    await store.sweep(NOW + HOUR + MINUTE, 600)
    expect(await kept()).toEqual({ stock: 1, rows: 3 })
  })

  it('of a last package do so too, if they may be repeated', async () => {
    const policy = { ...POLICY, redeliverySeconds: MINUTE }
    await publish(1)
    await store.sweep(NOW, 600)
    await claim('bob', NOW, policy)
    await store.sweep(NOW + HOUR / 2, 600)
    expect(await kept()).toEqual({ stock: 1, rows: 1, requesters: 1, addresses: 1 })
  })

  it('by the hundreds are cleaned up by one sweep', async () => {
    const limits = { ...LIMITS, max: 500 }
    author = authorNamed(`author ${authors++}`)
    const puts = Array.from({ length: 500 }, (_, number) =>
      store.put(packageNamed(`${author} ${number}`, author), limits, NOW),
    )
    await Promise.all(puts)
    const claims = Array.from({ length: 499 }, (_, number) => claimBy(`requester ${number}`, author))
    const outcomes = await store.claim(claims, POLICY, NOW)
    expect(new Set(outcomes.map(({ outcome }) => outcome))).toEqual(new Set(['delivered']))
    expect(await kept()).toMatchObject({ rows: 500, deliveries: 499, requesters: 499 })
    await store.sweep(NOW + MINUTE, 600)
    expect(await kept()).toEqual({ stock: 1, rows: 1, requesters: 499, addresses: 499 })
  })
})

describe('an author of whom only windows are left', () => {
  it('counts as unknown, and has the same quotas after publishing again (I5)', async () => {
    const once = { ...POLICY, perAuthor: { max: 1, windowSeconds: 10 * HOUR } }
    await publish(1, NOW)
    expect(await claim('bob', NOW, once)).toBe('delivered')
    await store.sweep(NOW + HOUR, 600)
    expect(await kept()).toEqual({ requesters: 1, addresses: 1 })
    expect(await client.hlen(`test:{${author}}:stock`)).toBe(2)
    expect(await timeToLive('stock')).toBe(12 * HOUR)
    expect(await claim('bob', NOW + HOUR, once)).toBe('none')
    expect(await everyAuthor()).not.toContain(author)
    expect(await dueOf()).toBe('')

    const again = packageNamed(`again ${author}`, author, { expiresAt: NOW + DAY })
    expect(await store.put(again, LIMITS, NOW + HOUR)).toBe('stored')
    expect(await claim('bob', NOW + HOUR, once)).toBe('limited')
    expect(await claim('carol', NOW + HOUR, once)).toBe('delivered')
  })
})

describe('the keys of an author', () => {
  it('expire an hour after everything in them is obsolete', async () => {
    await publish(2, NOW)
    for (const key of ['stock', 'known']) expect(await timeToLive(key)).toBe(3 * HOUR)
    await claim('bob', NOW)
    expect(await timeToLive('stock')).toBe(3 * HOUR)
  })

  it('expire an hour or two after the last claim window is over', async () => {
    await publish(3, NOW)
    await claim('bob', NOW, { ...POLICY, redeliverySeconds: DAY })
    expect(await timeToLive('stock')).toBe(DAY + 3 * HOUR)
    expect(await timeToLive('known')).toBe(DAY + 3 * HOUR)
  })

  it('are kept as long as a package that was published later', async () => {
    await publish(1, NOW)
    const later = packageNamed(`later ${author}`, author, { expiresAt: NOW + 3 * HOUR })
    await store.put(later, LIMITS, NOW)
    for (const key of ['stock', 'known']) expect(await timeToLive(key)).toBe(4 * HOUR)
  })
})

/** In seconds, rounded to the hour, because a few have passed since. */
async function timeToLive(key: string): Promise<number> {
  const seconds = Number(await server.command('TTL', `test:{${author}}:${key}`))
  return Math.ceil(seconds / HOUR) * HOUR
}

/** When a sweep will visit the author; undefined if never. */
async function dueOf(): Promise<string> {
  const part = Number.parseInt(author.slice(0, 8), 16) % 64
  return server.command('ZSCORE', `test:sweep:{${part}}`, author)
}

async function everyAuthor(): Promise<Pubkey[]> {
  const all: Pubkey[] = []
  for await (const one of store.authors()) all.push(one)
  return all
}
