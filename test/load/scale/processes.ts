/** What one process, two workers, a second server and a cluster take for each claim and each publish, in processor time, over sockets. */

import { join } from 'node:path'
import { lmdbStore } from '../../../adapters/storage/lmdb.ts'
import { redisStore } from '../../../adapters/storage/redis.ts'
import { silent } from '../../../plugin/context.ts'
import type { SignedEvent } from '../../../plugin/nostr/messages.ts'
import type { KeyPackageStore } from '../../../plugin/store.ts'
import { author } from '../../bench/stocked.ts'
import { DAY } from '../../contract/index.ts'
import { serveCli } from '../../support/cli.ts'
import { Client } from '../../support/client.ts'
import { keyPackageEvent, makeKeyPackage } from '../../support/key-packages.ts'
import { person } from '../../support/people.ts'
import { stopwatch } from '../../support/process-usage.ts'
import { type RedisServer, startCluster, startRedis } from '../../support/redis.ts'
import { scratch } from '../../support/scratch.ts'
import { familyOf, type Row } from './figures.ts'
import { fillStore, inLanes } from './filling.ts'

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

const CLIENTS = 40
/** As many as the default quotas allow one address of strangers. */
const CLAIMS_OF_A_CLIENT = 100
/** Besides them and first of all, so that V8 has compiled what is measured. */
const WARMING_UP = 60
const ASKING_AT_ONCE = 8
const PACKAGES = 3
const PUBLISHERS = 15
const AUTHORS_OF_A_PUBLISHER = 10
const PUBLISHES_OF_AN_AUTHOR = 6
/** Of a publisher, for the same reason. */
const PUBLISHED_FIRST = 20

/** @param only the layouts whose name contains this */
export async function measureProcesses(only: string, say: (line: string) => void): Promise<Row[]> {
  const events = await newPackages()
  const rows: Row[] = []
  for (const [name, layout] of Object.entries(LAYOUTS).filter(([name]) => name.includes(only))) {
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
  const claimAll = (from: number, count: number) =>
    Promise.all(clients.map((client, index) => claimEach(client, from + index * count, count)))
  await claimAll(CLIENTS * CLAIMS_OF_A_CLIENT, WARMING_UP)
  const claims = await timed(processes, CLIENTS * CLAIMS_OF_A_CLIENT, () => claimAll(0, CLAIMS_OF_A_CLIENT))
  // Not all at once: on a busy machine that takes longer than a gateway waits for its store.
  const askForSlots = () => inLanes(CLIENTS, ASKING_AT_ONCE, (index) => watchSlots(clients[index], index))
  const slots = await timed(processes, CLIENTS * CLAIMS_OF_A_CLIENT, askForSlots)
  const again = await timed(processes, CLIENTS * CLAIMS_OF_A_CLIENT, askForSlots)
  const publishers = await connectAll(urls, PUBLISHERS, 100)
  const publishSome = (from: number, to: number) =>
    Promise.all(publishers.map((client, index) => publishAll(client, events[index]?.slice(from, to) ?? [])))
  await publishSome(0, PUBLISHED_FIRST)
  const count = PUBLISHERS * (AUTHORS_OF_A_PUBLISHER * PUBLISHES_OF_AN_AUTHOR - PUBLISHED_FIRST)
  const publishes = await timed(processes, count, () =>
    publishSome(PUBLISHED_FIRST, Number.POSITIVE_INFINITY),
  )
  await Promise.all([...clients, ...publishers].map((client) => client.close()))
  for (const server of servers) server.kill('SIGTERM')
  await Promise.all(servers.map(({ finished }) => finished))
  await Promise.all(redis.map((node) => node.stop()))
  return [
    { what: `${name}: a claim`, value: claims },
    { what: `${name}: a slot, of ${CLAIMS_OF_A_CLIENT} in one REQ`, value: slots },
    { what: `${name}: the same slot again`, value: again },
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

/** One author after the other. */
async function claimEach(client: Client, from: number, count: number): Promise<void> {
  for (let number = from; number < from + count; number += 1) {
    const filter = { kinds: [443], authors: [author(number)] }
    const { events, notices, closed } = await client.request(`${number}`, filter)
    if (events.length !== 1) throw new Error(`a claim got ${events.length} packages: ${notices} ${closed}`)
    client.send(['CLOSE', `${number}`])
  }
}

/** As clients do at their start, for all their contacts at once. */
async function watchSlots(client: Client | undefined, index: number): Promise<void> {
  if (client === undefined) throw new Error(`there is no client ${index}`)
  const authors = Array.from({ length: CLAIMS_OF_A_CLIENT }, (_, turn) =>
    author(index * CLAIMS_OF_A_CLIENT + turn),
  )
  const filter = { kinds: [30443], authors }
  const { events, notices, closed } = await client.request('slots', filter)
  if (events.length !== authors.length)
    throw new Error(`client ${index} got ${events.length} slots: ${notices} ${closed}`)
  client.send(['CLOSE', 'slots'])
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

async function fillOnce(store: KeyPackageStore): Promise<void> {
  const now = Math.floor(Date.now() / 1000)
  const authors = CLIENTS * (CLAIMS_OF_A_CLIENT + WARMING_UP)
  await fillStore(store, { authors, author, packages: PACKAGES, slots: 1, now, expiresAt: now + DAY })
  await store.close()
}
