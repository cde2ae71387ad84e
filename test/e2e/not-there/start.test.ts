/** `serve` starts without its store and without its relay, serves what it can, and says what is missing (I7). */

import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from '@jest/globals'
import { open } from 'lmdb'
import { lmdbStore } from '../../../adapters/storage/lmdb.ts'
import { runCli, serveCli } from '../../support/cli.ts'
import { eventually } from '../../support/eventually.ts'
import { lockLmdb } from '../../support/lmdb-holder.ts'
import { freePort, type RedisServer, startRedis } from '../../support/redis.ts'
import { UNAVAILABLE } from '../../support/redis-scene.ts'
import { startRelay, type TestRelay } from '../../support/relay.ts'
import { scratch } from '../../support/scratch.ts'
import { alice, bob, eventOf, newEvent, packagesOf, Scene } from '../behaviour/scene.ts'
import { type ServeProcess, type ServeSettings, startServe } from '../serve-process.ts'

const directory = scratch()
const running: { stop(): Promise<unknown> }[] = []

afterEach(async () => {
  for (const one of running.splice(0)) await one.stop()
})

function stoppedAtEnd<Kind extends { stop(): Promise<unknown> }>(one: Kind): Kind {
  running.push(one)
  return one
}

const scene = new Scene<ServeProcess>((settings) => startServe(directory, settings as ServeSettings))

function start(settings: ServeSettings): Promise<ServeProcess> {
  return scene.start(settings)
}

const relay = async (port = 0): Promise<TestRelay> => stoppedAtEnd(await startRelay({ port }))
const redis = async (port?: number): Promise<RedisServer> =>
  stoppedAtEnd(await startRedis(port === undefined ? {} : { port }))

/** What the log says of whether key packages are available. */
function saidBy({ log }: ServeProcess): string[] {
  return log.map(({ msg }) => msg).filter((msg) => msg.startsWith('key packages are '))
}

async function expectOthersAlone(target: ServeProcess): Promise<void> {
  const client = await scene.connect(target)
  const note = eventOf(target, alice, 1, [])
  expect(await client.publish(note)).toEqual([true, ''])
  expect((await client.request('notes', { kinds: [1] })).events).toEqual([note])
  expect(await client.publish(await newEvent(target, alice))).toEqual([false, UNAVAILABLE])
  expect((await client.request('packages', packagesOf(alice))).closed).toBe(UNAVAILABLE)
}

async function expectKeyPackages(target: ServeProcess): Promise<void> {
  const publisher = await scene.connect(target)
  const event = await newEvent(target, bob)
  expect((await publisher.publish(event))[0]).toBe(true)
  const client = await scene.connect(target)
  expect((await client.request('packages', packagesOf(bob))).events).toEqual([event])
}

describe('serve --upstream', () => {
  it('with Redis down starts, serves other kinds, and serves key packages once Redis is there', async () => {
    const port = await freePort()
    const { url: upstream } = await relay()
    const target = await start({ upstream, store: `redis://127.0.0.1:${port}` })
    await expectOthersAlone(target)
    const why = `cannot use Redis at redis://127.0.0.1:${port}/0: connection refused: start the server, or check the address`
    expect(saidBy(target)).toEqual([`key packages are unavailable: ${why}`])
    await redis(port)
    await eventually('the store is open', () => saidBy(target).length > 1)
    expect(saidBy(target).slice(1)).toEqual(['key packages are available: the store is open'])
    await expectKeyPackages(target)
  })

  it('with a Redis that does not answer starts, and serves key packages once it does', async () => {
    const server = await redis()
    const { url: upstream } = await relay()
    server.pause()
    const target = await start({ upstream, store: server.url })
    await expectOthersAlone(target)
    await eventually('it is said', () => saidBy(target).length > 0)
    server.resume()
    await eventually('the store is open', () => saidBy(target).length > 1)
    expect(saidBy(target)).toEqual([
      expect.stringContaining('no response from the server (timeout)'),
      'key packages are available: the store is open',
    ])
    await expectKeyPackages(target)
  })

  it('with the relay down starts, and says so once; and once that the relay is there', async () => {
    const port = await freePort()
    const target = await start({ upstream: `ws://127.0.0.1:${port}` })
    const said = () => target.log.map(({ msg }) => msg).filter((msg) => msg.includes('upstream relay'))
    await eventually('it is said', () => said().length > 0)
    await expect(scene.connect(target)).rejects.toThrow('502')
    await relay(port)
    await eventually('the relay is found', () => said().length > 1)
    expect(said()).toEqual([
      'the upstream relay cannot be reached',
      'the upstream relay can be reached again',
    ])
    await expectKeyPackages(target)
  })

  it('with an LMDB store that a stopped process has locked starts, and serves key packages once it is free', async () => {
    const path = join(directory, 'locked')
    await lmdbStore({ path }).close()
    const holder = await lockLmdb(path)
    const { url: upstream } = await relay()
    const target = await start({ upstream, store: `lmdb:${path}` })
    await expectOthersAlone(target)
    await holder.proceed()
    await eventually('the store is open', () => saidBy(target).length > 1)
    expect(saidBy(target)).toEqual([
      expect.stringContaining('another process that uses it is stopped in a write'),
      'key packages are available: the store is open',
    ])
    await expectKeyPackages(target)
  })

  it('refuses key packages while a stopped process has locked its LMDB store, and ends on SIGTERM', async () => {
    const path = join(directory, 'shared')
    const { url: upstream } = await relay()
    const serving = await serveCli(['--upstream', upstream, '--store', `lmdb:${path}`])
    const now = () => Math.floor(Date.now() / 1000)
    const target = { ...serving, now, stop: async () => {} }
    await expectKeyPackages(target)
    const holder = await lockLmdb(path)
    await expectOthersAlone(target)
    serving.kill('SIGTERM')
    // Ended by the signal: Node.js cannot exit while a thread waits for the lock.
    expect((await serving.finished).code).toBe(null)
    await holder.kill()
  })

  it('ends with 0 on SIGTERM while the store is still being opened', async () => {
    const silent = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => silent.once('listening', resolve))
    const address = silent.address()
    if (address === null || typeof address === 'string') throw new Error('no port')
    const { url: upstream } = await relay()
    const store = `redis://127.0.0.1:${address.port}`
    const serving = await serveCli(['--upstream', upstream, '--store', store])
    serving.kill('SIGTERM')
    expect((await serving.finished).code).toBe(0)
    silent.close()
  })
})

describe('serve ends with 1 and says why', () => {
  it('on a wrong password', async () => {
    const server = await redis()
    const { code, stderr } = await runCli(['serve', '--store', server.url.replace('//', '//ann:secret@')])
    expect(code).toBe(1)
    expect(stderr).toMatch(/^error: cannot use Redis at redis:\S+: wrong user or password\n$/m)
    expect(stderr).not.toContain('secret')
  })

  it('on an address that is none', async () => {
    const { code, stderr } = await runCli(['serve', '--store', 'redis://a,b'])
    expect(code).not.toBe(0)
    expect(stderr).toContain('invalid Redis address')
  })

  it('on data in Redis that this version cannot read', async () => {
    const server = await redis()
    await server.command('SET', 'kpg:layout', '999')
    const { code, stderr } = await runCli(['serve', '--store', server.url])
    expect(code).toBe(1)
    expect(stderr).toMatch(/^error: cannot use the data under kpg: in Redis/m)
  })

  it('on an LMDB store of a newer format', async () => {
    const path = join(directory, 'newer')
    const root = open({ path, noSubdir: false })
    await root.openDB({ name: 'keypackage-gateway' }).put('format', 999)
    await root.close()
    const { code, stderr } = await runCli(['serve', '--store', `lmdb:${path}`])
    expect(code).toBe(1)
    expect(stderr).toMatch(/^error: \S+ has format 999, this version reads formats/m)
  })
})
