/**
 * What clients can do with their sockets alone, to a real `serve` with and without a relay behind it: they send slowly or not at
 * all, vanish, compress, or send all at once. Memory stays bounded, others are answered, and what is dead is closed (I9).
 */

import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { constants, deflateRawSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { BrokenWay } from '../support/broken-way.ts'
import { Client } from '../support/client.ts'
import { eventually } from '../support/eventually.ts'
import { openDescriptors } from '../support/process-usage.ts'
import { frame, handshake } from '../support/raw-web-socket.ts'
import { startRelay, type TestRelay } from '../support/relay.ts'
import { scratch } from '../support/scratch.ts'
import { alice, packagesOf } from './behaviour/scene.ts'
import { residentMegabytes, type ServeProcess, startServe } from './serve-process.ts'

const SETTINGS = {
  server: {
    pingIntervalSeconds: 1,
    maxConnections: 1000,
    maxConnectionsPerAddress: 500,
    maxSubscriptions: 32,
  },
  proxy: { compression: true },
}
/** In a frame of text that is compressed (RFC 7692). */
const COMPRESSED_TEXT = 0xc1

describe.each(['serve', 'serve in front of a relay'])('%s', (kind) => {
  let relay: TestRelay | undefined
  let server: ServeProcess
  const sockets: Socket[] = []

  beforeAll(async () => {
    relay = kind === 'serve' ? undefined : await startRelay()
    server = await startServe(scratch(), { ...SETTINGS, ...(relay && { upstream: relay.url }) })
  })
  afterAll(async () => {
    for (const socket of sockets) socket.destroy()
    await server.stop()
    await relay?.stop()
  })

  it('closes clients that have vanished, or stop in the middle of a frame, and answers others meanwhile', async () => {
    // Files that are opened with the first request stay open, and some of those that are open now close.
    await demandAnswers(server)
    const before = openDescriptors(server.pid)
    const way = await BrokenWay.open()
    way.leadTo(server.url)
    const vanishing = await Promise.all(Array.from({ length: 40 }, () => Client.greeted(way.url)))
    for (const client of vanishing) client.send(['REQ', 'sub', packagesOf(alice)])
    await Promise.all(vanishing.map((client) => client.until('EOSE', 'sub')))
    way.silence()
    const message = frame(0x81, Buffer.from(JSON.stringify(['REQ', 'slow', packagesOf(alice)])))
    const slow = await Promise.all(Array.from({ length: 40 }, () => open()))
    for (const socket of slow) {
      socket.write(handshake(server.url))
      for (const byte of message.subarray(0, 30)) socket.write(Buffer.of(byte))
    }
    await demandAnswers(server)
    expect(openDescriptors(server.pid)).toBeGreaterThan(before + 70)
    await eventually('they are gone', () => openDescriptors(server.pid) < before + 5)
    way.close()
  })

  it('answers others beside requests whose headers never end', async () => {
    const slow = await Promise.all(Array.from({ length: 100 }, () => open()))
    for (const socket of slow) socket.write('GET / HTTP/1.1\r\nHost: a\r\nX-')
    for (let turn = 0; turn < 20; turn++) {
      for (const socket of slow) socket.write('a')
      await demandAnswers(server)
    }
    for (const socket of slow) socket.destroy()
  })

  it('answers 10,000 REQs that come at once, each of them, in bounded memory', async () => {
    const before = residentMegabytes(server)
    const client = await Client.greeted(server.url)
    client.together(() => {
      for (let index = 0; index < 10_000; index++) client.send(['REQ', `${index}`, packagesOf(alice)])
    })
    await demandAnswers(server)
    await client.until('CLOSED', '9999')
    expect(residentMegabytes(server) - before).toBeLessThan(80)
    const ended = new Set(client.history.flatMap(([verb, id]) => (verb === 'AUTH' ? [] : [id])))
    expect(ended.size).toBe(10_000)
    await client.close()
  })

  it('unpacks no more than it reads of what is compressed, in turns with others', async () => {
    const before = residentMegabytes(server)
    const bombs = await Promise.all(Array.from({ length: 8 }, () => open()))
    const blank = packed(`["REQ","x",${' '.repeat(500_000)}{"kinds":[443]}]`)
    expect(blank.length).toBeLessThan(2000)
    for (const socket of bombs) {
      socket.resume()
      socket.write(handshake(server.url, 'permessage-deflate'))
      for (let index = 0; index < 100; index++) socket.write(frame(COMPRESSED_TEXT, blank))
    }
    for (let turn = 0; turn < 10; turn++) await demandAnswers(server)
    expect(residentMegabytes(server) - before).toBeLessThan(150)
    const huge = await open()
    huge.write(handshake(server.url, 'permessage-deflate'))
    huge.write(frame(COMPRESSED_TEXT, packed(' '.repeat(50_000_000))))
    huge.resume()
    await closed(huge)
    expect(residentMegabytes(server) - before).toBeLessThan(150)
    for (const socket of bombs) socket.destroy()
  })

  it('closes a connection with HTTP requests that come faster than they are answered', async () => {
    const before = residentMegabytes(server)
    const request = 'GET / HTTP/1.1\r\nHost: a\r\nAccept: application/nostr+json\r\n\r\n'
    const socket = await open()
    socket.resume().write(request.repeat(10_000))
    await closed(socket)
    await demandAnswers(server)
    expect(residentMegabytes(server) - before).toBeLessThan(60)
    const few = await open()
    few.write(request.repeat(20))
    let answered = 0
    few.on('data', (bytes) => {
      answered += String(bytes).split('HTTP/1.1 200 ').length - 1
    })
    await eventually('a few are answered', () => answered === 20)
  })

  /** Errors of a socket that the server has closed are expected. */
  async function open(): Promise<Socket> {
    const socket = connect({ port: Number(new URL(server.url).port), host: '127.0.0.1', noDelay: true })
    sockets.push(socket.on('error', () => undefined))
    await once(socket, 'connect')
    return socket
  }
})

/** Whether by an error or not. */
function closed(socket: Socket): Promise<unknown> {
  return new Promise((resolve) => socket.once('close', resolve))
}

/** Somebody else connects, asks and is answered. */
async function demandAnswers({ url }: ServeProcess): Promise<void> {
  const client = await Client.greeted(url)
  const { closed: refusal } = await client.request('honest', packagesOf(alice))
  expect(refusal).toBeUndefined()
  await client.close()
}

/** As permessage-deflate writes a message (RFC 7692 section 7.2.1). */
function packed(text: string): Buffer {
  return deflateRawSync(text, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4)
}
