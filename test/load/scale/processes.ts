/** What one process, two workers, a second server and a cluster take for each claim and each publish, in processor time, over sockets. */

import { join } from 'node:path'
import { lmdbStore } from '../../../adapters/storage/lmdb.ts'
import { redisStore } from '../../../adapters/storage/redis.ts'
import { silent } from '../../../plugin/context.ts'
import type { SignedEvent } from '../../../plugin/nostr/messages.ts'
import type { KeyPackageStore } from '../../../plugin/store.ts'
import { author, realisticPackage } from '../../bench/stocked.ts'
import { LIMITS } from '../../contract/index.ts'
import { serveCli } from '../../support/cli.ts'
import { Client } from '../../support/client.ts'
import { keyPackageEvent, makeKeyPackage } from '../../support/key-packages.ts'
import { person } from '../../support/people.ts'
import { type RedisServer, startCluster, startRedis } from '../../support/redis.ts'
import { scratch } from '../../support/scratch.ts'
import { stopwatch } from '../generator/usage.ts'
import { familyOf, type Row } from './figures.ts'

/** What is started, in the order in which it is measured. */
const LAYOUTS = {
  'one process, LMDB': { store: 'lmdb', servers: 1, workers: 1 },
  'two workers, LMDB': { store: 'lmdb', servers: 1, workers: 2 },
  'one process, Redis': { store: 'redis', servers: 1, workers: 1 },
  'two workers, Redis': { store: 'redis', servers: 1, workers: 2 },
  'two servers, Redis': { store: 'redis', servers: 2, workers: 1 },
  'two servers, cluster of three': { store: 'cluster', servers: 2, workers: 1 },
} as const
type Layout = (typeof LAYOUTS)[keyof typeof LAYOUTS]

const CLIENTS = 100
/** As many as the default quotas allow one address of strangers. */
const CLAIMS_OF_A_CLIENT = 100
const PACKAGES = 4
const PUBLISHERS = 10
const AUTHORS_OF_A_PUBLISHER = 10
const PUBLISHES_OF_AN_AUTHOR = 5
const PUT_AT_ONCE = 2_000

export async function measureProcesses(say: (line: string) => void): Promise<Row[]> {
  const events = await newPackages()
  const rows: Row[] = []
  for (const [name, layout] of Object.entries(LAYOUTS)) {
    for (const row of await measureLayout(name, layout, events)) {
      rows.push(row)
      say(`${row.what}: ${row.value}`)
    }
  }
  return rows
}

async function measureLayout(name: string, layout: Layout, events: readonly SignedEvent[][]): Promise<Row[]> {
  const { address, redis, fill } = await placeFor(layout)
  await fill()
  const args = ['--store', address, '--proxy-trust', '127.0.0.1', '--workers', String(layout.workers)]
  const servers = []
  for (let index = 0; index < layout.servers; index += 1)
    servers.push(await serveCli([...args, '--server-max-connections', '0']))
  const redisPids = await Promise.all(redis.map(async (node) => Number(await node.info('process_id'))))
  const processes = [
    ...servers.flatMap(({ pid }) =>
      familyOf(pid).map((one, index) => ({ name: nameOf(one, index, layout), pid: one })),
    ),
    ...redisPids.map((pid) => ({ name: `Redis ${pid}`, pid })),
  ]
  const urls = servers.map(({ url }) => url)
  const clients = await connectAll(urls, CLIENTS)
  const claims = await timed(processes, CLIENTS * CLAIMS_OF_A_CLIENT, () =>
    Promise.all(clients.map((client, index) => claimAll(client, index))),
  )
  const publishers = await connectAll(urls, PUBLISHERS, 100)
  const publishes = await timed(processes, events.flat().length, () =>
    Promise.all(publishers.map((client, index) => publishAll(client, events[index] ?? []))),
  )
  await Promise.all([...clients, ...publishers].map((client) => client.close()))
  for (const server of servers) server.kill('SIGTERM')
  await Promise.all(servers.map(({ finished }) => finished))
  await Promise.all(redis.map((node) => node.stop()))
  return [
    { what: `${name}: a claim`, value: claims },
    { what: `${name}: a publish`, value: publishes },
  ]
}

/** Of a server with workers the first process is the primary. */
function nameOf(pid: number, index: number, { workers }: Layout): string {
  if (workers === 1) return `server ${pid}`
  return index === 0 ? 'primary' : `worker ${pid}`
}

async function timed(
  processes: Parameters<typeof stopwatch>[0],
  count: number,
  work: () => Promise<unknown>,
): Promise<string> {
  const stop = stopwatch(processes)
  const began = performance.now()
  await work()
  const seconds = (performance.now() - began) / 1000
  const used = [...stop()].map(([name, used]) => [name.split(' ')[0] ?? '', (used * 1e6) / count] as const)
  const kinds = [...new Set(used.map(([kind]) => kind))].map((kind) => {
    const each = used.filter(([of]) => of === kind).map(([, micros]) => micros)
    const sum = each.reduce((total, micros) => total + micros, 0)
    const parts = each.length === 1 ? '' : ` (${each.map((micros) => micros.toFixed(0)).join(' + ')})`
    return `${kind} ${sum.toFixed(0)} µs${parts}`
  })
  return `${kinds.join(', ')}; ${Math.round(count / seconds).toLocaleString('en')}/s`
}

async function connectAll(urls: readonly string[], count: number, from = 0): Promise<Client[]> {
  const clients = []
  for (let index = 0; index < count; index += 1) {
    const number = from + index
    const headers = { 'x-forwarded-for': `198.51.${100 + (number >> 8)}.${number & 255}` }
    clients.push(await Client.connect(urls[index % urls.length] ?? '', { headers }))
  }
  return clients
}

/** Each author once. */
async function claimAll(client: Client, index: number): Promise<void> {
  for (let turn = 0; turn < CLAIMS_OF_A_CLIENT; turn += 1) {
    const wanted = author(index * CLAIMS_OF_A_CLIENT + turn)
    const { events } = await client.request(`${turn}`, { kinds: [443], authors: [wanted] })
    if (events.length !== 1) throw new Error(`claim ${turn} of client ${index} got ${events.length} packages`)
    client.send(['CLOSE', `${turn}`])
  }
}

async function publishAll(client: Client, events: readonly SignedEvent[]): Promise<void> {
  for (const event of events) {
    const [accepted, message] = await client.publish(event)
    if (accepted !== true || message !== '') throw new Error(`not published: ${message}`)
  }
}

/** Of authors of their own, by publisher. */
async function newPackages(): Promise<SignedEvent[][]> {
  const now = Math.floor(Date.now() / 1000)
  const byPublisher: SignedEvent[][] = []
  for (let publisher = 0; publisher < PUBLISHERS; publisher += 1) {
    const events: SignedEvent[] = []
    for (let index = 0; index < AUTHORS_OF_A_PUBLISHER * PUBLISHES_OF_AN_AUTHOR; index += 1) {
      const who = person(`publisher ${publisher} ${index % AUTHORS_OF_A_PUBLISHER}`)
      events.push(keyPackageEvent(who, await makeKeyPackage(who, { now }), { createdAt: now - 60 }))
    }
    byPublisher.push(events)
  }
  return byPublisher
}

interface Place {
  readonly address: string
  readonly redis: readonly RedisServer[]
  fill(): Promise<void>
}

const PERSISTENT = ['--appendonly', 'yes', '--appendfsync', 'everysec']

async function placeFor({ store: kind }: Layout): Promise<Place> {
  if (kind === 'lmdb') {
    const path = join(scratch(), 'store')
    return { address: `lmdb:${path}`, redis: [], fill: () => fillOnce(lmdbStore({ path })) }
  }
  const nodes = kind === 'cluster' ? await startCluster(3, 0, PERSISTENT) : undefined
  const redis = nodes?.nodes ?? [await startRedis({ args: PERSISTENT })]
  const address = nodes?.url ?? redis[0]?.url ?? ''
  return { address, redis, fill: async () => fillOnce(await redisStore({ redis: address, log: silent })) }
}

/** Packages of the size of real ones; claims do not look into them. */
async function fillOnce(store: KeyPackageStore): Promise<void> {
  const now = Math.floor(Date.now() / 1000)
  let puts: Promise<unknown>[] = []
  for (let number = 0; number < CLIENTS * CLAIMS_OF_A_CLIENT; number += 1) {
    for (let index = 0; index < PACKAGES; index += 1) {
      const pkg = realisticPackage(`${number}/${index}`, author(number), now - 100 + index)
      puts.push(store.put({ ...pkg, expiresAt: now + 86_400 }, LIMITS, now))
    }
    if (puts.length < PUT_AT_ONCE) continue
    await Promise.all(puts)
    puts = []
  }
  await Promise.all(puts)
  await store.close()
}
