/** What a relay's words about low stock mean to a client, whatever else is on the connection. */

import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { AbstractRelay } from 'nostr-tools/abstract-relay'
import { verifyEvent } from 'nostr-tools/pure'
import { WebSocket, WebSocketServer } from 'ws'
import { hearLowStock } from '../../../adapters/client/low-stock.ts'
import { eventually } from '../../support/eventually.ts'

const ALICE = 'a'.repeat(64)
const LOW = ['REQ', 'keypackages:low', { kinds: [443], authors: [ALICE] }]

describe('a relay that says', () => {
  let server: WebSocketServer
  let socket: WebSocket
  let wire: Socket
  let relay: AbstractRelay
  const received: string[] = []
  const heard: string[] = []
  let stop: () => void
  /** Says it, and waits until it was heard: a NOTICE after it comes after it. */
  const say = async (message: unknown) => {
    const fence = new Promise<void>((resolve) => {
      relay.onnotice = () => resolve()
    })
    socket.send(JSON.stringify(message))
    socket.send('["NOTICE","that was all"]')
    await fence
  }

  beforeEach(async () => {
    received.length = heard.length = 0
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
    stop = hearLowStock(relay, ALICE, {
      low: () => heard.push('low'),
      enough: () => heard.push('enough'),
      lost: () => heard.push('lost'),
    })
  })
  afterEach(() => {
    relay.close()
    server.close()
  })

  it('REQ, asks for more; CLOSED, no more; and REQ, again', async () => {
    for (const message of [LOW, ['CLOSED', 'keypackages:low', ''], LOW]) await say(message)
    expect(heard).toEqual(['low', 'enough', 'low'])
  })

  it('the same in one breath, is heard as well', async () => {
    wire.cork()
    for (const message of [LOW, ['CLOSED', 'keypackages:low', ''], LOW]) socket.send(JSON.stringify(message))
    wire.uncork()
    await say(['NOTICE', 'that was all'])
    expect(heard).toEqual(['low', 'enough', 'low'])
    expect(received).toEqual([])
  })

  it.each([
    ['somebody else’s packages', ['REQ', 'keypackages:low', { kinds: [443], authors: ['b'.repeat(64)] }]],
    ['nobody’s in particular', ['REQ', 'keypackages:low', { kinds: [443] }]],
    ['nothing that can be read', ['REQ', 'keypackages:low', null]],
    ['another subscription', ['REQ', 'other', { kinds: [443], authors: [ALICE] }]],
    ['another verb', ['COUNT', 'keypackages:low', { count: 0 }]],
  ])('it of %s, asks for nothing', async (_what, message) => {
    await say(message)
    expect(heard).toEqual([])
  })

  it('nothing for long is listened to for as long: the connection does not count as idle', async () => {
    relay.scheduleIdleClose()
    // Timers of one length fall due in the order they were set.
    await new Promise((resolve) => setTimeout(resolve, relay.idleTimeout))
    await say(LOW)
    expect(heard).toEqual(['low'])
  })

  it('anything after it was connected to again is heard, and never had a REQ of ours', async () => {
    const again = once(server, 'connection')
    socket.terminate()
    await again
    await eventually('the client knows', () => relay.connected)
    await say(LOW)
    expect(heard).toEqual(['low'])
    expect(received).toEqual([])
  })

  it('nothing any more, is lost: the client hears that once', async () => {
    relay.enableReconnect = false
    socket.terminate()
    await eventually('it is lost', () => heard.length > 0)
    expect(heard).toEqual(['lost'])
  })

  it('something after the client stopped listening, is not heard; and was told nothing', async () => {
    stop()
    await say(LOW)
    expect(heard).toEqual([])
    expect(received).toEqual([])
  })

  it('nothing because the client left, is lost', async () => {
    relay.close()
    await eventually('it is lost', () => heard.length > 0)
    expect(heard).toEqual(['lost'])
  })
})
