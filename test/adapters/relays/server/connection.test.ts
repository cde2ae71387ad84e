/**
 * One client's WebSocket: nobody is read faster than answered, and nobody is kept who is gone, silent or will not read.
 */

import { once } from 'node:events'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { WebSocket } from 'ws'
import type { Connection } from '../../../../plugin/connection.ts'
import type { GatewayMessage, RelayMessage } from '../../../../plugin/nostr/messages.ts'
import type { Client } from '../../../support/client.ts'
import { Connections, methodsOf, relayThat } from '../../../support/connections.ts'
import { gate } from '../../../support/gate.ts'
import { keyPackageEvent, makeKeyPackage, NOW } from '../../../support/key-packages.ts'
import { person } from '../../../support/people.ts'

const alice = person('alice')

let connections: Connections
beforeEach(async () => {
  connections = await Connections.listen()
})
afterEach(() => connections.close())

describe('a client that floods', () => {
  it('is read no further while too many of its messages wait, and answered in full later', async () => {
    const answered = gate()
    let heard = 0
    const { client } = await connections.connect({
      options: { maxPendingMessages: 4 },
      relay: relayThat(async () => {
        await answered.opened
        return [['NOTICE', 'done']]
      }),
      wrap: (session) => ({
        ...methodsOf(session),
        fromClient: (message) => {
          heard += 1
          return session.fromClient(message)
        },
      }),
    })
    // Larger than what a socket reads at once, so that each is read by itself.
    for (let sent = 0; sent < 50; sent += 1) client.send(['FLOOD', 'x'.repeat(131_072)])
    await connections.progressElsewhere()
    expect(heard).toBe(1)
    answered.open()
    for (let received = 0; received < 50; received += 1)
      expect(await client.next()).toEqual(['NOTICE', 'done'])
    expect(heard).toBe(50)
  })

  it('is not cut off for not being read', async () => {
    const answered = gate()
    const { client, connection, serverSocket } = await connections.connect({
      options: { maxPendingMessages: 1 },
      relay: relayThat(async () => {
        await answered.opened
        return [['NOTICE', 'done']]
      }),
    })
    client.send(['SLOW'])
    while (!serverSocket.isPaused) await tick()
    for (let beats = 0; beats < 3; beats += 1) connection.heartbeat()
    answered.open()
    expect(await client.next()).toEqual(['NOTICE', 'done'])
  })
})

describe('a client that does not read', () => {
  const page = ['NOTICE', 'x'.repeat(1_000_000)] as const satisfies GatewayMessage

  it('has no more waiting for it than the limit and one message, and is cut off', async () => {
    let mostBuffered = 0
    const { client, connection, serverSocket } = await connections.connect({
      options: { maxBufferedBytes: 65_536 },
      relay: relayThat(async () => new Array<RelayMessage>(100).fill(page)),
    })
    client.send(['MUCH'])
    client.socket.pause()
    while (serverSocket.bufferedAmount < 65_536) await tick()
    while (serverSocket.readyState !== WebSocket.CLOSED) {
      connection.heartbeat()
      mostBuffered = Math.max(mostBuffered, serverSocket.bufferedAmount)
      await tick()
    }
    expect(mostBuffered).toBeGreaterThanOrEqual(65_536)
    expect(mostBuffered).toBeLessThan(65_536 + 1_100_000)
  })

  it('gets everything once it reads', async () => {
    const { client } = await connections.connect({
      options: { maxBufferedBytes: 65_536 },
      relay: relayThat(async () => new Array<RelayMessage>(30).fill(page)),
    })
    client.send(['MUCH'])
    client.socket.pause()
    await connections.progressElsewhere()
    client.socket.resume()
    for (let received = 0; received < 30; received += 1) expect(await client.next()).toEqual(page)
  })

  it('is kept while it takes what it gets, however long its pongs take', async () => {
    let send: Connection['send'] = () => {}
    const { client, connection } = await connections.connect({
      client: { autoPong: false },
      wrap: (session, _, settings) => {
        send = settings.send
        return session
      },
    })
    for (let pages = 0; pages < 5; pages += 1) {
      connection.heartbeat()
      send(page)
      expect(await client.next()).toEqual(page)
    }
  })

  it('is cut off when messages it did not ask for pile up', async () => {
    let send: Connection['send'] = () => {}
    const { client } = await connections.connect({
      options: { maxPendingMessages: 4 },
      relay: relayThat(() => gate().opened.then(() => [])),
      wrap: (session, _, connection) => {
        send = connection.send
        return session
      },
    })
    const closed = client.ended
    client.send(['NEVER-ANSWERED'])
    await connections.progressElsewhere()
    for (let sent = 0; sent < 8; sent += 1) send(['NOTICE', 'news'])
    expect(await closed).toBe(1006)
  })
})

describe('a heartbeat', () => {
  it('pings, and keeps who answers', async () => {
    const { client, connection, serverSocket } = await connections.connect()
    for (let beats = 0; beats < 3; beats += 1) {
      const answered = once(serverSocket, 'pong')
      connection.heartbeat()
      await answered
    }
    expect(client.socket.readyState).toBe(WebSocket.OPEN)
  })

  it('cuts off who gave no sign of life since the last one', async () => {
    const { client, connection } = await connections.connect()
    const closed = client.ended
    connection.heartbeat()
    connection.heartbeat()
    expect(await closed).toBe(1006)
  })

  it('closes who says nothing for too long, however alive', async () => {
    const { client, connection, serverSocket } = await connections.connect({
      options: { pingIntervalSeconds: 30, idleSeconds: 50 },
    })
    const closed = client.ended
    const answered = once(serverSocket, 'pong')
    connection.heartbeat()
    await answered
    connection.heartbeat()
    expect(await closed).toBe(1000)
  })
})

describe('a client that leaves', () => {
  it('is gone for its session and for the relay', async () => {
    const [ended, left] = [gate(), gate()]
    const { client } = await connections.connect({
      relay: { connect: () => ({ handle: async () => [], close: left.open }) },
      wrap: (session) => ({ ...methodsOf(session), close: ended.open }),
    })
    client.close()
    await Promise.all([ended.opened, left.opened])
  })
})

describe('a connection that drains', () => {
  it('answers what came before, and does not even hear what comes after', async () => {
    const answered = gate()
    const heard: string[] = []
    const { client, connection, serverSocket } = await connections.connect({
      relay: relayThat(async () => {
        await answered.opened
        return [['NOTICE', 'done']]
      }),
      wrap: (session) => ({
        ...methodsOf(session),
        fromClient: (message) => {
          heard.push(message[0])
          return session.fromClient(message)
        },
      }),
    })
    await arrivalOf(client, 'BEFORE', serverSocket)
    connection.drain()
    await arrivalOf(client, 'AFTER', serverSocket)
    const closed = client.ended
    answered.open()
    expect(await closed).toBe(1001)
    expect(await client.next()).toEqual(['NOTICE', 'done'])
    expect(heard).toEqual(['BEFORE'])
  })
})

describe('what the relay says', () => {
  it("reaches the client without other people's key packages (I4)", async () => {
    const event = keyPackageEvent(alice, await makeKeyPackage(alice))
    const { client } = await connections.connect({
      relay: relayThat(async () => [
        ['EVENT', 's', event],
        ['EOSE', 's'],
      ]),
    })
    expect(await client.ask('REQ', 's', {})).toEqual(['EOSE', 's'])
  })
})

describe('a claim', () => {
  it('is taken back when the socket is gone before its answer: the package is fresh again (I1)', async () => {
    for (const createdAt of [NOW - 2, NOW - 1]) {
      const event = keyPackageEvent(alice, await makeKeyPackage(alice), { createdAt })
      expect(await connections.gateway.publish(event)).toEqual({
        outcome: 'stored',
        accepted: true,
        message: '',
      })
    }
    const delivered = gate()
    const { client } = await connections.connect({
      wrap: (session, socket) => ({
        ...methodsOf(session),
        fromClient: async (message) => {
          const { unsent, ...answer } = await session.fromClient(message)
          expect(answer.replies).toContainEqual(['EOSE', 's'])
          socket.close()
          return { ...answer, unsent: () => (unsent?.() ?? Promise.resolve()).then(delivered.open) }
        },
      }),
    })
    client.send(['REQ', 's', { kinds: [443], authors: [alice.pubkey] }])
    await delivered.opened
    await expect(client.next()).rejects.toThrow('the end')
    expect(await connections.store.count([alice.pubkey], NOW)).toEqual([2])
  })
})

async function arrivalOf(client: Client, verb: string, serverSocket: WebSocket): Promise<void> {
  const arrived = once(serverSocket, 'message')
  client.send([verb])
  await arrived
}

function tick(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
