/** One server with many connections: what each takes of memory and processor, and how claims fare meanwhile. */

import { setTimeout as wait } from 'node:timers/promises'
import { WebSocket } from 'ws'
import { lmdbStore } from '../../../adapters/storage/lmdb.ts'
import { author } from '../../bench/stocked.ts'
import { DAY } from '../../contract/index.ts'
import { serveCli } from '../../support/cli.ts'
import { Client } from '../../support/client.ts'
import { person } from '../../support/people.ts'
import { stopwatch } from '../../support/process-usage.ts'
import { scratch } from '../../support/scratch.ts'
import { percentile, type Row, residentBytes } from './figures.ts'
import { fillStore } from './filling.ts'

const AT_ONCE = 200
/** Clients ask for the slots of so many people, and stay. */
const FRIENDS = 20
const CLAIMS = 400
/** Longer than from one ping to the next. */
const WATCHED_MS = 35_000

/** @param workers how many processes the server has */
export async function measureConnections(
  count: number,
  workers: number,
  say: (line: string) => void,
): Promise<Row[]> {
  const path = scratch()
  await stock(path)
  const limits = ['--server-max-connections', '0', '--server-max-connections-per-address', '0']
  const args = [
    '--store',
    `lmdb:${path}`,
    '--proxy-trust',
    '127.0.0.1',
    '--workers',
    String(workers),
    ...limits,
  ]
  const server = await serveCli(args)
  const rows: Row[] = []
  const add = (what: string, value: string) => {
    rows.push({ what, value })
    say(`${what}: ${value}`)
  }
  const claims = new Claims(server.url)
  add('claims alone', await claims.next())
  const before = residentBytes(server.pid)
  const took = stopwatch([{ name: 'server', pid: server.pid }])
  const clients: WebSocket[] = []
  for (let from = 0; from < count; from += AT_ONCE) {
    const more = Array.from({ length: Math.min(AT_ONCE, count - from) }, (_, index) =>
      connect(server.url, from + index),
    )
    clients.push(...(await Promise.all(more)))
  }
  const each = (bytes: number) => `${Math.round((bytes - before) / count / 1024)} kB`
  const using = (watch: ReturnType<typeof stopwatch>) => watch().get('server') ?? Number.NaN
  add('a handshake', `${((using(took) * 1e6) / count).toFixed(0)} µs`)
  add(`an idle client, of ${count.toLocaleString('en')}`, each(residentBytes(server.pid)))
  const watch = stopwatch([{ name: 'server', pid: server.pid }])
  await wait(WATCHED_MS)
  add(
    `${count.toLocaleString('en')} idle clients`,
    `${((using(watch) / WATCHED_MS) * 1e5).toFixed(1)} % of a processor`,
  )
  add('claims beside them', await claims.next())
  await mix(clients)
  add('a client that watches slots', each(residentBytes(server.pid)))
  add('claims beside those', await claims.next())
  for (const client of clients) client.terminate()
  server.kill('SIGTERM')
  await server.finished
  return rows
}

/** Of one client after the other, each author once. */
class Claims {
  readonly #url: string
  #done = 0

  constructor(url: string) {
    this.#url = url
  }

  async next(): Promise<string> {
    const times: number[] = []
    for (let turn = 0; turn < CLAIMS; turn += 1) {
      const headers = { 'x-forwarded-for': `203.0.113.${this.#done % 250}` }
      const client = await Client.greeted(this.#url, { headers })
      const began = performance.now()
      await client.request('claim', { kinds: [443], authors: [author(this.#done)] })
      times.push(performance.now() - began)
      this.#done += 1
      await client.close()
    }
    return `p50 ${percentile(times, 0.5).toFixed(1)} ms, p99 ${percentile(times, 0.99).toFixed(1)} ms`
  }
}

function connect(url: string, index: number): Promise<WebSocket> {
  const address = `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, { headers: { 'x-forwarded-for': address }, perMessageDeflate: false })
    socket.once('error', reject).once('open', () => resolve(socket))
  })
}

async function mix(clients: readonly WebSocket[]): Promise<void> {
  for (let from = 0; from < clients.length; from += AT_ONCE) {
    await Promise.all(
      clients.slice(from, from + AT_ONCE).map((client, index) => watchFriends(client, from + index)),
    )
  }
}

function watchFriends(client: WebSocket, index: number): Promise<void> {
  const authors = Array.from(
    { length: FRIENDS },
    (_, friend) => person(`friend ${(index + friend) % 50}`).pubkey,
  )
  const ask = () => client.send(JSON.stringify(['REQ', 'friends', { kinds: [0, 30443], authors }]))
  return new Promise((resolve, reject) => {
    client.once('error', reject)
    client.once('close', (code, reason) => reject(new Error(`closed with ${code} ${reason}`)))
    client.on('message', (data) => {
      const [verb, id] = JSON.parse(String(data)) as string[]
      if (verb === 'EOSE') resolve()
      // The store may have been too slow, on a machine that has much else to do.
      if (verb === 'CLOSED' && id === 'friends') ask()
    })
    ask()
  })
}

async function stock(path: string): Promise<void> {
  const store = lmdbStore({ path })
  const now = Math.floor(Date.now() / 1000)
  await fillStore(store, { authors: 4 * CLAIMS, author, packages: 3, now, expiresAt: now + DAY })
  await store.close()
}
