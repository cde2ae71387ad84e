/**
 * A planned failover (`SENTINEL FAILOVER`) during publishing loses no acknowledged package (I6). Sentinel takes its time for each
 * step, so the tests, each with servers of its own, wait at the same time.
 */

import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, describe, expect, it } from '@jest/globals'
import { type RedisStoreOptions, redisStore } from '../../../adapters/storage/redis.ts'
import type { MovableStore } from '../../../plugin/store.ts'
import { authorNamed, LIMITS, NOW, packageNamed } from '../../contract/packages.ts'
import { eventually } from '../../support/eventually.ts'
import { testLog } from '../../support/log.ts'
import { type RedisSentinel, type RedisServer, startSentinel } from '../../support/redis.ts'
import { SilentProxy } from '../../support/silent-proxy.ts'

const AUTHORS = Array.from({ length: 20 }, (_, number) => authorNamed(`${number}`))
const REFUSED_PAUSE_MS = 5
const ROOM = { ...LIMITS, max: 1_000_000 }

const ending: (() => Promise<unknown>)[] = []

afterAll(async () => {
  for (const end of ending.splice(0).reverse()) await end()
})

/** Publishes packages of each author one after the other, until stopped. */
class Publishing {
  readonly acknowledged = new Set<string>()
  readonly #store: MovableStore
  #isOver = false

  constructor(store: MovableStore) {
    this.#store = store
  }

  async run(): Promise<void> {
    await Promise.all(AUTHORS.map((author) => this.#publish(author)))
  }

  stop(): void {
    this.#isOver = true
  }

  /** How many acknowledged packages the store does not have. */
  async lost(): Promise<number> {
    const lists = await Promise.all(AUTHORS.map((author) => this.#store.list(author, NOW)))
    const kept = new Set(lists.flat().map(({ id }) => id as string))
    return [...this.acknowledged].filter((id) => !kept.has(id)).length
  }

  async #publish(author: (typeof AUTHORS)[number]): Promise<void> {
    for (let number = 0; !this.#isOver; number++) {
      const pkg = packageNamed(`${author} ${number}`, author)
      try {
        await this.#store.put(pkg, ROOM, NOW)
        this.acknowledged.add(pkg.id)
      } catch {
        // It was not acknowledged, so it may be lost. Refusals are immediate.
        await wait(REFUSED_PAUSE_MS)
      }
    }
  }
}

async function failOver({ sentinel, master, replica }: RedisSentinel): Promise<void> {
  expect(await sentinel.command('SENTINEL', 'FAILOVER', 'main')).toBe('OK')
  await eventually('the replica is the master', async () => (await replica.info('role')) === 'master', 30_000)
  await eventually(
    'the old master follows it',
    async () => (await master.info('master_link_status')) === 'up',
    60_000,
  )
}

async function openThrough({ url }: { readonly url: string }, options: Partial<RedisStoreOptions> = {}) {
  const log = testLog()
  const store = await redisStore({ redis: url, log, ...options })
  ending.push(() => store.close())
  const said = (words: string) => log.lines.some(({ message }) => message.includes(words))
  return { store, said }
}

async function start(): Promise<RedisSentinel> {
  const sentinel = await startSentinel()
  ending.push(() => sentinel.stop())
  await eventually('Sentinel knows the replica', async () =>
    (await sentinel.sentinel.command('SENTINEL', 'REPLICAS', 'main')).includes('slave'),
  )
  return sentinel
}

async function isNamed(sentinel: RedisServer, master: RedisServer): Promise<boolean> {
  const named = await sentinel.command('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', 'main')
  return named.includes(`${master.port}`)
}

/** What a store that reaches its master says to a publish. */
async function firstAnswer(
  store: MovableStore,
  author: (typeof AUTHORS)[number],
): Promise<string | undefined> {
  const said = await store.put(packageNamed('early', author), ROOM, NOW).then(JSON.stringify, String)
  const isReached = !said.startsWith('StoreError') || said.includes('too few replicas')
  return isReached ? said : undefined
}

describe('Sentinel', () => {
  it.concurrent.each<[what: string, Partial<RedisStoreOptions>]>([
    ['by default', {}],
    ['with redis.wait 1', { waitReplicas: 1 }],
  ])('in a planned failover loses no acknowledged package %s', async (_what, options) => {
    const sentinel = await start()
    const { store } = await openThrough(sentinel, options)
    const publishing = new Publishing(store)
    const published = publishing.run()
    await eventually('packages are published', () => publishing.acknowledged.size > 100)
    await failOver(sentinel)
    const before = publishing.acknowledged.size
    await eventually('they are again', () => publishing.acknowledged.size > before + 100, 60_000)
    publishing.stop()
    await published
    expect(await publishing.lost()).toBe(0)
  })

  it.concurrent('names a master that lost its last replica: by default it refuses writes during a possible failover, continues without a replica, and waits again once it is back', async () => {
    const sentinel = await start()
    const { store, said } = await openThrough(sentinel)
    const [author = authorNamed('')] = AUTHORS
    await store.put(packageNamed('with a replica', author), ROOM, NOW)

    await sentinel.replica.kill()
    await expect(store.put(packageNamed('refused', author), ROOM, NOW)).rejects.toThrow('too few replicas')
    await eventually('it goes on', () => store.put(packageNamed('without', author), ROOM, NOW), 30_000)
    expect(said('no replica is connected: until one is')).toBe(true)

    await sentinel.replica.start()
    await eventually('a replica is connected again', () => said('a replica is connected again'), 30_000)
  })

  it.concurrent('still names a master that was restarted and has no replica any more: by default it refuses writes, because the replica may be about to take over', async () => {
    const sentinel = await start()
    const { store, said } = await openThrough(sentinel)
    const [author = authorNamed('')] = AUTHORS
    await store.put(packageNamed('before', author), ROOM, NOW)

    await sentinel.replica.kill()
    await sentinel.master.restart()
    const first = await eventually('it is reached', () => firstAnswer(store, author))
    expect(first).toContain('too few replicas')
    expect(said('no replica is connected: until one is')).toBe(false)
  })

  it.concurrent('names another master while it is asked for the old one: the store goes on with the new one', async () => {
    const { sentinel, master, replica } = await start()
    const proxy = await SilentProxy.to(sentinel.port)
    ending.push(async () => proxy.close())
    const { store } = await openThrough({ url: `${proxy.url.replace('redis:', 'redis+sentinel:')}/main` })
    const [author = authorNamed('')] = AUTHORS
    await store.put(packageNamed('before', author), ROOM, NOW)

    // The store looks for a master until it hears of the new one, by a connection from before.
    proxy.refuse()
    await master.kill()
    await eventually('another is named', () => isNamed(sentinel, replica), 30_000)
    await proxy.accept()
    await eventually('it goes on', () => store.put(packageNamed('after', author), ROOM, NOW), 30_000)
  })
})
