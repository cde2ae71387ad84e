/** How many connections of one address may be open that are no WebSocket (I9). */

import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { BadSignatures } from '../../../../adapters/relays/server/bad-signatures.ts'
import { ownLimits } from '../../../../adapters/relays/server/client-limits.ts'
import { ConnectionLimits } from '../../../../adapters/relays/server/connection-limits.ts'
import { limitHttpConnections } from '../../../../adapters/relays/server/http-connections.ts'
import { HandshakeRefused, listen } from '../../../../adapters/relays/server/listener.ts'
import { MessageTurns } from '../../../../adapters/relays/server/message-turns.ts'
import { Refused } from '../../../../adapters/relays/server/refused.ts'
import { serverOptionsSchema } from '../../../../adapters/relays/server/server-options.ts'

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'

let http: Server
let sockets: Socket[]
/** Addresses of the connections to come; undefined: a reverse proxy's. */
let addresses: (string | undefined)[]
let refused: number

async function serve(maxConnectionsPerAddress: number): Promise<void> {
  http = createServer((_request, response) => response.end('answered'))
  http.on('upgrade', (_request, stream) => stream.write('HTTP/1.1 101 Switching Protocols\r\n\r\n'))
  limitHttpConnections(http, {
    places: new ConnectionLimits({ maxConnections: 0, maxConnectionsPerAddress }),
    addressOf: () => addresses.shift(),
    onRefused: () => {
      refused += 1
    },
  })
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port
}

/** Whether the server answers a connection of this address, which then stays open. */
async function isServed(address: string | undefined, port = portOf(http), head = GET): Promise<boolean> {
  addresses.push(address)
  const socket = connect(port, '127.0.0.1').on('error', () => undefined)
  sockets.push(socket)
  socket.write(head)
  return Promise.race([once(socket, 'data').then(() => true), once(socket, 'close').then(() => false)])
}

beforeEach(() => {
  sockets = []
  addresses = []
  refused = 0
})
afterEach(() => {
  for (const socket of sockets) socket.destroy()
  http?.close()
})

describe('connections that are no WebSocket', () => {
  it('are closed beyond the limit of their address, and others are served', async () => {
    await serve(2)
    expect([await isServed('203.0.113.7'), await isServed('203.0.113.7')]).toEqual([true, true])
    expect(await isServed('203.0.113.7')).toBe(false)
    expect(refused).toBe(1)
    expect(await isServed('203.0.113.8')).toBe(true)
  })

  it('make room when they close', async () => {
    await serve(1)
    const connected = once(http, 'connection')
    expect(await isServed('203.0.113.7')).toBe(true)
    const [connection] = await connected
    sockets[0]?.destroy()
    await once(connection, 'close')
    expect(await isServed('203.0.113.7')).toBe(true)
  })

  it('are counted by the /64 of an IPv6 address', async () => {
    await serve(1)
    expect(await isServed('2001:db8::1')).toBe(true)
    expect(await isServed('2001:db8::2')).toBe(false)
    expect(await isServed('2001:db8:0:1::1')).toBe(true)
  })

  it('are not limited where others come through the same address, or where there is no limit', async () => {
    await serve(1)
    expect([await isServed(undefined), await isServed(undefined)]).toEqual([true, true])
    http.close()
    await serve(0)
    expect([await isServed('203.0.113.7'), await isServed('203.0.113.7')]).toEqual([true, true])
  })

  it('no longer count once they are WebSockets, which have a limit of their own', async () => {
    await serve(1)
    const handshake = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n'
    expect(await isServed('203.0.113.7', portOf(http), handshake)).toBe(true)
    expect(await isServed('203.0.113.7')).toBe(true)
  })
})

describe('a listener', () => {
  const listening = (settings: Readonly<Record<string, number>>) => {
    const options = serverOptionsSchema.parse(settings)
    const refused = new Refused({ log: { warn: () => undefined }, clock: () => 0 })
    const listener = listen({
      host: '127.0.0.1',
      port: 0,
      options,
      limits: ownLimits(options),
      compression: false,
      onRequest: (_request, response) => void response.end('answered'),
      senderOf: () => ({ address: '203.0.113.7', isVouchedFor: false, isKnown: true }),
      badSignatures: new BadSignatures({ options, clock: () => 0 }),
      turns: new MessageTurns(options),
      refused,
      receive: () => Promise.reject(new HandshakeRefused(502, 'nobody is here', 'relay')),
    })
    return { listener, refused }
  }

  it('limits them for clients with an address of their own, and counts whom it refuses', async () => {
    const started = listening({ maxConnectionsPerAddress: 1 })
    const listener = await started.listener
    const answers = [await isServed('', listener.port), await isServed('', listener.port)]
    for (const socket of sockets) socket.destroy()
    await listener.close()
    expect(answers).toEqual([true, false])
    expect(started.refused.counts.address).toBe(1)
  })

  it('stops at once where connections have sent nothing, or half of a request', async () => {
    const listener = await listening({ drainSeconds: 300 }).listener
    const silent = [connect(listener.port, '127.0.0.1'), connect(listener.port, '127.0.0.1')]
    const closed = silent.map((socket) => once(socket.on('error', () => undefined).resume(), 'close'))
    silent[1]?.write('GET / HTTP/1.1\r\nHost:')
    // Once this one is answered, those before it are known to the server.
    expect(await isServed('', listener.port)).toBe(true)
    await listener.close()
    await Promise.all(closed)
  })
})
