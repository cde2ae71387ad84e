/** `demo --keep`: serves a store with a made-up week, in which life goes on, until Ctrl-C; everything is removed at the end. */

import { once } from 'node:events'
import { createServer } from 'node:net'
import { pino } from 'pino'
import { WebSocket } from 'ws'
import type { KeyPackageStore } from '../../../plugin/store.ts'
import type { Sample } from '../../http/history.ts'
import { createVerifier } from '../../node/verify-event.ts'
import { lmdbStore } from '../../storage/lmdb.ts'
import { waitForSignal } from '../ending.ts'
import { startGatewayServer } from '../gateway-server.ts'
import { secondsNow } from '../open-store.ts'
import { print } from '../output.ts'
import { settingsSchema } from '../settings-schema.ts'
import { readVersion } from '../version.ts'
import { Life } from './life.ts'
import { loadCiphersuite } from './mls.ts'
import { createResidents, signerOf } from './residents.ts'
import { standInPart } from './stand-in.ts'
import { connectionsAt, liveAWeek } from './week.ts'

const HOST = '127.0.0.1'
/** Those of `serve`; another one where another program has them. */
const PORTS = { public: 7447, operator: 9447 }
/** Something happens about so often. */
const ACT_MS = 4_000

const residents = createResidents()
const operator = signerOf('Operator')

/** @param folder an empty one, for the store */
export async function keepDemo(folder: string): Promise<void> {
  const stopping = new AbortController()
  const stopped = waitForSignal().then(() => stopping.abort('stopped'))
  const store = lmdbStore({ path: folder })
  try {
    const verifyEvent = await createVerifier()
    const suite = await loadCiphersuite()
    print(`Making up a week in the life of ${residents.length} people...`)
    const { signal } = stopping
    const week = { store, verifyEvent, residents, suite, random: Math.random, until: secondsNow() }
    const earlier = await liveAWeek({ ...week, signal, version: readVersion() })
    await serveLife({ store, verifyEvent, suite, earlier }, stopped)
  } catch (error) {
    if (error !== stopping.signal.reason) throw error
  } finally {
    await store.close()
  }
}

interface Serving extends Pick<ConstructorParameters<typeof Life>[0], 'suite'> {
  readonly store: KeyPackageStore
  readonly verifyEvent: Awaited<ReturnType<typeof createVerifier>>
  readonly earlier: readonly Sample[]
}

/** The same server as that of `serve`, with a stand-in for a Nostr extension. */
async function serveLife(
  { store, verifyEvent, suite, earlier }: Serving,
  stopped: Promise<void>,
): Promise<void> {
  const server = await startGatewayServer({
    store,
    verifyEvent,
    earlier,
    settings: await demoSettings(),
    log: pino({ level: 'silent' }),
    before: {
      onPublicPort: standInPart('person', residents),
      onOperators: standInPart('operator', [operator]),
    },
  })
  const { gateway } = server
  const life = new Life({ gateway, residents, suite, random: Math.random, now: secondsNow })
  const stopLiving = goOn(life, server.url)
  printAddresses(server.url, server.operatorUrl ?? '')
  await stopped
  await stopLiving()
  await server.close()
}

async function demoSettings() {
  const [listen, adminListen] = await Promise.all([freeAddress(PORTS.public), freeAddress(PORTS.operator)])
  return settingsSchema.parse({
    listen,
    admin: { listen: adminListen, pubkeys: [operator.pubkey] },
    server: {
      name: 'Demo relay',
      description: 'Made-up people and their key packages, for the time of a demo.',
    },
  })
}

/** The preferred port where it is free, else one that is. */
async function freeAddress(preferred: number): Promise<string> {
  for (const port of [preferred, 0]) {
    const server = createServer()
    const bound = await new Promise<number | undefined>((resolve) => {
      server.once('error', () => resolve(undefined))
      server.listen(port, HOST, () => {
        const address = server.address()
        resolve(typeof address === 'object' ? address?.port : undefined)
      })
    })
    if (bound === undefined) continue
    const closed = once(server, 'close')
    server.close()
    await closed
    return `${HOST}:${bound}`
  }
  throw new Error(`no port of ${HOST} is free`)
}

/** Things happen, one after another, and clients come and go, as many as in the hour before. Returns what ends it. */
function goOn(life: Life, url: string): () => Promise<void> {
  const clients: WebSocket[] = []
  let act = Promise.resolve()
  comeOrGo(clients, url)
  const timer = setInterval(() => {
    act = act.then(() => life.happen()).catch(() => undefined)
    comeOrGo(clients, url)
  }, ACT_MS)
  return async () => {
    clearInterval(timer)
    await act
    for (const client of clients) client.terminate()
  }
}

function comeOrGo(clients: WebSocket[], url: string): void {
  const wanted = connectionsAt(secondsNow()) + Math.round(Math.random())
  while (clients.length < wanted) clients.push(new WebSocket(url).on('error', () => undefined))
  while (clients.length > wanted) clients.shift()?.close()
}

function printAddresses(relay: string, operatorsUrl: string): void {
  const page = relay.replace(/^ws/, 'http')
  const rows = [
    [`${page}/?as=alice`, "Alice's key packages: fresh ones, and two slots"],
    [`${page}/?as=bob`, "Bob's: only the last one is left, which is shared"],
    [`${page}/?as=carol`, "Carol's: all of hers expire within hours"],
    [`${page}/`, 'the page as it is for everybody'],
    [`${operatorsUrl}/?as=operator`, "the operator's page: charts that move, who runs low, bans"],
    [`${operatorsUrl}/metrics`, 'what Prometheus reads'],
  ]
  const width = Math.max(...rows.map(([url = '']) => url.length))
  print('\nOpen in a browser:\n')
  for (const [url = '', what] of rows) print(`  ${url.padEnd(width)}  ${what}`)
  print('\nWith ?as=NAME, "Sign in" needs no Nostr extension: the demo signs for them.')
  print(`The relay is ${relay}. Ctrl-C ends it, and removes everything.`)
}
