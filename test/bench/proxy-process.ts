/** The processes of the proxy's bench: a relay that only sends, a bare pipe in front of it, and the proxy. */

import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { WebSocket, WebSocketServer } from 'ws'
import { startProxy } from '../../adapters/relays/proxy/proxy.ts'
import { serverOptionsSchema } from '../../adapters/relays/server/server-options.ts'
import { memoryStore } from '../../adapters/storage/memory.ts'
import { KeyPackageGateway } from '../../plugin/gateway.ts'
import { NOW } from '../contract/index.ts'
import { fill } from './stocked.ts'

export type Role = 'relay' | 'pipe' | 'proxy'

/** What a process reports over its channel: its port, or its resident and used memory in bytes. */
export type Report = { readonly port: number } | { readonly resident: number; readonly used: number }

const MOST = 100_000
/** The authors whose key packages the proxy has, two each. */
export const AUTHORS = 16_000
const silent = { info() {}, warn() {}, error: (fields: object) => console.error(fields) }

const roles: Record<Role, (upstream: string) => Promise<number>> = {
  relay: () => serve((socket) => socket.on('message', (data) => answer(socket, String(data)))),

  pipe: (upstream) =>
    serve((down) => {
      const up = new WebSocket(upstream, { perMessageDeflate: false })
      const early: Buffer[] = []
      down.on('message', (data) => {
        if (up.readyState === WebSocket.OPEN) up.send(data as Buffer, { binary: false })
        else early.push(data as Buffer)
      })
      up.on('open', () => {
        for (const data of early) up.send(data, { binary: false })
      })
      up.on('message', (data) => down.send(data as Buffer, { binary: false }))
      up.on('close', () => down.close())
      down.on('close', () => up.close())
    }),

  proxy: async (upstream) => {
    const store = memoryStore()
    await fill(store, { from: 0, to: AUTHORS }, 2)
    const gateway = new KeyPackageGateway({
      store,
      log: silent,
      clock: () => NOW * 1000,
      quota: { perRequester: { max: 1_000_000 } },
    })
    const limits = { maxConnections: MOST, maxConnectionsPerAddress: 0 }
    const { port } = await startProxy({
      gateway,
      upstream,
      options: serverOptionsSchema.parse(limits),
      log: silent,
    })
    return port
  },
}

async function serve(welcome: (socket: WebSocket) => void): Promise<number> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false })
  server.on('connection', welcome)
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

/** Sends as many notes as a filter's limit says, numbered, then EOSE; says OK to an EVENT. */
function answer(socket: WebSocket, text: string): void {
  const [verb, subject, filter] = JSON.parse(text)
  if (verb === 'EVENT') socket.send(`["OK","${subject.id}",true,""]`)
  if (verb !== 'REQ') return
  for (let number = 0; number < filter.limit; number++)
    socket.send(`["EVENT","${subject}",${noteOf(number)}]`)
  socket.send(`["EOSE","${subject}"]`)
}

const FILLING = JSON.stringify(
  'what people say to each other, at some length and with an "aside". '.repeat(3),
)

/** As large as a usual note, with a number in its created_at. */
export function noteOf(number: number): string {
  const [id, sig] = [number.toString(16).padStart(64, '0'), 'a'.repeat(128)]
  const tags = `[["e","${id}","wss://relay.example.com"],["p","${id}"]]`
  return `{"content":${FILLING},"created_at":${number},"id":"${id}","kind":1,"pubkey":"${id}","sig":"${sig}","tags":${tags}}`
}

/** Runs if this file is started as a process with a role. */
export async function play(role: Role, upstream: string): Promise<void> {
  const tell = (report: Report) => process.send?.(report)
  process.on('message', () => {
    globalThis.gc?.()
    const { rss, heapUsed, external } = process.memoryUsage()
    tell({ resident: rss, used: heapUsed + external })
  })
  process.on('disconnect', () => process.exit())
  tell({ port: await roles[role](upstream) })
}

const [, file, role, upstream = ''] = process.argv
if (file === import.meta.filename && role !== undefined && process.send) await play(role as Role, upstream)
