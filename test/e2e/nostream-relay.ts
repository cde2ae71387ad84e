/**
 * The real nostream as it was built, in its several processes, with a PostgreSQL and a Redis of its own.
 * NOSTREAM_DIR names its checkout, NOSTREAM_NODE a Node.js that it runs on (24), this one by default.
 */

import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Client } from '../support/client.ts'
import { eventually } from '../support/eventually.ts'
import { findPostgres, Postgres } from '../support/postgres.ts'
import { run, startProcess } from '../support/processes.ts'
import { freePort, type RedisServer, startRedis } from '../support/redis.ts'
import { scratch } from '../support/scratch.ts'

const { NOSTREAM_DIR: nostreamDirectory = '', NOSTREAM_NODE = process.execPath } = process.env
const postgresFolder = findPostgres()
const START_MS = 60_000
const root = fileURLToPath(new URL('../../', import.meta.url))

/** Whether there is one to test with; if not, that is said aloud. */
export const hasNostream = nostreamDirectory !== '' && postgresFolder !== undefined

if (!hasNostream) {
  console.warn(
    'SKIPPED: the tests on the real nostream need a built checkout, which NOSTREAM_DIR names, and PostgreSQL.',
  )
}

/** What nostream limits of itself would answer before the gateway does; and arrays are not merged, but replaced. */
export const UNLIMITED = {
  connection: { rateLimits: [] },
  message: { rateLimits: [] },
  event: { rateLimits: [] },
}

/** With the Node.js that nostream runs on as the one to be found. */
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
    if (!hasNostream || postgresFolder === undefined) throw new Error('there is no nostream')
    const backend = new NostreamBackend(await Postgres.start(postgresFolder), await startRedis())
    await backend.postgres.query('create database nostream')
    await backend.run('node_modules/knex/bin/cli.js', 'migrate:latest')
    return backend
  }

  /** Runs one of the programs in nostream's checkout to its end. */
  async run(program: string, ...args: readonly string[]): Promise<void> {
    const env = { ...nostreamEnv(), ...this.env() }
    await run(NOSTREAM_NODE, [program, ...args], { cwd: nostreamDirectory, env })
  }

  /** How nostream finds them. */
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

  /** How many events of these kinds nostream keeps. */
  async countEvents(...kinds: readonly number[]): Promise<number> {
    const sql = `select count(*) from events where event_kind in (${kinds.join()}) and deleted_at is null`
    return Number(await this.postgres.query(sql, 'nostream'))
  }

  /** As new. */
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
  /** How it is started, where not as it usually is. */
  readonly command?: readonly [program: string, ...args: string[]]
  /** A built checkout, where it is not the one that NOSTREAM_DIR names. */
  readonly directory?: string
  readonly workers?: number
  /** Environment variables beside its own. */
  readonly env?: Readonly<Record<string, string>>
  /** Its own settings, over its defaults. */
  readonly settings?: Readonly<Record<string, unknown>>
}

export class NostreamRelay {
  readonly url: string
  /** What all of its processes wrote. */
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

  /** Starts it, and waits until every worker takes connections; rejects with its log where it ends instead. */
  static async start(backend: NostreamBackend, settings: NostreamSettings): Promise<NostreamRelay> {
    const relay = new NostreamRelay(await freePort(), backend, settings)
    const { workers = 1 } = settings
    const isReady = async () => relay.#hasEnded || (await relay.#servingWorkers()).size === workers
    await eventually('all workers serve', isReady, START_MS)
    if (!relay.#hasEnded) return relay
    await relay.stop()
    throw new Error(`nostream has ended: ${relay.log}`)
  }

  /** The process that has a client's connection. */
  workerOf({ stream: { localPort = 0 } }: Client): number | undefined {
    const inode = inodeOf(this.#port, localPort)
    return this.#children().find((pid) => inode !== undefined && hasSocket(pid, inode))
  }

  async stop(): Promise<void> {
    if (!this.#hasEnded) {
      const children = this.#children()
      const gone = once(this.#process, 'exit')
      this.#process.kill('SIGKILL')
      for (const pid of children) process.kill(pid, 'SIGKILL')
      await gone
    }
  }

  get #hasEnded(): boolean {
    return (this.#process.exitCode ?? this.#process.signalCode) !== null
  }

  /** Those that some of a few new connections come to. */
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

/** The socket of a connection between two ports of this machine, at the end of the first. */
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
