/** What the log says at start about a crash of Redis, and how waiting for replicas prevents losses. */

import { afterEach, describe, expect, it } from '@jest/globals'
import { connectRedis, type RedisConnection } from '../../../adapters/storage/redis/connection.ts'
import { explain, logDurability, type Persistence } from '../../../adapters/storage/redis/durability.ts'
import { eventually } from '../../support/eventually.ts'
import { testLog } from '../../support/log.ts'
import { type RedisPair, type RedisServer, startCluster, startPair, startRedis } from '../../support/redis.ts'

const ending: (() => Promise<void>)[] = []

afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end()
})

async function start(...args: string[]): Promise<RedisServer> {
  const server = await startRedis({ args })
  ending.push(() => server.stop())
  return server
}

async function connect(
  url: string,
  waitReplicas = 0,
): Promise<{ connection: RedisConnection; log: ReturnType<typeof testLog> }> {
  const log = testLog()
  const connection = await connectRedis(url, { log, waitReplicas })
  ending.push(() => connection.close())
  return { connection, log }
}

async function said(url: string, waitReplicas = 0) {
  const { connection, log } = await connect(url, waitReplicas)
  await logDurability(connection, log)
  return log.lines
}

async function pair(): Promise<RedisPair> {
  const servers = await startPair()
  ending.push(
    () => servers.master.stop(),
    () => servers.replica.stop(),
  )
  return servers
}

describe('at start, one log line says what a crash can lose', () => {
  it.each([
    [
      ['--appendonly', 'yes', '--appendfsync', 'always'],
      'info',
      'every change is on disk before it is acknowledged',
    ],
    [['--appendonly', 'yes'], 'warn', 'a power failure loses up to two seconds'],
    [
      ['--appendonly', 'yes', '--appendfsync', 'no'],
      'warn',
      'the operating system decides when changes reach the disk',
    ],
    [['--save', '60', '1'], 'warn', 'snapshots only (save 60 1)'],
    [[], 'warn', 'no persistence: a restart loses every key package'],
  ])('%j', async (args, level, sentence) => {
    const server = await start(...args)
    const lines = await said(server.url)
    expect(lines).toHaveLength(1)
    expect(lines[0]).toMatchObject({ level, message: expect.stringContaining(sentence) })
    expect(lines[0]?.message).toContain('no replica is connected')
  })

  it('reports appendfsync as unknown to a user who may not read the configuration', async () => {
    const server = await start('--appendonly', 'yes')
    await server.admit('ann', 'ann')
    const [line] = await said(server.url.replace('//', '//ann:ann@'))
    expect(line).toMatchObject({ level: 'warn', fields: { appendonly: true, appendfsync: 'unknown' } })
  })

  it('assumes possible snapshots if there is no append-only file and the configuration is not readable', async () => {
    const server = await start()
    await server.admit('ann', 'ann')
    const [line] = await said(server.url.replace('//', '//ann:ann@'))
    expect(line).toMatchObject({
      level: 'warn',
      message: expect.stringContaining('no append-only file, snapshot settings not readable'),
    })
  })

  it('describes the weakest master of a cluster', async () => {
    const cluster = await startCluster(3, 0, ['--appendonly', 'yes', '--appendfsync', 'always'])
    ending.push(() => cluster.stop())
    await cluster.nodes[1]?.command('CONFIG', 'SET', 'appendfsync', 'no')
    expect(await said(cluster.url)).toMatchObject([{ fields: { appendfsync: 'no' } }])
  })

  it('warns if redis.wait is larger than the number of replicas', () => {
    const safe: Persistence = { appendonly: true, appendfsync: 'always', snapshots: '', replicas: 1 }
    expect(explain(safe, 2)).toEqual({
      level: 'warn',
      sentence: 'redis.wait is 2, but the number of connected replicas is 1: every write will fail',
    })
    expect(explain(safe, 1).sentence).toContain(
      '1 of 1 replicas must receive a change before it is acknowledged',
    )
    expect(explain(safe, 0).sentence).toContain('a failover can lose seconds of changes')
  })
})

describe('redis.wait', () => {
  const set = (n: number) => ['set', `kpg:${n}`, 'x'] as const

  it('acknowledges a write once the replica has it (I6)', async () => {
    const { master, replica } = await pair()
    const { connection } = await connect(master.url, 1)
    await Promise.all(Array.from({ length: 100 }, (_, n) => connection.within(connection.write(set(n)))))
    await master.kill()
    expect(await replica.command('EXISTS', ...Array.from({ length: 100 }, (_, n) => `kpg:${n}`))).toBe('100')
  })

  it('fails a write that the replica lacks, refuses others without sending them, and resumes with the replica (I6, I7)', async () => {
    const { master, replica } = await pair()
    const { connection, log } = await connect(master.url, 1)
    replica.pause()

    const began = performance.now()
    await expect(connection.within(connection.write(set(0)))).rejects.toThrow('too few replicas: start more')
    await expect(connection.within(connection.write(set(1)))).rejects.toThrow('too few replicas: start more')
    expect(performance.now() - began).toBeLessThan(2_000)
    expect(await master.command('EXISTS', 'kpg:1')).toBe('0')
    expect(await connection.within(connection.client.get('kpg:0'))).toBe('x')

    replica.resume()
    await eventually('writes count again', () => connection.write(set(2)))
    await eventually('the log says so', () => log.lines.length === 2)
    expect(log.lines.map(({ level }) => level)).toEqual(['error', 'info'])
  })

  it('passes on the reply to the write itself', async () => {
    const { master } = await pair()
    const { connection } = await connect(master.url, 1)
    await expect(connection.write(['evalsha', '0'.repeat(40), 1, 'kpg:a'])).rejects.toThrow('NOSCRIPT')
    expect(await connection.write(['incr', 'kpg:n'])).toBe(1)
  })

  it('fails the start if there are too few replicas', async () => {
    const server = await start()
    await expect(connect(server.url, 1)).rejects.toThrow('too few replicas: start more')
  })

  it('waits on each master of a cluster', async () => {
    const cluster = await startCluster(3, 1)
    ending.push(() => cluster.stop())
    const { connection } = await connect(cluster.url, 1)
    const answers = Array.from({ length: 60 }, (_, n) => connection.within(connection.write(set(n))))
    expect(await Promise.all(answers)).toEqual(answers.map(() => 'OK'))
    const sizes = await Promise.all(cluster.nodes.slice(3).map((node) => node.command('DBSIZE')))
    expect(sizes.map(Number).every((size) => size > 0)).toBe(true)
  })
})
