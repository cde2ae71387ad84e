/** How a client receives the low-stock signal, among everything else on the connection. */

import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { AbstractRelay } from 'nostr-tools/abstract-relay'
import { verifyEvent } from 'nostr-tools/pure'
import { WebSocket, WebSocketServer } from 'ws'
import { listenForLowStock } from '../../../adapters/client/low-stock-signal.ts'
import { eventually } from '../../support/eventually.ts'

const ALICE = 'a'.repeat(64)
const LOW = ['REQ', 'keypackages:low', { kinds: [443], authors: [ALICE] }]

describe('the low-stock signal', () => {
  let server: WebSocketServer
  let socket: WebSocket
  let wire: Socket
  let relay: AbstractRelay
  const received: string[] = []
  const calls: string[] = []
  let stop: () => void
  /** Sends a message, and waits until the client has read it: until a NOTICE sent after it arrives. */
  const say = async (message: unknown) => {
    const fence = new Promise<void>((resolve) => {
      relay.onnotice = () => resolve()
    })
    socket.send(JSON.stringify(message))
    socket.send('["NOTICE","that was all"]')
    await fence
  }

  beforeEach(async () => {
    received.length = calls.length = 0
    server = new WebSocketServer({ port: 0 })
    await once(server, 'listening')
    const connected = once(server, 'connection') as Promise<[WebSocket, IncomingMessage]>
    relay = new AbstractRelay(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`, {
      verifyEvent,
      websocketImplementation: WebSocket as never,
      idleTimeout: 1,
      enableReconnect: true,
    })
    relay.resubscribeBackoff = [1]
    await relay.connect()
    const [first, handshake] = await connected
    socket = first
    wire = handshake.socket
    server.on('connection', (again) => {
      socket = again
      again.on('message', (data) => received.push(String(data)))
    })
    socket.on('message', (data) => received.push(String(data)))
    stop = listenForLowStock(relay, ALICE, {
      onLow: (kinds) => calls.push(`onLow ${kinds}`),
      onReplenished: () => calls.push('onReplenished'),
      onClose: () => calls.push('onClose'),
    })
  })
  afterEach(() => {
    relay.close()
    server.close()
  })

  it('begins with REQ, ends with CLOSED, and may begin again', async () => {
    for (const message of [LOW, ['CLOSED', 'keypackages:low', ''], LOW]) await say(message)
    expect(calls).toEqual(['onLow 443', 'onReplenished', 'onLow 443'])
  })

  it.each([
    ['says which kinds are asked for', { kinds: [443, 30443], authors: [ALICE] }, 'onLow 443,30443'],
    ['asks for kind 443 if it names no kinds', { authors: [ALICE] }, 'onLow 443'],
    ['asks for kind 443 if its kinds are no list', { kinds: 30443, authors: [ALICE] }, 'onLow 443'],
  ])('%s', async (_what, filter, call) => {
    await say(['REQ', 'keypackages:low', filter])
    expect(calls).toEqual([call])
  })

  it('is received when REQ, CLOSED and REQ arrive in one piece', async () => {
    wire.cork()
    for (const message of [LOW, ['CLOSED', 'keypackages:low', ''], LOW]) socket.send(JSON.stringify(message))
    wire.uncork()
    await say(['NOTICE', 'that was all'])
    expect(calls).toEqual(['onLow 443', 'onReplenished', 'onLow 443'])
    expect(received).toEqual([])
  })

  it.each([
    ['for another author', ['REQ', 'keypackages:low', { kinds: [443], authors: ['b'.repeat(64)] }]],
    ['without authors', ['REQ', 'keypackages:low', { kinds: [443] }]],
    ['without a filter', ['REQ', 'keypackages:low', null]],
    ['of another subscription', ['REQ', 'other', { kinds: [443], authors: [ALICE] }]],
    ['with another verb', ['COUNT', 'keypackages:low', { count: 0 }]],
  ])('is not a message %s', async (_what, message) => {
    await say(message)
    expect(calls).toEqual([])
  })

  it('is awaited on a connection that does not count as idle', async () => {
    relay.scheduleIdleClose()
    // Timers of one length fall due in the order they were set.
    await new Promise((resolve) => setTimeout(resolve, relay.idleTimeout))
    await say(LOW)
    expect(calls).toEqual(['onLow 443'])
  })

  it('is received after a reconnect, and the client never sent a REQ for it', async () => {
    const again = once(server, 'connection')
    socket.terminate()
    await again
    await eventually('the client is connected again', () => relay.connected)
    await say(LOW)
    expect(calls).toEqual(['onLow 443'])
    expect(received).toEqual([])
  })

  it('ends with one onClose when the connection is lost', async () => {
    relay.enableReconnect = false
    socket.terminate()
    await eventually('onClose is called', () => calls.length > 0)
    expect(calls).toEqual(['onClose'])
  })

  it('is not received after the client stops listening, and nothing was sent to the relay', async () => {
    stop()
    await say(LOW)
    expect(calls).toEqual([])
    expect(received).toEqual([])
  })

  it('ends with onClose when the client closes the connection', async () => {
    relay.close()
    await eventually('onClose is called', () => calls.length > 0)
    expect(calls).toEqual(['onClose'])
  })
})
