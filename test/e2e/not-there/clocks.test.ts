/** A server whose clock is far from the store's hands out nothing: it would double every quota (I5). */

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { lazyStore } from '../../../adapters/storage/lazy.ts'
import { memoryStore } from '../../../adapters/storage/memory.ts'
import { redisStore } from '../../../adapters/storage/redis.ts'
import { authorNamed, claimBy, LIMITS, NOW, POLICY, packageNamed } from '../../contract/index.ts'
import { serveCli } from '../../support/cli.ts'
import { Client } from '../../support/client.ts'
import { eventually } from '../../support/eventually.ts'
import { testLog } from '../../support/log.ts'
import { type RedisServer, startRedis } from '../../support/redis.ts'
import { UNAVAILABLE } from '../../support/redis-scene.ts'
import { alice, bob, eventOf, packagesOf } from '../behaviour/scene.ts'

let redis: RedisServer
beforeAll(async () => {
  redis = await startRedis()
})
afterAll(() => redis?.stop())

const CLOCK_AHEAD = new URL('../../support/clock-ahead.mjs', import.meta.url).href

describe.each([
  [3600, alice, /clock of this machine is (3600|3599) s ahead of the store's/],
  [-3600, bob, /clock of this machine is (3600|3601) s behind the store's/],
])('serve, %s s ahead of Redis', (ahead, author, sentence) => {
  it('refuses key packages, says why, and serves relay lists', async () => {
    const serving = await serveCli(['--store', redis.url], {
      env: { NODE_OPTIONS: `--import=${CLOCK_AHEAD}`, CLOCK_AHEAD_SECONDS: `${ahead}` },
    })
    const client = await Client.greeted(serving.url)
    expect((await client.request('packages', packagesOf(author))).closed).toBe(UNAVAILABLE)
    const now = () => Math.floor(Date.now() / 1000) + ahead
    const list = eventOf({ now, url: '', stop: async () => {} }, author, 10051, [
      ['relay', 'wss://relay.example.com'],
    ])
    expect((await client.publish(list))[0]).toBe(true)
    expect((await client.request('lists', { kinds: [10051], authors: [author.pubkey] })).events).toEqual([
      list,
    ])
    const errors = serving.log.filter(({ msg }) => msg.startsWith('key packages are unavailable'))
    expect(errors.map(({ msg }) => msg)).toEqual([expect.stringMatching(sentence)])
    await client.close()
    serving.kill('SIGTERM')
    expect((await serving.finished).code).toBe(0)
  })
})

describe('a store whose clock is compared', () => {
  const author = authorNamed('alice')
  let aheadMs = 0
  const log = testLog()
  const store = lazyStore({
    open: () => redisStore({ redis: redis.url }),
    timeoutMs: 10_000,
    log,
    clock: () => Date.now() + aheadMs,
    compareClocksMs: 20,
  })
  afterAll(() => store.close())

  const isRefused = () =>
    store.count([author], NOW).then(
      () => false,
      (error) => error.message.includes('the clock of this machine is'),
    )

  it('works, and says nothing, while the clocks agree', async () => {
    await store.put(packageNamed('one', author), LIMITS, NOW)
    expect(log.lines).toEqual([])
  })

  it('refuses what takes the time soon after the clock was changed, and works again once it is right', async () => {
    aheadMs = 3_600_000
    await eventually('it refuses', isRefused)
    await expect(store.claim([claimBy('bob', author)], POLICY, NOW)).rejects.toMatchObject({
      code: 'KPG_STORE',
    })
    await expect(store.put(packageNamed('two', author), LIMITS, NOW)).rejects.toMatchObject({
      code: 'KPG_STORE',
    })
    await expect(store.sweep(NOW, 1)).rejects.toMatchObject({ code: 'KPG_STORE' })
    expect(await store.getRelayLists([author], [10051])).toEqual([])
    aheadMs = 0
    await eventually('it works', async () => !(await isRefused()))
    expect(await store.count([author], NOW)).toEqual([1])
    expect(log.lines.map(({ level, message }) => [level, message])).toEqual([
      [
        'error',
        expect.stringMatching(/^key packages are unavailable: .* ahead of the store's: set both by NTP$/),
      ],
      ['info', 'key packages are available again: the clocks of this machine and the store agree'],
    ])
  })

  it('warns of ten seconds, and works', async () => {
    aheadMs = -10_000
    await eventually('it warns', () => log.lines.at(-1)?.level === 'warn')
    expect(log.lines.at(-1)?.message).toMatch(
      / 10 s behind the store's: set both by NTP; quotas and lifetimes are as much off$/,
    )
    expect(await store.count([author], NOW)).toEqual([1])
  })

  it('is any other store as before', async () => {
    const memory = lazyStore({ open: async () => memoryStore(), timeoutMs: 10_000, log, clock: () => 0 })
    expect(await memory.count([author], NOW)).toEqual([undefined])
    await memory.close()
  })
})
