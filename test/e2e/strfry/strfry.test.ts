/**
 * The real strfry with the plugin, and `serve` on the same store, over WebSockets. It needs STRFRY_BIN, the path of
 * a strfry program, as in `STRFRY_BIN=/usr/local/bin/strfry npm run jest -- test/e2e/strfry`.
 */

import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { WebSocketServer } from 'ws'
import type { SignedEvent } from '../../../plugin/nostr/messages.ts'
import { Client } from '../../support/client.ts'
import { eventually } from '../../support/eventually.ts'
import { signEvent } from '../../support/key-packages.ts'
import type { Person } from '../../support/people.ts'
import { scratch } from '../../support/scratch.ts'
import { pluginCommand } from '../../support/strfry.ts'
import { alice, bob, eventOf, idsOf, newEvent, packagesOf } from '../behaviour/scene.ts'
import { type ServeProcess, startServe } from '../serve-process.ts'
import { StrfryRelay, strfryProgram } from './strfry-relay.ts'

const describeStrfry = strfryProgram === undefined ? describe.skip : describe
const USED = [true, 'duplicate: already received; it is not taken in again']

let directory: string
let serve: ServeProcess
let strfry: StrfryRelay
let clients: Client[] = []

describeStrfry('strfry with the plugin', () => {
  beforeEach(async () => {
    directory = scratch()
    serve = await startServe(directory)
    strfry = await StrfryRelay.start(directory, plugin())
  })

  afterEach(async () => {
    await Promise.all(clients.map((client) => client.close()))
    clients = []
    await strfry.stop()
    await serve.stop()
  })

  it('accepts key packages for the gateway, and neither stores nor broadcasts them (I4)', async () => {
    const listener = await connect(strfry)
    expect((await listener.request('all', {})).events).toEqual([])
    const [event, note] = [await newEvent(serve, alice), noteOf(alice)]
    const author = await connect(strfry)
    expect(await author.publish(event)).toEqual([true, ''])
    expect(await author.publish(event)).toEqual([
      true,
      'duplicate: already received; it is not taken in again',
    ])
    expect(await author.publish(note)).toEqual([true, ''])
    expect(await listener.until('EVENT', 'all')).toEqual([['EVENT', 'all', note]])
    expect((await listener.request('again', { authors: [alice.pubkey] })).events).toEqual([note])
    expect((await listener.request('ids', { ids: [event.id] })).events).toEqual([])
  })

  it('lets serve, on the same store, hand out each of them once (I1)', async () => {
    const author = await connect(strfry)
    const events = [
      await newEvent(serve, alice, { createdAt: serve.now() - 90 }),
      await newEvent(serve, alice),
    ]
    for (const event of events) expect(await author.publish(event)).toEqual([true, ''])
    const claimed = [
      await (await connect(serve)).request('1', packagesOf(alice)),
      await (await connect(serve)).request('2', packagesOf(alice)),
    ]
    expect(claimed.flatMap((reply) => idsOf(reply.events)).sort()).toEqual(idsOf(events).sort())
    expect(await author.publish(events[0] as SignedEvent)).toEqual(USED)
  })

  it('tells the client why a key package is refused', async () => {
    const author = await connect(strfry)
    const event = await newEvent(serve, alice, { tags: { mls_protocol_version: ['0.9'] } })
    expect(await author.publish(event)).toEqual([false, expect.stringMatching(/^invalid: /)])
    expect(await author.publish(eventOf(serve, alice, 444, []))).toEqual([
      false,
      'invalid: a welcome must be gift-wrapped, never published',
    ])
  })

  it('applies a deletion to key packages, and strfry stores the deletion', async () => {
    const author = await connect(strfry)
    const event = await newEvent(serve, alice)
    await author.publish(event)
    const deletion = eventOf(serve, alice, 5, [['e', event.id]])
    expect(await author.publish(deletion)).toEqual([true, ''])
    expect((await (await connect(serve)).request('1', packagesOf(alice))).events).toEqual([])
    expect((await author.request('deletions', { kinds: [5] })).events).toEqual([deletion])
    expect(await author.publish(event)).toEqual(USED)
  })

  it('stores a relay list, which serve then returns', async () => {
    const author = await connect(strfry)
    const relayList = eventOf(serve, alice, 10051, [['relay', 'wss://relay.example.com']])
    expect(await author.publish(relayList)).toEqual([true, ''])
    const filter = { kinds: [10051], authors: [alice.pubkey] }
    expect((await (await connect(serve)).request('list', filter)).events).toEqual([relayList])
  })

  it("lets the operator's own plugin refuse, once it is added to strfry's configuration", async () => {
    const author = await connect(strfry)
    await author.publish(noteOf(alice))
    const operator = join(directory, 'operator.cjs')
    writeFileSync(
      operator,
      `require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
        console.log(JSON.stringify({ id: JSON.parse(line).event.id, action: 'reject', msg: 'no' }))
      })`,
    )
    strfry.configure(plugin(`-- ${process.execPath} ${operator}`))
    await eventually('strfry uses it', async () => (await author.publish(noteOf(alice)))[1] === 'no')
    expect(await author.publish(await newEvent(serve, alice))).toEqual([false, 'no'])
    expect((await (await connect(serve)).request('1', packagesOf(alice))).events).toEqual([])
  })

  it('stores key packages too with custody relay', async () => {
    strfry.configure(plugin('--custody relay'))
    await strfry.stop()
    await strfry.run()
    const [author, event] = [await connect(strfry), await newEvent(serve, alice)]
    expect(await author.publish(event)).toEqual([true, ''])
    expect((await author.request('stored', packagesOf(alice))).events).toEqual([event])
    expect(idsOf((await (await connect(serve)).request('1', packagesOf(alice))).events)).toEqual([event.id])
  })

  it('loses nothing when strfry is killed (I3, I6)', async () => {
    const author = await connect(strfry)
    const [first, second] = [
      await newEvent(serve, alice, { createdAt: serve.now() - 90 }),
      await newEvent(serve, alice),
    ]
    for (const event of [first, second]) await author.publish(event)
    await (await connect(serve)).request('1', packagesOf(alice))
    await strfry.stop()
    await strfry.run()
    const again = await connect(strfry)
    expect(await again.publish(first)).toEqual(USED)
    expect(await again.publish(second)).toEqual([
      true,
      'duplicate: already received; it is not taken in again',
    ])
  })

  it('checks events of other relays itself: strfry asks before it has checked them', async () => {
    const author = await connect(strfry)
    const [event, other] = [await newEvent(serve, alice), await newEvent(serve, bob)]
    await author.publish(event)
    const forged = { ...eventOf(serve, alice, 5, [['e', event.id]]), sig: '0'.repeat(128) }
    const forger = await startRelayWith([forged, other])
    const stream = strfry.spawn('stream', forger.url, '--dir=down')
    const requester = await connect(serve)
    await eventually('the valid event has arrived', async () => {
      return (await requester.request('bob', packagesOf(bob))).events.length === 1
    })
    expect(idsOf((await requester.request('alice', packagesOf(alice))).events)).toEqual([event.id])
    stream.kill('SIGKILL')
    forger.close()
  })
})

/** A configuration with the plugin, on the store of `serve`. */
function plugin(args = ''): string {
  const command = `${pluginCommand('--store', `lmdb:${directory}/store`)} ${args}`
  return `relay {
    bind = "127.0.0.1"
    port = 7777
    writePolicy { plugin = "${command}" }
  }`
}

async function connect({ url }: { readonly url: string }): Promise<Client> {
  const client = await Client.connect(url)
  clients.push(client)
  return client
}

let notes = 0
function noteOf({ secretKey }: Person): SignedEvent {
  notes += 1
  return signEvent(secretKey, { kind: 1, created_at: serve.now(), tags: [], content: `note ${notes}` })
}

/** Another relay, which sends these events to whoever subscribes. */
async function startRelayWith(events: readonly SignedEvent[]) {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 })
  server.on('connection', (socket) => {
    socket.on('message', (data) => {
      const [verb, id] = JSON.parse(String(data))
      if (verb !== 'REQ') return
      for (const event of events) socket.send(JSON.stringify(['EVENT', id, event]))
    })
  })
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return { url: `ws://127.0.0.1:${port}`, close: () => server.close() }
}
