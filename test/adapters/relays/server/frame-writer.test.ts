/** Messages that the server frames itself: every receiver reads them, in order with what ws writes, and none follows a close. */

import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { type RawData, type ServerOptions, WebSocket, WebSocketServer } from 'ws'
import { FrameWriter, maskedTextFrame, textFrame } from '../../../../adapters/relays/server/frame-writer.ts'

interface End {
  readonly socket: WebSocket
  readonly stream: Duplex
}

let server: WebSocketServer
let near: End
let far: End
const start = async (options: ServerOptions = {}) => {
  server = new WebSocketServer({ port: 0, host: '127.0.0.1', ...options })
  await once(server, 'listening')
  const accepted = once(server, 'connection')
  const client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`)
  const upgraded = once(client, 'upgrade')
  const [socket, { socket: stream }] = (await accepted) as [WebSocket, IncomingMessage]
  const [{ socket: clientStream }] = (await upgraded) as [IncomingMessage]
  near = { socket, stream }
  far = { socket: client, stream: clientStream }
  if (client.readyState === WebSocket.CONNECTING) await once(client, 'open')
}
beforeEach(() => start())
afterEach(() => {
  far.socket.terminate()
  server.close()
})

/** The next texts that arrive. */
function received(socket: WebSocket, count: number): Promise<string[]> {
  const texts: string[] = []
  return new Promise((resolve) => {
    const take = (data: RawData, isBinary: boolean) => {
      texts.push(isBinary ? 'binary' : String(data))
      if (texts.length < count) return
      socket.off('message', take)
      resolve(texts)
    }
    socket.on('message', take)
  })
}

describe('a text frame', () => {
  const TEXTS = ['', 'x', 'ü€😀', 'x'.repeat(125), 'x'.repeat(126), 'ä'.repeat(32_768), 'x'.repeat(65_536)]

  it.each(['server', 'client'] as const)('of a %s is read by the other side, of any length', async (side) => {
    const [from, to] = side === 'server' ? [near, far] : [far, near]
    const writer = new FrameWriter({ ...from, side })
    for (const text of TEXTS) {
      const arrived = received(to.socket, 2)
      writer.write(text)
      writer.write(Buffer.from(text))
      expect(await arrived).toEqual([text, text])
    }
  })

  it('of a client is masked with another key each time (RFC 6455 section 5.3)', () => {
    const keys = Array.from({ length: 3000 }, () => maskedTextFrame('text').readUInt32BE(2))
    expect(new Set(keys).size).toBeGreaterThan(2990)
    expect(textFrame('text').toString('latin1')).toBe('\x81\x04text')
  })
})

describe('what is written to a socket', () => {
  it('stays in order with what ws writes, and calls back once it is flushed', async () => {
    const writer = new FrameWriter({ ...near, side: 'server' })
    const texts: string[] = []
    far.socket.on('message', (data) => void texts.push(String(data)))
    const flushed = new Promise<void>((resolve) => {
      writer.write('1')
      near.socket.send('2')
      writer.writeFrames(Buffer.concat([textFrame('3'), textFrame('4')]))
      writer.write('5', resolve)
      near.socket.close(1001)
    })
    await flushed
    const [code] = await once(far.socket, 'close')
    expect([code, ...texts]).toEqual([1001, '1', '2', '3', '4', '5'])
  })

  it('is dropped after the close frame, and calls back all the same', async () => {
    const writer = new FrameWriter({ ...near, side: 'server' })
    const texts: string[] = []
    far.socket.on('message', (data) => void texts.push(String(data)))
    near.socket.close(1000)
    await new Promise<void>((resolve) => writer.write('late', resolve))
    await once(far.socket, 'close')
    expect(texts).toEqual([])
  })

  it('is compressed where that was agreed', async () => {
    far.socket.terminate()
    server.close()
    await start({ perMessageDeflate: { threshold: 0 } })
    const writer = new FrameWriter({ ...near, side: 'server' })
    expect(writer.isPlain).toBe(false)
    const arrived = received(far.socket, 1)
    writer.write('x'.repeat(1000))
    expect(await arrived).toEqual(['x'.repeat(1000)])
  })
})
