/** Redis that is reached with TLS, by host name, with client certificates, and through Sentinels with credentials of their own. */

import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import {
  type ConnectOptions,
  connectRedis,
  type RedisConnection,
} from '../../../adapters/storage/redis/connection.ts'
import { redisStore } from '../../../adapters/storage/redis.ts'
import { authorNamed, claimBy, LIMITS, NOW, POLICY, packageNamed } from '../../contract/index.ts'
import { testLog } from '../../support/log.ts'
import { finish } from '../../support/processes.ts'
import { type RedisServer, type RedisSettings, startCluster, startRedis } from '../../support/redis.ts'
import {
  CLIENT_CERTIFICATE,
  CLIENT_KEY,
  TEST_CA,
  TEST_CERTIFICATE,
  TEST_KEY,
  tlsFiles,
} from '../../support/tls.ts'

const files = tlsFiles()
const tls = { ca: TEST_CA }
const certified = { ...tls, cert: CLIENT_CERTIFICATE, key: CLIENT_KEY }
const connections: RedisConnection[] = []
const servers: RedisServer[] = []

async function connect(url: string, options: Partial<ConnectOptions> = {}): Promise<RedisConnection> {
  const connection = await connectRedis(url, { log: testLog(), ...options })
  connections.push(connection)
  return connection
}

async function start(settings: RedisSettings): Promise<RedisServer> {
  const server = await startRedis(settings)
  servers.push(server)
  return server
}

let plain: RedisServer
let secured: RedisServer
let strict: RedisServer

beforeAll(async () => {
  plain = await start({})
  secured = await start({ tls: files })
  strict = await start({ tls: { ...files, clients: 'certified' } })
}, 300_000)
afterEach(async () => {
  await Promise.all(connections.splice(0).map((connection) => connection.close()))
})
afterAll(async () => {
  await Promise.all(servers.map((server) => server.stop()))
})

/** That it can be used. */
async function expectUsable(url: string, options: Partial<ConnectOptions> = {}): Promise<void> {
  const { client } = await connect(url, options)
  expect(await client.set('a', '1')).toBe('OK')
}

function expectFault(url: string, options: Partial<ConnectOptions>, said: string): Promise<void> {
  return expect(connect(url, options)).rejects.toThrow(said)
}

describe('a server with TLS', () => {
  it('is reached by the host name in its certificate, which a private CA has signed', async () => {
    await expectUsable(secured.url, { tls })
    await expectFault(secured.url, {}, 'TLS certificate not trusted: for a private CA, set redis.tls.ca')
    await expectFault(secured.url, { tls: { ca: TEST_CERTIFICATE } }, 'TLS certificate not trusted')
  })

  it('is reached by another name or address, if it is told which name the certificate has', async () => {
    const url = `rediss://127.0.0.1:${secured.port}`
    await expectUsable(url, { tls: { ...tls, servername: 'localhost' } })
    await expectFault(url, { tls }, 'the TLS certificate is for another host name')
  })

  it('may require a client certificate', async () => {
    await expectUsable(strict.url, { tls: certified })
    await expectFault(strict.url, { tls }, 'the server requires a client certificate')
    const other = { ...tls, cert: TEST_CERTIFICATE, key: TEST_KEY }
    await expectFault(
      strict.url,
      { tls: other },
      'the server requires a client certificate of a CA that it trusts',
    )
  })

  it('is told from one without TLS', async () => {
    const said = 'the server requires TLS on this port: use rediss://'
    await expectFault(`redis://localhost:${secured.port}`, {}, said)
    await expectFault(`redis://localhost:${strict.port}`, {}, said)
    await expectFault(
      `rediss://localhost:${plain.port}`,
      { tls },
      'the server does not use TLS on this port: use redis://',
    )
  })
})

describe('a cluster with TLS whose nodes are known by host name', () => {
  it('is used with certificates by host name', async () => {
    const announced = [
      '--cluster-announce-hostname',
      'localhost',
      '--cluster-preferred-endpoint-type',
      'hostname',
    ]
    const cluster = await startCluster(
      3,
      0,
      ['--tls-cluster', 'yes', '--tls-replication', 'yes', ...announced],
      files,
    )
    servers.push(...cluster.nodes)
    const store = await redisStore({ redis: cluster.url, tls })
    const authors = Array.from({ length: 12 }, (_, index) => authorNamed(`author ${index}`))
    for (const author of authors) await store.put(packageNamed(author, author), LIMITS, NOW)
    const claims = authors.map((author) => claimBy('bob', author))
    const outcomes = await store.claim(claims, POLICY, NOW)
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(authors.map(() => 'delivered'))
    await store.close()
    await expectFault(cluster.url, {}, 'TLS certificate not trusted')
    await expectFault(cluster.url.replace('rediss', 'redis'), {}, 'the server requires TLS on this port')
  })

  it('is used where the certificate names none of the addresses that it reports, if it is told the name', async () => {
    const cluster = await startCluster(3, 0, ['--tls-cluster', 'yes', '--tls-replication', 'yes'], files)
    servers.push(...cluster.nodes)
    await expectFault(cluster.url, { tls }, 'the TLS certificate is for another host name')
    await expectUsable(cluster.url, { tls: { ...tls, servername: 'localhost' } })
    const natMap = Object.fromEntries(
      cluster.nodes.map(({ port }) => [`127.0.0.1:${port}`, { host: 'localhost', port }]),
    )
    await expectUsable(cluster.url, { tls, natMap })
  })
})

describe('a Sentinel', () => {
  const USER = 'user default off\nuser ann on >right allchannels +hello +auth +client +info +subscribe'
  const RIGHTS = '+sentinel|get-master-addr-by-name +sentinel|sentinels'

  /** One that knows a master, by host name if that has TLS. */
  function watch(master: RedisServer, config = '', settings: RedisSettings = {}): Promise<RedisServer> {
    const names = 'sentinel resolve-hostnames yes\nsentinel announce-hostnames yes\n'
    const monitor = `sentinel monitor main localhost ${master.port} 1\n`
    return startRedisSentinel({ ...settings, config: `${config}\n${names}${monitor}` })
  }

  async function startRedisSentinel(settings: RedisSettings): Promise<RedisServer> {
    return start({ ...settings, args: ['--sentinel', ...(settings.args ?? [])] })
  }

  const address = (sentinel: RedisServer, scheme = 'redis') =>
    `${scheme}+sentinel://localhost:${sentinel.port}/main`

  it('may have a password of its own', async () => {
    const sentinel = await watch(plain, 'requirepass right')
    await expectUsable(address(sentinel), { sentinel: { password: 'right' } })
    await expectFault(address(sentinel), {}, 'authentication required: set redis.sentinel.password')
    const wrong = { sentinel: { password: 'wrong' } }
    await expectFault(address(sentinel), wrong, 'wrong user or password: check redis.sentinel.username')
  })

  it('may have a user of its own, with the rights that the README names', async () => {
    const sentinel = await watch(plain, `${USER} ${RIGHTS}`)
    await expectUsable(address(sentinel), { sentinel: { username: 'ann', password: 'right' } })
    await expectFault(address(sentinel), { sentinel: { password: 'right' } }, 'wrong user or password')
    const powerless = await watch(plain, USER)
    const ann = { sentinel: { username: 'ann', password: 'right' } }
    await expectFault(address(powerless), ann, 'permission denied: grant the user allchannels')
  })

  it('has TLS like its master, and the certificate may be another', async () => {
    const sentinel = await watch(secured, 'tls-replication yes', { tls: files })
    await expectUsable(address(sentinel, 'rediss'), { tls })
    await expectFault(address(sentinel, 'rediss'), {}, 'TLS certificate not trusted')
    await expectFault(address(sentinel), {}, 'TLS required: set redis.sentinel.tls to on')
  })

  it('may have TLS although its master has none', async () => {
    const sentinel = await watch(plain, '', { tls: files })
    await expectUsable(address(sentinel), { tls, sentinel: { tls: 'on' } })
    await expectFault(address(sentinel, 'rediss'), { tls }, 'the server does not use TLS on this port')
  })

  it('may have no TLS although its master has', async () => {
    const own = `tls-replication yes\ntls-ca-cert-file ${files.ca}\ntls-cert-file ${files.cert}\ntls-key-file ${files.key}`
    const sentinel = await watch(secured, own)
    await expectUsable(address(sentinel, 'rediss'), { tls, sentinel: { tls: 'off' } })
    await expectFault(
      address(sentinel, 'rediss'),
      { tls },
      'no TLS on this port: set redis.sentinel.tls to off',
    )
    await expectFault(address(sentinel), {}, 'the server requires TLS on this port: use rediss://')
  })

  it('reports an address that is reached from here at another', async () => {
    const sentinel = await watch(plain)
    const elsewhere = await start({})
    const natMap = { [`localhost:${plain.port}`]: { host: '127.0.0.1', port: elsewhere.port } }
    const { client } = await connect(address(sentinel), { natMap })
    expect(await client.info('server')).toContain(`tcp_port:${elsewhere.port}`)
  })

  it('that knows no master with that name, is not there, or is one of two, is what the error names', async () => {
    const sentinel = await watch(plain, 'requirepass right')
    const right = { sentinel: { password: 'right' } }
    const nobody = address(sentinel).replace(/main$/, 'nobody')
    await expectFault(
      nobody,
      right,
      'no Sentinel knows a master with that name: check the name in the address',
    )
    const absent = 'redis+sentinel://localhost:1/main'
    await expectFault(
      absent,
      {},
      'Sentinel localhost:1: connection refused: start the server, or check the address',
    )
    const both = absent.replace('localhost:1', `localhost:1,localhost:${sentinel.port}`)
    await expectFault(both, {}, `authentication required: set redis.sentinel.password`)
    await expectUsable(both, right)
  })

  it('that cannot be reached, beside one that can, leaves nothing on stderr', async () => {
    const sentinel = await watch(plain)
    const program = `
      import { redisStore } from 'keypackage-gateway/redis'
      const store = await redisStore({ redis: 'redis+sentinel://localhost:${sentinel.port},localhost:1/main' })
      store.onAccessChanged(() => {})
      await store.accessRules()
      await store.close()
      console.log('done')`
    const outcome = await finish(process.execPath, ['--input-type=module', '-e', program])
    expect(outcome).toEqual({ code: 0, stdout: 'done\n', stderr: '' })
  })
})
