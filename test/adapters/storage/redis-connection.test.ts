/** Connecting to Redis in every topology, reconnecting, and the errors of a failed start. */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import { Redis } from 'ioredis'
import {
  type ConnectOptions,
  connectRedis,
  type RedisConnection,
} from '../../../adapters/storage/redis/connection.ts'
import { eventually } from '../../support/eventually.ts'
import { type TestLog, testLog } from '../../support/log.ts'
import { freePort, type RedisServer, startCluster, startRedis, startSentinel } from '../../support/redis.ts'
import { scratch } from '../../support/scratch.ts'
import { SilentProxy } from '../../support/silent-proxy.ts'
import { TEST_CERTIFICATE, TEST_KEY } from '../../support/tls.ts'

const CLOSED_PORT = 1

let server: RedisServer
let log: TestLog
const connections: RedisConnection[] = []

beforeAll(async () => {
  server = await startRedis()
}, 300_000)
afterAll(() => server.stop())

async function connect(
  target: string | Redis,
  options: Partial<ConnectOptions> = {},
): Promise<RedisConnection> {
  log = testLog()
  const connection = await connectRedis(target, { log, ...options })
  connections.push(connection)
  return connection
}

afterEach(async () => {
  await Promise.all(connections.splice(0).map((connection) => connection.close()))
})

describe('a connection to Redis', () => {
  it('answers commands', async () => {
    const { client, within } = unbound(await connect(server.url))
    expect(await within(client.set('a', '1'))).toBe('OK')
    expect(await within(client.get('a'))).toBe('1')
    expect(log.lines).toEqual([])
  })

  it('uses the database and the prefix of the address', async () => {
    const connection = await connect(`${server.url}/3?prefix=mine:`)
    expect(connection.prefix).toBe('mine:')
    await connection.client.set('here', '1')
    expect(await server.commandIn(3, 'EXISTS', 'here')).toBe('1')
  })

  it('receives published messages on a separate connection', async () => {
    const { subscriber } = await connect(server.url)
    const heard = new Promise((resolve) => subscriber.on('message', (_, message) => resolve(message)))
    await subscriber.subscribe('channel')
    await server.command('PUBLISH', 'channel', 'hello')
    expect(await heard).toBe('hello')
  })

  it('receives messages again after the server went silent without closing the connection', async () => {
    const proxy = await SilentProxy.to(server.port)
    const { subscriber } = await connect(proxy.url)
    const heard: string[] = []
    subscriber.on('message', (_, message) => heard.push(message))
    await subscriber.subscribe('channel')
    subscriber.on('ready', () => subscriber.subscribe('channel'))
    proxy.silence()
    await eventually('it hears', async () => {
      await server.command('PUBLISH', 'channel', 'hello')
      return heard.length > 0
    })
    await closeAll()
    proxy.close()
  })

  it('copies the settings of a given client, and leaves that client open', async () => {
    const theirs = new Redis(`${server.url}/5`, { keyPrefix: 'theirs:' })
    const connection = await connect(theirs)
    expect(connection.prefix).toBe('theirs:')
    await connection.client.set('whole-name', '1')
    await connection.close()
    expect(await theirs.ping()).toBe('PONG')
    expect(await server.commandIn(5, 'EXISTS', 'whole-name')).toBe('1')
    await theirs.quit()
  })

  it('logs in as the user in the address', async () => {
    await server.admit('ann', 'p@ss')
    await connect(server.url.replace('//', '//ann:p%40ss@'))
    expect(await server.command('CLIENT', 'LIST')).toContain('user=ann')
  })

  it('rejects calls after it was closed', async () => {
    const connection = await connect(server.url)
    await connection.close()
    await expect(connection.within(connection.client.get('a'))).rejects.toMatchObject({ code: 'KPG_STORE' })
    expect(log.lines).toEqual([])
  })
})

describe('it connects to', () => {
  it('a TLS server with a trusted certificate', async () => {
    const path = scratch()
    const [cert, key] = [join(path, 'cert.pem'), join(path, 'key.pem')]
    writeFileSync(cert, TEST_CERTIFICATE)
    writeFileSync(key, TEST_KEY)
    const port = await freePort()
    const tls = await startRedis({
      args: [
        '--tls-port',
        `${port}`,
        '--tls-cert-file',
        cert,
        '--tls-key-file',
        key,
        '--tls-auth-clients',
        'no',
      ],
    })
    const url = `rediss://127.0.0.1:${port}`

    await expect(connect(url)).rejects.toThrow('TLS certificate not trusted')
    const { client } = await connect(url, { tls: { ca: TEST_CERTIFICATE } })
    expect(await client.ping()).toBe('PONG')
    await closeAll()
    await tls.stop()
  })

  it('a cluster', async () => {
    const cluster = await startCluster()
    const { client } = await connect(cluster.url)
    const keys = Array.from({ length: 20 }, (_, n) => `key:${n}`)
    await Promise.all(keys.map((key) => client.set(key, key)))
    expect(await Promise.all(keys.map((key) => client.get(key)))).toEqual(keys)
    await closeAll()
    await cluster.stop()
  })

  it('the master that Sentinel reports', async () => {
    const sentinel = await startSentinel()
    const { client } = await connect(sentinel.url)
    expect(await client.info('server')).toContain(`tcp_port:${sentinel.master.port}`)
    await closeAll()
    await sentinel.stop()
  })
})

describe('a start fails within seconds and says what to do', () => {
  it('if the connection is refused', async () => {
    await expect(connect(`redis://:secret@127.0.0.1:${CLOSED_PORT}`)).rejects.toThrow(
      `cannot use Redis at redis://127.0.0.1:${CLOSED_PORT}/0: connection refused: start the server, or check the address`,
    )
  })

  it('if the host does not exist', async () => {
    await expect(connect('redis://redis.invalid')).rejects.toThrow(/host not found|host name lookup/)
  })

  it('with a wrong password, which the error does not contain', async () => {
    const failure = await connect(server.url.replace('//', '//ann:secret@')).catch((error) => error)
    expect(failure).toMatchObject({
      code: 'KPG_STORE',
      message: expect.stringContaining('wrong user or password'),
    })
    expect(JSON.stringify([failure, String(failure.cause), log.lines])).not.toContain('secret')
  })

  it('if a password is required and missing', async () => {
    const locked = await startRedis({ args: ['--requirepass', 'secret'] })
    await expect(connect(locked.url)).rejects.toThrow('authentication required')
    await locked.stop()
  })

  it('with a user who may not write', async () => {
    await server.command('ACL', 'SETUSER', 'reader', 'on', '>reader', '~*', '&*', '+@read', '+@connection')
    await expect(connect(server.url.replace('//', '//reader:reader@'))).rejects.toThrow('permission denied')
  })

  it('if the database does not exist', async () => {
    await expect(connect(`${server.url}/99`)).rejects.toThrow('database number out of range')
  })

  it('on a read-only replica', async () => {
    const replica = await startRedis({ args: ['--replicaof', '127.0.0.1', String(server.port)] })
    await expect(connect(replica.url)).rejects.toThrow('read-only replica')
    await replica.stop()
  })

  it('on a server that hangs', async () => {
    const hanging = await startRedis()
    hanging.pause()
    await expect(connect(hanging.url)).rejects.toThrow('no response from the server')
    await hanging.stop()
  })

  it('on a single server with a cluster address', async () => {
    await expect(connect(server.url.replace('redis', 'redis+cluster'))).rejects.toThrow(
      'the server is not part of a cluster: use redis://',
    )
  })

  it('if no Sentinel is reachable', async () => {
    await expect(connect(`redis+sentinel://127.0.0.1:${CLOSED_PORT}/main`)).rejects.toThrow(
      'Sentinel 127.0.0.1:1: connection refused',
    )
  })

  it('over TLS with a server that does not use it', async () => {
    await expect(connect(server.url.replace('redis', 'rediss'))).rejects.toMatchObject({ code: 'KPG_STORE' })
  })
})

async function closeAll(): Promise<void> {
  await Promise.all(connections.splice(0).map((connection) => connection.close()))
}

function unbound(connection: RedisConnection) {
  return { client: connection.client, within: <T>(pending: Promise<T>) => connection.within(pending) }
}
