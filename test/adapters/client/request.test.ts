/** The answer to one REQ: what it contains, and how it ends. */

import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { AbstractRelay } from 'nostr-tools/abstract-relay'
import { verifyEvent } from 'nostr-tools/pure'
import { WebSocket, WebSocketServer } from 'ws'
import { type Reply, requestEvents } from '../../../adapters/client/request.ts'
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

  /** Sends a REQ, and answers it with the messages that `answer` returns for its subscription id. */
  async function request(answer: (id: unknown) => readonly unknown[][]) {
    const reply = requestEvents(relay, filters, { time, timeoutMs: 5000 })
    await eventually('the relay has the REQ', () => requests.some(([verb]) => verb === 'REQ'))
    const id = requests.find(([verb]) => verb === 'REQ')?.[1]
    for (const message of answer(id)) socket.send(JSON.stringify(message))
    return reply
  }

  it('contains every event and NOTICE up to EOSE, valid or not, and then the subscription is closed', async () => {
    const reply = await request((id) => [
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
    await eventually('the subscription is closed', () => requests.some(([verb]) => verb === 'CLOSE'))
    expect(notices).toEqual(['rate-limited: 1 of 2 authors'])
    expect(time.pending).toEqual([])
  })

  it('ends with CLOSED and its reason', async () => {
    const reply = await request((id) => [['CLOSED', id, 'rate-limited: try again in 5 s']])
    expect(reply).toEqual({
      events: [],
      notices: [],
      end: { by: 'closed', message: 'rate-limited: try again in 5 s' },
    })
    expect(time.pending).toEqual([])
  })

  it('that is not complete ends with the CLOSED that follows EOSE, or else when another REQ is answered', async () => {
    const isComplete = ({ events }: Pick<Reply, 'events'>) => events.length > 0
    const ask = () => requestEvents(relay, filters, { time, timeoutMs: 5000 }, isComplete)
    const say = (...message: unknown[]) => socket.send(JSON.stringify(message))
    socket.on('message', (data) => {
      const [verb, id, filter] = JSON.parse(String(data))
      if (verb !== 'REQ') return
      say('EOSE', id)
      if (filter.kinds.includes(443) && closes) say('CLOSED', id, 'rate-limited: try again in 5 s')
    })
    let closes = true
    expect((await ask()).end).toEqual({ by: 'closed', message: 'rate-limited: try again in 5 s' })
    closes = false
    expect((await ask()).end).toEqual({ by: 'eose' })
    expect(time.pending).toEqual([])
    say('NOTICE', 'later')
    await eventually('a NOTICE comes through once', () => notices.includes('later'))
    expect(notices).toEqual(['later'])
  })

  it('ends when the connection is lost, with what came before', async () => {
    const reply = await request((id) => {
      queueMicrotask(() => socket.close())
      return [['EVENT', id, event]]
    })
    expect(reply).toEqual({ events: [event], notices: [], end: { by: 'disconnect' } })
  })

  it.each(['before', 'after'])(
    'ends when the client closes the connection %s sending the REQ',
    async (when) => {
      if (when === 'before') relay.close()
      const reply = requestEvents(relay, filters, { time, timeoutMs: 5000 })
      if (when === 'after') relay.close()
      expect((await reply).end).toEqual({ by: 'disconnect' })
      expect(time.pending).toEqual([])
    },
  )

  it('ends after the timeout', async () => {
    const reply = await request(() => {
      queueMicrotask(() => time.advance(5000))
      return []
    })
    expect(reply.end).toEqual({ by: 'timeout' })
    await eventually('the subscription is closed', () => requests.some(([verb]) => verb === 'CLOSE'))
  })

  it('ends after 10,000 events (I9)', async () => {
    const reply = await request((id) => Array.from({ length: 10_001 }, () => ['EVENT', id, reencoded]))
    expect(reply.events).toHaveLength(10_000)
  })

  it('ends after 10,000 NOTICEs (I9)', async () => {
    const reply = await request(() => Array.from({ length: 10_001 }, () => ['NOTICE', 'x']))
    expect(reply.notices).toHaveLength(10_000)
  })

  it('ends after 16 MiB (I9)', async () => {
    const long = { ...reencoded, content: '0'.repeat(1_000_000) }
    const reply = await request((id) => Array.from({ length: 20 }, () => ['EVENT', id, long]))
    expect(reply.events).toHaveLength(17)
  })
})
