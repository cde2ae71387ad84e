/** What a Redis store keeps of claims beside the packages is gone when nobody can come back to it, and not before. */

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { Redis } from 'ioredis'
import { redisStore } from '../../../adapters/storage/redis.ts'
import type { Pubkey } from '../../../plugin/nostr/messages.ts'
import type { Claim, ClaimPolicy, MovableStore } from '../../../plugin/store.ts'
import { authorNamed, claimBy, DAY, HOUR, LIMITS, NOW, POLICY, packageNamed } from '../../contract/index.ts'
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

/** A new author with so many packages; the first expires an hour later than `expiresAt`, the second two hours, and so on. */
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

/** How many fields of each sort the author's stock has: rows have a number for a name, which begins with a 0 byte. */
async function fields(): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const name of await client.hkeys(`test:{${author}}:stock`)) {
    const [, whole, letter] = /^(order|past)$|^([a-z])/.exec(name) ?? []
    const sort = whole ?? letter ?? 'row'
    counts[sort] = (counts[sort] ?? 0) + 1
  }
  return counts
}

const alone = { order: 1 }

describe('what a claim leaves behind', () => {
  it('is the row of what it spent, a visit and two windows', async () => {
    await publish(3)
    await claim('bob', NOW)
    expect(await fields()).toEqual({ ...alone, row: 3, v: 1, q: 1, a: 1 })
  })

  it('is found by who asks again, where claims are repeated, for as long as they are', async () => {
    const policy = { ...POLICY, redeliverySeconds: 2 * MINUTE }
    await publish(3)
    await claim('bob', NOW, policy)
    expect(await fields()).toMatchObject({ v: 1, r: 1 })
    await store.sweep(NOW + MINUTE, 600)
    expect(await fields()).toMatchObject({ row: 3, v: 1, r: 1 })
    await store.sweep(NOW + 2 * MINUTE, 600)
    expect(await fields()).toEqual({ ...alone, row: 2, v: 1, q: 1, a: 1 })
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
  it('forgets what was spent once it cannot be released, and leaves the quotas (I5)', async () => {
    await publish(3)
    await claim('bob', NOW)
    await claim('carol', NOW)
    await visit(NOW + MINUTE)
    expect(await fields()).toEqual({ ...alone, row: 1 + came, v: 2, q: 2, a: 2 })
  })

  it('forgets quotas once their windows are over', async () => {
    await publish(3)
    await claim('bob', NOW)
    await claim('carol', NOW + MINUTE)
    await visit(NOW + HOUR)
    expect(await fields()).toMatchObject({ v: 1, q: 1, a: 1 })
    await store.sweep(NOW + HOUR + MINUTE, 600)
    expect(await fields()).toEqual({ ...alone, row: 1 + came })
  })

  it('leaves a window that somebody wrote to since (I5)', async () => {
    const twice = { ...POLICY, perAuthor: { max: 2, windowSeconds: HOUR } }
    await publish(5)
    await claim('bob', NOW, twice, { address: '192.0.2.1' })
    await claim('bob', NOW + MINUTE, twice, { address: '192.0.2.2' })
    await visit(NOW + HOUR)
    expect(await fields()).toMatchObject({ v: 1, q: 1, a: 1 })
    expect(await claim('bob', NOW + HOUR, twice)).toBe('delivered')
    expect(await claim('bob', NOW + HOUR, twice)).toBe('limited')
  })
})

describe('claims alone', () => {
  it('keep the stock of an author small who is asked for all day and publishes nothing', async () => {
    await publish(1)
    const quota = { max: 10, windowSeconds: MINUTE }
    const short = { ...POLICY, perAuthor: quota, perAddress: quota }
    let most = 0
    for (let turn = 0; turn < 200; turn++) {
      expect(await claim(`requester ${turn}`, NOW + turn * 10, short)).toBe('delivered')
      most = Math.max(most, (await fields()).v ?? 0)
    }
    expect(most).toBeLessThanOrEqual(40)
    expect((await fields()).q).toBeLessThanOrEqual(40)
  })

  it('keep few windows, also while what they spent may be repeated', async () => {
    const windowSeconds = MINUTE
    const quota = { max: 9, windowSeconds }
    const policy = { ...POLICY, perAuthor: quota, perAddress: quota, redeliverySeconds: DAY }
    author = authorNamed(`author ${authors++}`)
    for (let number = 0; number < 80; number++)
      await store.put(packageNamed(`${author} ${number}`, author), { ...LIMITS, max: 80 }, NOW)
    for (let turn = 1; turn < 80; turn++) {
      expect(await claim(`requester ${turn}`, NOW + turn * MINUTE, policy)).toBe('delivered')
      expect((await fields()).q).toBeLessThanOrEqual(33)
    }
    expect(await fields()).toMatchObject({ row: 80, v: 79 })
    await store.sweep(NOW + 3 * DAY, 600)
    expect(await fields()).toEqual({ ...alone, row: 1 })
  })

  it('bring the author before a sweep that had nothing to look for any more', async () => {
    await publish(5)
    await store.sweep(NOW, 600)
    await claim('bob', NOW)
    await claim('carol', NOW)
    await store.sweep(NOW + HOUR, 600)
    expect(await fields()).toEqual({ ...alone, row: 3 })
  })

  it('keep the rows of few spent packages', async () => {
    const limits = { ...LIMITS, max: 100 }
    author = authorNamed(`author ${authors++}`)
    for (let number = 0; number < 100; number++)
      await store.put(packageNamed(`${author} ${number}`, author), limits, NOW)
    for (let turn = 1; turn < 100; turn++) {
      expect(await claim(`requester ${turn}`, NOW + turn * MINUTE)).toBe('delivered')
      const { row = 0 } = await fields()
      expect(row - (100 - turn)).toBeLessThanOrEqual(33)
    }
  })
})

describe('more than goes at once', () => {
  it('goes piece by piece, all of it in one sweep', async () => {
    const limits = { ...LIMITS, max: 500 }
    author = authorNamed(`author ${authors++}`)
    const puts = Array.from({ length: 500 }, (_, number) =>
      store.put(packageNamed(`${author} ${number}`, author), limits, NOW),
    )
    await Promise.all(puts)
    const claims = Array.from({ length: 499 }, (_, number) => claimBy(`requester ${number}`, author))
    await store.claim(claims, POLICY, NOW)
    expect(await fields()).toEqual({ ...alone, row: 500, v: 499, q: 499, a: 499 })
    await store.sweep(NOW + MINUTE, 600)
    expect(await fields()).toEqual({ ...alone, row: 1, v: 499, q: 499, a: 499 })
    await store.sweep(NOW + HOUR, 600)
    expect(await fields()).toEqual({ ...alone, row: 1 })
  })
})

describe('an author of whom nothing is left but windows', () => {
  it('is as one never heard of, and is met by the same quotas when there is something again (I5)', async () => {
    const once = { ...POLICY, perAuthor: { max: 1, windowSeconds: 10 * HOUR } }
    await publish(1, NOW)
    expect(await claim('bob', NOW, once)).toBe('delivered')
    await store.sweep(NOW + HOUR, 600)
    expect(await fields()).toEqual({ past: 1, v: 1, q: 1, a: 1 })
    expect(await claim('bob', NOW + HOUR, once)).toBe('none')
    expect(await everyAuthor()).not.toContain(author)

    const again = packageNamed(`again ${author}`, author, { expiresAt: NOW + DAY })
    expect(await store.put(again, LIMITS, NOW + HOUR)).toBe('stored')
    expect(await claim('bob', NOW + HOUR, once)).toBe('limited')
    expect(await claim('carol', NOW + HOUR, once)).toBe('delivered')
  })

  it('is gone altogether once they are over', async () => {
    await publish(1, NOW)
    await claim('bob', NOW, { ...POLICY, perAddress: { max: 9, windowSeconds: 3 * HOUR } })
    await store.sweep(NOW + HOUR, 600)
    await store.sweep(NOW + 3 * HOUR, 600)
    expect(await server.command('EXISTS', `test:{${author}}:stock`, `test:{${author}}:known`)).toBe('0')
    expect(await dueOf()).toBe('')
  })
})

describe('the keys of an author', () => {
  it('expire by themselves when nothing of it matters any more, an hour of slack included', async () => {
    await publish(1, NOW)
    for (const key of ['stock', 'known']) expect(await timeToLive(key)).toBe(2 * HOUR)
    await claim('bob', NOW)
    expect(await timeToLive('stock')).toBe(2 * HOUR)
    await claim('bob', NOW, { ...POLICY, perAuthor: { max: 9, windowSeconds: DAY } })
    expect(await timeToLive('stock')).toBe(DAY + HOUR)

    await publish(3, NOW)
    await claim('bob', NOW, { ...POLICY, perAddress: { max: 9, windowSeconds: 2 * DAY } })
    expect(await timeToLive('stock')).toBe(2 * DAY + HOUR)
  })

  it('still do so of an author who comes back once the windows are over', async () => {
    await publish(1, NOW)
    await claim('bob', NOW, { ...POLICY, perAddress: { max: 9, windowSeconds: 3 * HOUR } })
    await store.sweep(NOW + HOUR, 600)
    expect(await fields()).toMatchObject({ past: 1 })
    const again = packageNamed(`again ${author}`, author, { expiresAt: NOW + 3 * HOUR })
    expect(await store.put(again, LIMITS, NOW + 3 * HOUR)).toBe('stored')
    expect(await fields()).toEqual({ ...alone, row: 1 })
    expect(await timeToLive('stock')).toBe(4 * HOUR)
  })
})

/** In seconds, to the next hour: some have passed since. */
async function timeToLive(key: string): Promise<number> {
  const seconds = Number(await server.command('TTL', `test:{${author}}:${key}`))
  return Math.ceil(seconds / HOUR) * HOUR
}

/** When a sweep will look at the author; nothing where never. */
async function dueOf(): Promise<string> {
  const part = Number.parseInt(author.slice(0, 8), 16) % 64
  return server.command('ZSCORE', `test:due:{${part}}`, author)
}

async function everyAuthor(): Promise<Pubkey[]> {
  const all: Pubkey[] = []
  for await (const one of store.authors()) all.push(one)
  return all
}
