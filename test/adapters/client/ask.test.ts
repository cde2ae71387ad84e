/** How the answer to a REQ ends, and what of it the client is shown. */

import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { AbstractRelay } from 'nostr-tools/abstract-relay'
import { verifyEvent } from 'nostr-tools/pure'
import { WebSocket, WebSocketServer } from 'ws'
import { ask } from '../../../adapters/client/ask.ts'
import { eventually } from '../../support/eventually.ts'
import { keyPackageEvent, makeKeyPackage } from '../../support/key-packages.ts'
import { ManualTime } from '../../support/manual-time.ts'
import { person } from '../../support/people.ts'

const alice = person('alice')
const event = keyPackageEvent(alice, await makeKeyPackage(alice))
const reencoded = { ...event, content: '00', tags: [['encoding', 'hex']] }
const filters = [{ kinds: [443], authors: [alice.pubkey], '#f': ['hex'] }]

describe('the answer to a REQ', () => {
  let server: WebSocketServer
  let socket: WebSocket
  let relay: AbstractRelay
  let time: ManualTime
  const requests: unknown[][] = []
  const notices: string[] = []

  beforeEach(async () => {
    requests.length = notices.length = 0
    time = new ManualTime()
    server = new WebSocketServer({ port: 0 })
    await once(server, 'listening')
    const connected = once(server, 'connection') as Promise<[WebSocket]>
    relay = new AbstractRelay(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`, {
      verifyEvent,
      websocketImplementation: WebSocket as never,
    })
    relay.onnotice = (notice) => notices.push(notice)
    await relay.connect()
    ;[socket] = await connected
    socket.on('message', (data) => requests.push(JSON.parse(String(data))))
  })
  afterEach(() => {
    relay.close()
    server.close()
  })

  /** Asks, and answers with what `answer` gives for the subscription. */
  async function asked(answer: (id: unknown) => readonly unknown[][]) {
    const reply = ask(relay, filters, { time, patienceMs: 5000 })
    await eventually('the relay is asked', () => requests.some(([verb]) => verb === 'REQ'))
    const id = requests.find(([verb]) => verb === 'REQ')?.[1]
    for (const message of answer(id)) socket.send(JSON.stringify(message))
    return reply
  }

  it('is every event and NOTICE up to EOSE, good or not; the subscription is closed', async () => {
    const reply = await asked((id) => [
      ['EVENT', id, event],
      ['EVENT', id, reencoded],
      ['NOTICE', 'rate-limited: 1 of 2 authors'],
      ['EOSE', id],
      ['EVENT', id, event],
    ])
    expect(reply).toEqual({
      events: [event, reencoded],
      notices: ['rate-limited: 1 of 2 authors'],
      end: { by: 'eose' },
    })
    await eventually('it is closed', () => requests.some(([verb]) => verb === 'CLOSE'))
    expect(notices).toEqual(['rate-limited: 1 of 2 authors'])
    expect(time.pending).toEqual([])
  })

  it('ends with CLOSED, which says why', async () => {
    const reply = await asked((id) => [['CLOSED', id, 'rate-limited: try again in 5 s']])
    expect(reply).toEqual({
      events: [],
      notices: [],
      end: { by: 'closed', message: 'rate-limited: try again in 5 s' },
    })
    expect(time.pending).toEqual([])
  })

  it('ends with the connection, keeping what came', async () => {
    const reply = await asked((id) => {
      queueMicrotask(() => socket.close())
      return [['EVENT', id, event]]
    })
    expect(reply).toEqual({ events: [event], notices: [], end: { by: 'loss' } })
  })

  it.each(['before', 'after'])('ends with the connection that the client closes %s it asks', async (when) => {
    if (when === 'before') relay.close()
    const reply = ask(relay, filters, { time, patienceMs: 5000 })
    if (when === 'after') relay.close()
    expect((await reply).end).toEqual({ by: 'loss' })
    expect(time.pending).toEqual([])
  })

  it('ends when patience does', async () => {
    const reply = await asked(() => {
      queueMicrotask(() => time.advance(5000))
      return []
    })
    expect(reply.end).toEqual({ by: 'silence' })
    await eventually('it is closed', () => requests.some(([verb]) => verb === 'CLOSE'))
  })

  it('ends where a relay has more than anybody has (I9)', async () => {
    const reply = await asked((id) => Array.from({ length: 10_001 }, () => ['EVENT', id, reencoded]))
    expect(reply.events).toHaveLength(10_000)
  })

  it('ends where a relay has more to say than anybody has (I9)', async () => {
    const reply = await asked(() => Array.from({ length: 10_001 }, () => ['NOTICE', 'x']))
    expect(reply.notices).toHaveLength(10_000)
  })

  it('ends where a relay goes on and on (I9)', async () => {
    const long = { ...reencoded, content: '0'.repeat(1_000_000) }
    const reply = await asked((id) => Array.from({ length: 20 }, () => ['EVENT', id, long]))
    expect(reply.events).toHaveLength(17)
  })
})
