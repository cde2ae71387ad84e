/** The processes of the isolation bench: a standalone server as `serve` makes it, and clients that do it harm. */

import { once } from 'node:events'
import { getPriority, setPriority } from 'node:os'
import { WebSocket } from 'ws'
import { signaturePool } from '../../adapters/node/signature-pool.ts'
import { proxyOptionsSchema, serverOptionsSchema } from '../../adapters/relays/server/server-options.ts'
import { startStandalone } from '../../adapters/relays/standalone/standalone.ts'
import { memoryStore } from '../../adapters/storage/memory.ts'
import { KeyPackageGateway } from '../../plugin/gateway.ts'
import type { SignedEvent } from '../../plugin/nostr/messages.ts'
import { NOW } from '../contract/index.ts'
import { authEvent } from '../support/gateway.ts'
import { keyPackageEvent, makeKeyPackage } from '../support/key-packages.ts'
import { person } from '../support/people.ts'
import { author, fill } from './stocked.ts'

export type Flood = 'publishes' | 'bad signatures' | 'subscriptions' | 'not reading'
export type Role = Flood | 'server'

/** What a process reports: that it is ready (the server: its port), or its memory in bytes. */
export type Report = { readonly port: number } | { readonly resident: number }

/** Authors with one package each: it is their last one, so that it can be claimed again and again (I2). */
export const AUTHORS = 1000
const EVENTS = 300
const PUBLISHERS = 8
const IN_FLIGHT = 32
const FORGERS = 8
const SUBSCRIBERS = 200
const SUBSCRIPTIONS = 32
const AUTHORS_EACH = 500
const SILENT_READERS = 100
const LISTS = 24
const OWNED = 10
const LARGE = 60_000

/** Enough for the claimers; of the authors that the subscriptions name nearly all are beyond it. */
const CLAIMS = { max: 2000 }
const owner = person('owner of large packages')
const log = { info() {}, warn() {}, error: (fields: object) => console.error(fields) }

async function serve(): Promise<number> {
  const store = memoryStore()
  await fill(store, { from: 0, to: AUTHORS }, 1)
  const signatures = signaturePool({ log })
  signatures.start()
  const gateway = new KeyPackageGateway({
    store,
    log,
    verifyEvent: signatures.verifyEvent,
    clock: () => NOW * 1000,
    quota: { perRequester: CLAIMS, publishPerAddress: { max: 100_000 } },
    claim: { redeliverySeconds: 0 },
    validation: { maxBytes: 2 * LARGE },
  })
  const { port } = await startStandalone({
    gateway,
    store,
    log,
    version: 'bench',
    clock: () => NOW * 1000,
    options: serverOptionsSchema.parse({}),
    proxy: proxyOptionsSchema.parse({ trust: ['127.0.0.1'] }),
  })
  return port
}

/** What each flood prepares, and then does until it is stopped. */
const floods: Record<Flood, (url: string) => Promise<() => Promise<void>>> = {
  /** Valid key packages of authors never heard of, at full speed. */
  publishes: async (url) => {
    const frames = (await freshEvents()).map((event) => JSON.stringify(['EVENT', event]))
    return () => publishAll(url, () => '203.0.113.1', PUBLISHERS, frames)
  },

  /** The same with wrong signatures; each connection comes from another address, as those before are kept out. */
  'bad signatures': async (url) => {
    const frames = (await freshEvents()).map((event) =>
      JSON.stringify([
        'EVENT',
        { ...event, sig: event.sig.replace(/^./, (digit) => (digit === '0' ? '1' : '0')) },
      ]),
    )
    // Those of an earlier round are kept out.
    let addresses = process.pid << 10
    const another = () => {
      addresses += 1
      return `10.${(addresses >> 16) & 255}.${(addresses >> 8) & 255}.${addresses & 255}`
    }
    return () => publishAll(url, another, FORGERS, frames)
  },

  subscriptions: async (url) => {
    const open = await connectAll(url, SUBSCRIBERS, (index) => `203.0.113.${index % 10}`)
    return async () => {
      for (let round = 0; ; round++) {
        for (const [index, socket] of open.entries()) {
          const from = (round * SUBSCRIBERS + index) * AUTHORS_EACH
          const authors = Array.from({ length: AUTHORS_EACH }, (_, number) => author(1e6 + from + number))
          const id = `${round % SUBSCRIPTIONS}`
          await turn()
          if (socket.readyState !== WebSocket.OPEN) return
          if (socket.bufferedAmount > 0) continue
          socket.send(JSON.stringify(['REQ', id, { kinds: [443, 30443], authors }]))
        }
      }
    }
  },

  'not reading': async (url) => {
    const extension = { extensionType: 0x0a0a, extensionData: new Uint8Array(LARGE) }
    const [publisher] = await connectAll(url, 1, () => '203.0.113.2')
    for (let index = 0; index < OWNED && publisher !== undefined; index++) {
      const made = await makeKeyPackage(owner, { extensions: [extension] })
      publisher.send(JSON.stringify(['EVENT', keyPackageEvent(owner, made, { createdAt: NOW - index })]))
      const [answer] = await once(publisher, 'message')
      if (!/true|no room/.test(String(answer))) throw new Error(String(answer))
    }
    const open = await connectAll(url, SILENT_READERS, () => '203.0.113.1', owner)
    return async () => {
      for (const socket of open) {
        socket.pause()
        for (let list = 0; list < LISTS; list++)
          socket.send(JSON.stringify(['REQ', `${list}`, { kinds: [443, 30443], authors: [owner.pubkey] }]))
      }
      await new Promise(() => {})
    }
  },
}

export async function freshEvents(): Promise<SignedEvent[]> {
  const events: SignedEvent[] = []
  for (let index = 0; index < EVENTS; index++) {
    const fresh = person(`fresh ${index}`)
    events.push(keyPackageEvent(fresh, await makeKeyPackage(fresh)))
  }
  return events
}

/** Sends the frames again and again over some connections, so many at a time; a connection that is closed is replaced. */
async function publishAll(
  url: string,
  addressOf: () => string,
  count: number,
  frames: readonly string[],
): Promise<void> {
  const publish = async () => {
    for (let index = 0; ; ) {
      const socket = connect(url, addressOf())
      let inFlight = 0
      const push = () => {
        while (socket.readyState === WebSocket.OPEN && inFlight < IN_FLIGHT) {
          socket.send(frames[index++ % frames.length] ?? '')
          inFlight += 1
        }
      }
      socket.on('open', push)
      socket.on('message', (data: Buffer) => {
        if (data.toString('latin1', 0, 5) !== '["OK"') return
        inFlight -= 1
        push()
      })
      await new Promise((resolve) => socket.on('close', resolve))
    }
  }
  await Promise.all(Array.from({ length: count }, publish))
}

function connect(url: string, address: string): WebSocket {
  const socket = new WebSocket(url, {
    perMessageDeflate: false,
    headers: { 'x-forwarded-for': address },
  })
  socket.on('error', () => undefined)
  return socket
}

async function connectAll(
  url: string,
  count: number,
  addressOf: (index: number) => string,
  as?: typeof owner,
): Promise<WebSocket[]> {
  const sockets: WebSocket[] = []
  for (let index = 0; index < count; index++) {
    const socket = connect(url, addressOf(index))
    const [challenge] = await once(socket, 'message')
    if (as !== undefined) {
      const event = authEvent(as, { challenge: JSON.parse(String(challenge))[1], relay: url, createdAt: NOW })
      socket.send(JSON.stringify(['AUTH', event]))
      await once(socket, 'message')
    }
    sockets.push(socket)
  }
  return sockets
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** Runs if this file is started as a process with a role. */
async function play(role: Role, url: string): Promise<void> {
  const tell = (report: Report) => process.send?.(report)
  process.on('disconnect', () => process.exit())
  if (role === 'server') {
    process.on('message', () => tell({ resident: process.memoryUsage.rss() }))
    tell({ port: await serve() })
    return
  }
  // They stand for clients on other machines.
  setPriority(Math.min(19, getPriority() + 10))
  const flood = await floods[role](url)
  process.on('message', () => void flood())
  tell({ port: 0 })
}

const [, file, role, url = ''] = process.argv
if (file === import.meta.filename && role !== undefined && process.send) await play(role as Role, url)
