/** Signals between the processes that share a Redis store. */

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { Redis } from 'ioredis'
import { connectRedis } from '../../../adapters/storage/redis/connection.ts'
import { Signals } from '../../../adapters/storage/redis/signals.ts'
import { silent } from '../../../plugin/context.ts'
import type { KeyPackageStore } from '../../../plugin/store.ts'
import { authorNamed, claimBy, LIMITS, NOW, POLICY, packageNamed } from '../../contract/index.ts'
import { eventually } from '../../support/eventually.ts'
import { type RedisServer, startRedis } from '../../support/redis.ts'
import { RedisStores } from '../../support/redis-stores.ts'

const alice = authorNamed('alice')

let server: RedisServer
let here: KeyPackageStore
let there: KeyPackageStore
let heard: unknown[]

beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server?.stop())

beforeEach(async () => {
  const stores = new RedisStores(server.url)
  await server.command('FLUSHALL')
  here = await stores.again('shared')
  there = await stores.again('shared')
  heard = []
  here.onLowStock((...told) => heard.push(['low', ...told]))
  here.onRotationDue((...told) => heard.push(['rotate', ...told]))
  here.onPublished((...told) => heard.push(['published', ...told]))
})
afterEach(async () => {
  await here.close()
  await there.close()
})

describe('signals between two Redis stores', () => {
  it('report once what the other store accepted and handed out', async () => {
    const pkg = packageNamed('one', alice)
    await there.put(pkg, LIMITS, NOW)
    await there.claim([claimBy('bob', alice)], { ...POLICY, low: 3 }, NOW)
    await there.tellRotationDue(alice, pkg.ref)
    const last = packageNamed('the end', alice)
    await there.put(last, LIMITS, NOW)
    await eventually('the last signal is heard', () => heard.length >= 4)
    expect(heard).toEqual([
      ['published', alice, pkg.id],
      ['low', alice, 0],
      ['rotate', alice, pkg.ref],
      ['published', alice, last.id],
    ])
  })

  it('report own changes directly, and not again when Redis echoes them', async () => {
    await here.put(packageNamed('one', alice), LIMITS, NOW)
    expect(heard).toHaveLength(1)
    await there.put(packageNamed('two', alice), LIMITS, NOW)
    await eventually('the signal of the other is heard', () => heard.length >= 2)
    expect(heard).toHaveLength(2)
  })

  it('are received again after a lost connection', async () => {
    await server.command('CLIENT', 'KILL', 'TYPE', 'pubsub')
    let tries = 0
    await eventually('a signal is heard', async () => {
      await there.put(packageNamed(`${tries++}`, alice), { ...LIMITS, max: 1000 }, NOW)
      return heard.length > 0
    })
  })

  it('are received again when the connection is lost again and again while it subscribes (I9)', async () => {
    const connection = await connectRedis(server.url, { log: silent })
    const signals = new Signals(connection, 'signals')
    await signals.start()
    const { subscriber } = connection
    if (!(subscriber instanceof Redis)) throw new Error('it is a cluster')
    let losses = 0
    subscriber.on('ready', () => {
      losses += 1
      if (losses <= 3) subscriber.stream.destroy()
    })
    await server.command('CLIENT', 'KILL', 'TYPE', 'pubsub')
    await eventually('it has subscribed at last', () => losses > 3)
    let told = 0
    signals.access.add(() => {
      told += 1
    })
    await eventually('a signal is heard', async () => {
      await server.command('PUBLISH', 'signals', 'elsewhere access')
      return told > 0
    })
    signals.stop()
    await connection.close()
  })

  it('that were missed may have been bans, so whoever listens hears that those may have changed', async () => {
    let told = 0
    here.onAccessChanged(() => {
      told += 1
    })
    await server.command('CLIENT', 'KILL', 'TYPE', 'pubsub')
    await eventually('it is told', () => told > 0)
  })

  it('stay within a prefix', async () => {
    const elsewhere = await new RedisStores(server.url).again('another')
    await elsewhere.put(packageNamed('theirs', alice), LIMITS, NOW)
    const ours = packageNamed('ours', alice)
    await there.put(ours, LIMITS, NOW)
    await eventually('our signal is heard', () => heard.length > 0)
    expect(heard).toEqual([['published', alice, ours.id]])
    await elsewhere.close()
  })
})
