/** Real Redis servers for the tests: one, a cluster, or a pair with Sentinel; tests can make each fail. */

import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { eventually } from './eventually.ts'
import { run, startProcess } from './processes.ts'
import { projectFile } from './project.ts'
import { findRedis, type RedisBinaries } from './redis-binaries.ts'
import { redisCommand } from './redis-command.ts'
import { scratch } from './scratch.ts'
import type { TlsFiles } from './tls.ts'

/** Below the ephemeral port range, so that a restarted server gets its port again. */
const PORTS = { first: 10_000, last: 22_000 }
/** The offset of the cluster bus port. */
const BUS_OFFSET = 10_000
const START_MS = 20_000
/** Replicas synchronize without delay, and masters ping them every second. */
const REPLICATED = ['--repl-diskless-sync-delay', '0', '--repl-ping-replica-period', '1']
/** The permissions of the ACL user in examples/redis: the least that the store needs. */
const RIGHTS = rightsIn(projectFile('examples/redis/users.acl'))

export interface RedisSettings {
  /** Command line arguments of redis-server; the last of each option wins. */
  readonly args?: readonly string[]
  readonly port?: number
  /** A configuration file that is read before `args`; without it nothing is persisted. */
  readonly config?: string
  /** It listens with TLS alone, as `localhost`; clients need a certificate if `clients` is `certified`. */
  readonly tls?: TlsFiles & { readonly clients?: 'anybody' | 'certified' }
}

/** A server on a free port of this machine, in a scratch directory. */
export async function startRedis(settings: RedisSettings = {}): Promise<RedisServer> {
  const server = new RedisServer(findRedis(), settings.port ?? (await freePort()), settings)
  await server.start()
  return server
}

export class RedisServer {
  readonly port: number
  readonly directory = scratch()
  readonly #binaries: RedisBinaries
  readonly #args: readonly string[]
  readonly #tls: RedisSettings['tls']
  #process: ChildProcess | undefined

  constructor(
    binaries: RedisBinaries,
    port: number,
    { args = [], config = 'save ""\n', tls }: RedisSettings,
  ) {
    this.#binaries = binaries
    this.port = port
    const file = join(this.directory, 'redis.conf')
    writeFileSync(file, config)
    this.#tls = tls
    const own = ['--bind', '127.0.0.1', '--dir', this.directory]
    const listening = tls === undefined ? ['--port', String(port)] : withTls(port, tls)
    this.#args = [file, ...own, ...listening, ...args]
  }

  get url(): string {
    return this.#tls === undefined ? `redis://127.0.0.1:${this.port}` : `rediss://localhost:${this.port}`
  }

  /** Starts the server, and waits until it has loaded its data. */
  async start(): Promise<void> {
    await this.launch()
    await eventually(`redis-server on port ${this.port} answers`, () => this.#isReady(), START_MS)
  }

  /** Starts the server without waiting: it may still be loading, or not listen yet. */
  async launch(): Promise<void> {
    const child = startProcess(this.#binaries.server, this.#args, { stdio: 'ignore' })
    await once(child, 'spawn')
    child.unref()
    this.#process = child
  }

  /** The reply to a command, as redis-cli prints it. */
  command(...words: readonly string[]): Promise<string> {
    return redisCommand({ port: this.port, tls: this.#tls }, words)
  }

  /** The same in one of the server's databases. */
  commandIn(database: number, ...words: readonly string[]): Promise<string> {
    return redisCommand({ port: this.port, tls: this.#tls, database }, words)
  }

  /** Creates a user with these permissions, and `more`. */
  async admit(name: string, password: string, ...more: readonly string[]): Promise<void> {
    await this.command('ACL', 'SETUSER', name, 'on', `>${password}`, ...RIGHTS, ...more)
  }

  /** The URL for a user. */
  urlFor(name: string, password: string): string {
    return this.url.replace('//', `//${name}:${password}@`)
  }

  /** The commands and keys that users were refused for lack of permissions. */
  async denials(): Promise<string[]> {
    const lines = (await this.command('ACL', 'LOG')).split('\n')
    return lines.flatMap((line, index) => (line === 'object' ? [lines[index + 1] ?? ''] : []))
  }

  /** The commands that were called since the start, by clients and by scripts. */
  async called(): Promise<string[]> {
    const stats = await this.command('INFO', 'commandstats')
    return Array.from(stats.matchAll(/^cmdstat_([^:]+):/gm), ([, command = '']) => command)
  }

  /** One field of INFO, such as `info('master_link_status')`. */
  async info(field: string): Promise<string | undefined> {
    const lines = (await this.command('INFO')).split('\r\n')
    return lines.find((line) => line.startsWith(`${field}:`))?.slice(field.length + 1)
  }

  /** Makes the server hang: connections stay open, and nothing is answered. */
  pause(): void {
    this.#process?.kill('SIGSTOP')
  }

  resume(): void {
    this.#process?.kill('SIGCONT')
  }

  /** Kills the server: nothing more is written to disk. */
  async kill(): Promise<void> {
    const child = this.#process
    if (child === undefined) return
    this.#process = undefined
    if ((child.exitCode ?? child.signalCode) !== null) return
    child.ref()
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  }

  /** Kills the server, and restarts it with the data on disk. */
  async restart(): Promise<void> {
    await this.kill()
    await this.start()
  }

  /** Stops the server permanently. */
  stop(): Promise<void> {
    return this.kill()
  }

  async #isReady(): Promise<boolean> {
    if (this.#process?.exitCode !== null) throw new Error(`redis-server ended: ${this.#args.join(' ')}`)
    const answer = await this.command('PING')
    return answer !== '' && !answer.startsWith('LOADING')
  }
}

/** The rules of the user `gateway` after its password. */
function rightsIn(users: string): readonly string[] {
  const [, rights = ''] = /^user gateway on >\S+ (.*)$/m.exec(readFileSync(users, 'utf8')) ?? []
  return rights.split(' ')
}

function withTls(port: number, { ca, cert, key, clients }: NonNullable<RedisSettings['tls']>): string[] {
  const files = ['--tls-ca-cert-file', ca, '--tls-cert-file', cert, '--tls-key-file', key]
  const auth = clients === 'certified' ? 'yes' : 'no'
  return ['--port', '0', '--tls-port', String(port), ...files, '--tls-auth-clients', auth]
}

/** redis-cli does not compare host names. */
function cliTls(tls: RedisSettings['tls']): string[] {
  if (tls === undefined) return []
  return ['--tls', '--cacert', tls.ca, '--cert', tls.clientCert, '--key', tls.clientKey]
}

export interface RedisCluster {
  readonly url: string
  /** Masters first, then their replicas. */
  readonly nodes: readonly RedisServer[]
  stop(): Promise<void>
}

/** A cluster of `masters`, with that many replicas each. */
export async function startCluster(
  masters = 3,
  replicas = 0,
  args: readonly string[] = [],
  tls?: RedisSettings['tls'],
): Promise<RedisCluster> {
  const clustered = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '1000', ...REPLICATED]
  const nodes = await Promise.all(
    Array.from({ length: masters * (1 + replicas) }, () =>
      startRedis({ args: [...clustered, ...args], ...(tls && { tls }) }),
    ),
  )
  const addresses = nodes.map(({ port }) => `127.0.0.1:${port}`)
  const { cli } = findRedis()
  await run(cli, [
    '--cluster',
    'create',
    ...addresses,
    '--cluster-replicas',
    String(replicas),
    '--cluster-yes',
    ...cliTls(tls),
  ])
  await eventually(
    'every node sees the cluster whole',
    async () => {
      const seen = await Promise.all(nodes.map((node) => seesAll(node, nodes.length)))
      return seen.every(Boolean)
    },
    START_MS,
  )
  return {
    url: tls
      ? `rediss+cluster://${nodes.map(({ port }) => `localhost:${port}`).join(',')}`
      : `redis+cluster://${addresses.join(',')}`,
    nodes,
    stop: async () => {
      await Promise.all(nodes.map((node) => node.stop()))
    },
  }
}

async function seesAll(node: RedisServer, size: number): Promise<boolean> {
  const [cluster, link, replicas] = await Promise.all([
    node.command('CLUSTER', 'INFO'),
    node.info('master_link_status'),
    node.info('connected_slaves'),
  ])
  if (!cluster.includes('cluster_state:ok') || !cluster.includes(`cluster_known_nodes:${size}`)) return false
  return link !== 'down' && (replicas === '0' || isFollowed(node))
}

export interface RedisPair {
  readonly master: RedisServer
  readonly replica: RedisServer
}

/** A master and a synchronized replica; either may become the other. */
export async function startPair(args: readonly string[] = []): Promise<RedisPair> {
  const master = await startRedis({ args: [...REPLICATED, ...args] })
  const replica = await startRedis({
    args: [...REPLICATED, '--replicaof', '127.0.0.1', String(master.port), ...args],
  })
  await eventually('the replica follows', () => isFollowed(master), START_MS)
  return { master, replica }
}

/** Whether the replica has acknowledged once: before that it is online, but receives no writes. */
async function isFollowed(master: RedisServer): Promise<boolean> {
  return /state=online,offset=[1-9]/.test((await master.info('slave0')) ?? '')
}

export interface RedisSentinel extends RedisPair {
  readonly url: string
  readonly sentinel: RedisServer
  stop(): Promise<void>
}

/** A pair and a Sentinel that promotes the replica that soon after the master is down. */
export async function startSentinel(downAfterMs = 500): Promise<RedisSentinel> {
  const { master, replica } = await startPair()
  const sentinel = await startRedis({
    args: ['--sentinel'],
    config: `sentinel monitor main 127.0.0.1 ${master.port} 1
sentinel down-after-milliseconds main ${downAfterMs}
sentinel failover-timeout main 3000
`,
  })
  return {
    url: `redis+sentinel://127.0.0.1:${sentinel.port}/main`,
    sentinel,
    master,
    replica,
    stop: async () => {
      await Promise.all([sentinel, master, replica].map((server) => server.stop()))
    },
  }
}

/** A free port whose cluster bus port is also free. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = PORTS.first + Math.floor(Math.random() * (PORTS.last - PORTS.first))
    const free = await Promise.all([port, port + BUS_OFFSET].map(isFree))
    if (free.every(Boolean)) return port
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
