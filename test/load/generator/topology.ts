/** What a run starts for itself: servers of the built command line, a store, a relay behind; and which settings differ from the defaults. */

import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type Serving, serveCli } from '../../support/cli.ts'
import type { NamedProcess } from '../../support/process-usage.ts'
import { startProcess } from '../../support/processes.ts'
import { type RedisServer, startCluster, startRedis } from '../../support/redis.ts'
import { scratch } from '../../support/scratch.ts'
import type { LoadOptions } from './options.ts'
import { SMALL_RELAY } from './small-relay.ts'
import { INSPECTABLE } from './soak/garbage.ts'

export interface Started {
  readonly urls: readonly string[]
  readonly servers: readonly Serving[]
  /** Of the operator's listeners, of the same servers. */
  readonly operatorUrls: readonly string[]
  /** The address of the relay behind. */
  readonly relayUrl?: string
  /** In words, for the report. */
  readonly description: string
  /** Settings that differ from the defaults, as flags. */
  readonly settings: readonly string[]
  /** Those whose use of the machine is measured. */
  readonly processes: readonly NamedProcess[]
  readonly redis: readonly RedisServer[]
  readonly lmdbPath?: string
  stop(): Promise<void>
}

/** Persistence as most servers have it. */
const PERSISTENT = ['--appendonly', 'yes', '--appendfsync', 'everysec']
const NODES = 3

interface Store {
  readonly address: string
  readonly redis: readonly RedisServer[]
  readonly lmdbPath?: string
}

/** @param more settings that the run needs besides */
export async function start(options: LoadOptions, more: readonly string[]): Promise<Started> {
  const { topology } = options
  const store = await openStore(options)
  const hasRelay = topology !== 'standalone'
  const relay = hasRelay ? await startRelay() : undefined
  const limits = hasRelay ? [] : ['--server-max-connections', '0']
  const settings = ['--proxy-trust', '127.0.0.1', '--admin-listen', '127.0.0.1:0', ...limits, ...more]
  const upstream = relay === undefined ? [] : ['--upstream', relay.url]
  const args = ['--store', store.address, ...upstream, ...settings]
  const servers: Serving[] = []
  for (let server = 0; server < (topology === 'proxies' || topology === 'cluster' ? 2 : 1); server++)
    servers.push(await serveCli(args, { env: { NODE_OPTIONS: INSPECTABLE } }))
  const redisPids = await Promise.all(
    store.redis.map(async (redis) => Number(await redis.info('process_id'))),
  )
  return {
    servers,
    urls: servers.map(({ url }) => url.replace(/^http/, 'ws')),
    operatorUrls: servers.flatMap(({ log }) =>
      log.flatMap(({ operator }) => (operator === undefined ? [] : String(operator))),
    ),
    ...(relay !== undefined && { relayUrl: relay.url }),
    description: describe(options, store),
    settings,
    processes: [
      ...servers.map(({ pid }, index) => ({
        name: servers.length > 1 ? `server ${index + 1}` : 'server',
        pid,
      })),
      ...redisPids.map((pid, index) => ({
        name: redisPids.length > 1 ? `Redis ${index + 1}` : 'Redis',
        pid,
      })),
      ...(relay === undefined ? [] : [{ name: 'relay behind', pid: relay.pid }]),
    ],
    redis: store.redis,
    ...(store.lmdbPath !== undefined && { lmdbPath: store.lmdbPath }),
    stop: async () => {
      for (const server of servers) server.kill('SIGTERM')
      await Promise.all(servers.map(({ finished }) => finished))
      await Promise.all(store.redis.map((redis) => redis.stop()))
      relay?.stop()
    },
  }
}

async function openStore({ topology, store }: LoadOptions): Promise<Store> {
  if (topology === 'cluster') {
    const { url, nodes } = await startCluster(NODES, 0, PERSISTENT)
    return { address: url, redis: nodes }
  }
  if (store === 'memory') return { address: 'memory:', redis: [] }
  if (store === 'lmdb') {
    const lmdbPath = join(scratch(), 'store')
    return { address: `lmdb:${lmdbPath}`, redis: [], lmdbPath }
  }
  const redis = await startRedis({ args: PERSISTENT })
  return { address: redis.url, redis: [redis] }
}

function describe({ topology, store }: LoadOptions, { redis }: Store): string {
  if (topology === 'cluster')
    return `two proxies in front of one relay, on a Redis cluster of ${redis.length} (appendfsync everysec)`
  const on = store === 'redis' ? 'Redis (appendfsync everysec)' : store
  if (topology === 'standalone') return `a standalone server on ${on}`
  return `${topology === 'proxies' ? 'two proxies' : 'a proxy'} in front of a relay, on ${on}`
}

async function startRelay(): Promise<{ url: string; pid: number; stop: () => void }> {
  const child = startProcess(process.execPath, [SMALL_RELAY], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [url] = (await once(createInterface(child.stdout), 'line')) as [string]
  return { url, pid: child.pid ?? 0, stop: () => child.kill('SIGKILL') }
}
