/**
 * The real, built nostream with all its processes, and a PostgreSQL and a Redis for it.
 * NOSTREAM_DIR is its checkout; NOSTREAM_NODE is the Node.js to run it with (24), by default this one.
 */

import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Client } from '../../support/client.ts'
import { eventually } from '../../support/eventually.ts'
import { findPostgres, Postgres } from '../../support/postgres.ts'
import { run, startProcess } from '../../support/processes.ts'
import { freePort, type RedisServer, startRedis } from '../../support/redis.ts'
import { scratch } from '../../support/scratch.ts'

const { NOSTREAM_DIR: nostreamDirectory = '', NOSTREAM_NODE = process.execPath } = process.env
const postgresFolder = findPostgres()
const START_MS = 60_000
const root = fileURLToPath(new URL('../../../', import.meta.url))

/** Whether there is one to test with; if not, a warning is printed. */
export const hasNostream = nostreamDirectory !== '' && postgresFolder !== undefined

if (!hasNostream) {
  console.warn(
    'SKIPPED: the tests on the real nostream need PostgreSQL and a built checkout of nostream, set by NOSTREAM_DIR.',
  )
}

/** Without nostream's own limits, which would answer before the gateway. Arrays replace the defaults. */
export const UNLIMITED = {
  connection: { rateLimits: [] },
  message: { rateLimits: [] },
  event: { rateLimits: [] },
}

/** With nostream's Node.js first on PATH. */
function nostreamEnv(): NodeJS.ProcessEnv {
  return { ...process.env, PATH: `${dirname(NOSTREAM_NODE)}${delimiter}${process.env.PATH}` }
}

/** PostgreSQL with nostream's tables, and Redis: what its processes share. */
export class NostreamBackend {
  readonly postgres: Postgres
  readonly redis: RedisServer

  private constructor(postgres: Postgres, redis: RedisServer) {
    this.postgres = postgres
    this.redis = redis
  }

  static async start(): Promise<NostreamBackend> {
    if (!hasNostream || postgresFolder === undefined) throw new Error('NOSTREAM_DIR is not set')
    const backend = new NostreamBackend(await Postgres.start(postgresFolder), await startRedis())
    await backend.postgres.query('create database nostream')
    await backend.run('node_modules/knex/bin/cli.js', 'migrate:latest')
    return backend
  }

  /** Runs a program of nostream's checkout until it exits. */
  async run(program: string, ...args: readonly string[]): Promise<void> {
    const env = { ...nostreamEnv(), ...this.env() }
    await run(NOSTREAM_NODE, [program, ...args], { cwd: nostreamDirectory, env })
  }

  /** The environment variables by which nostream finds them. */
  env(): Record<string, string> {
    const { host, port, user } = this.postgres
    return {
      DB_HOST: host,
      DB_PORT: String(port),
      DB_USER: user,
      DB_PASSWORD: 'none',
      DB_NAME: 'nostream',
      REDIS_HOST: '127.0.0.1',
      REDIS_PORT: String(this.redis.port),
    }
  }

  /** How many events of these kinds nostream stores. */
  async countEvents(...kinds: readonly number[]): Promise<number> {
    const sql = `select count(*) from events where event_kind in (${kinds.join()}) and deleted_at is null`
    return Number(await this.postgres.query(sql, 'nostream'))
  }

  /** Empties both. */
  async clear(): Promise<void> {
    await this.redis.command('FLUSHALL')
    await this.postgres.query('truncate events, event_tags, users cascade', 'nostream')
  }

  async stop(): Promise<void> {
    await this.postgres.stop()
    await this.redis.stop()
  }
}

export interface NostreamSettings {
  /** Whether it is started with the register hook. */
  readonly register: boolean
  /** Starts it with another command. */
  readonly command?: readonly [program: string, ...args: string[]]
  /** Another built checkout than NOSTREAM_DIR. */
  readonly directory?: string
  readonly workers?: number
  /** Additional environment variables. */
  readonly env?: Readonly<Record<string, string>>
  /** nostream's own settings, over its defaults. */
  readonly settings?: Readonly<Record<string, unknown>>
}

export class NostreamRelay {
  readonly url: string
  /** The output of all its processes. */
  log = ''
  readonly #process: ChildProcess
  readonly #port: number

  private constructor(port: number, backend: NostreamBackend, settings: NostreamSettings) {
    const { register, workers = 1, env = {}, directory = nostreamDirectory } = settings
    const [program, ...args] = settings.command ?? [NOSTREAM_NODE, 'dist/src/index.js']
    this.#port = port
    this.url = `ws://127.0.0.1:${port}`
    const path = scratch()
    const info = { relay_url: this.url }
    // JSON is YAML.
    writeFileSync(
      join(path, 'settings.yaml'),
      JSON.stringify({ info, limits: UNLIMITED, ...settings.settings }),
    )
    mkdirSync(join(path, 'node_modules'))
    symlinkSync(root, join(path, 'node_modules/keypackage-gateway'))
    this.#process = startProcess(program, args, {
      cwd: directory,
      env: {
        ...nostreamEnv(),
        ...backend.env(),
        SECRET: '0'.repeat(64),
        NOSTR_CONFIG_DIR: path,
        RELAY_PORT: String(port),
        WORKER_COUNT: String(workers),
        // All people of these tests come from one address.
        KPG_QUOTA_NEW_AUTHORS_PER_ADDRESS_MAX: '1000000',
        // As if the package were installed there.
        NODE_PATH: join(path, 'node_modules'),
        NODE_OPTIONS: register ? '--require keypackage-gateway/nostream/register' : '',
        ...env,
      },
    })
    for (const output of [this.#process.stdout, this.#process.stderr]) {
      output?.on('data', (text) => (this.log += text))
    }
  }

  /** Starts it, and waits until every worker accepts connections. Rejects with its log if it exits instead. */
  static async start(backend: NostreamBackend, settings: NostreamSettings): Promise<NostreamRelay> {
    const relay = new NostreamRelay(await freePort(), backend, settings)
    const { workers = 1 } = settings
    const isReady = async () => relay.#hasExited || (await relay.#servingWorkers()).size === workers
    await eventually('all workers serve', isReady, START_MS)
    if (!relay.#hasExited) return relay
    await relay.stop()
    throw new Error(`nostream has exited: ${relay.log}`)
  }

  /** The process that has a client's connection. */
  workerOf({ stream: { localPort = 0 } }: Client): number | undefined {
    const inode = inodeOf(this.#port, localPort)
    return this.#children().find((pid) => inode !== undefined && hasSocket(pid, inode))
  }

  async stop(): Promise<void> {
    if (!this.#hasExited) {
      const children = this.#children()
      const gone = once(this.#process, 'exit')
      this.#process.kill('SIGKILL')
      for (const pid of children) process.kill(pid, 'SIGKILL')
      await gone
    }
  }

  get #hasExited(): boolean {
    return (this.#process.exitCode ?? this.#process.signalCode) !== null
  }

  /** The workers that serve a few new connections. */
  async #servingWorkers(): Promise<Set<number | undefined>> {
    const clients = await Promise.all(Array.from({ length: 4 }, () => Client.connect(this.url)))
    const workers = clients.map((client) => this.workerOf(client))
    await Promise.all(clients.map((client) => client.close()))
    return new Set(workers)
  }

  #children(): number[] {
    const { pid } = this.#process
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number)
  }
}

/** The inode of a local connection's socket, on the side of the first port. */
function inodeOf(localPort: number, remotePort: number): string | undefined {
  const rows = ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((file) => readFileSync(file, 'utf8').split('\n'))
  const portOf = (address = '') => Number.parseInt(address.split(':')[1] ?? '', 16)
  const fields = rows.map((row) => row.trim().split(/\s+/))
  return fields.find(([, local, remote]) => portOf(local) === localPort && portOf(remote) === remotePort)?.[9]
}

function hasSocket(pid: number, inode: string): boolean {
  return readdirSync(`/proc/${pid}/fd`).some((name) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${name}`) === `socket:[${inode}]`
    } catch {
      return false
    }
  })
}
