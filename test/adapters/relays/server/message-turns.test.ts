/** Messages are handled by address in turn, and a client that does not read waits for itself. */

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { MessageTurns } from '../../../../adapters/relays/server/message-turns.ts'
import type { GatewaySession } from '../../../../plugin/connection.ts'
import type { RelayMessage } from '../../../../plugin/nostr/messages.ts'
import { Connections, methodsOf, relayThat } from '../../../support/connections.ts'
import { gate } from '../../../support/gate.ts'

/** A connection that has one more message until 200 are handled, and notes each. */
function connection(turns: MessageTurns, handled: string[], name: string, address = name, bytes = 100) {
  const asking = {
    address,
    bytes,
    handle: () => {
      handled.push(name)
      if (handled.length < 200) turns.ask(asking)
    },
  }
  return asking
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

describe('a turn of the event loop', () => {
  it('handles one message of a connection', async () => {
    const turns = new MessageTurns({ maxBufferedBytes: 65_536 })
    const handled: string[] = []
    turns.ask(connection(turns, handled, 'a'))
    turns.ask(connection(turns, handled, 'b'))
    expect(handled).toEqual(['a', 'b'])
    await turn()
    expect(handled).toEqual(['a', 'b', 'a', 'b'])
  })

  it('handles 16 small messages, or one large one, by address in turn', async () => {
    const handled: string[] = []
    const small = new MessageTurns({ maxBufferedBytes: 65_536 })
    for (let index = 0; index < 100; index++) small.ask(connection(small, handled, 'flood', 'one'))
    for (const name of ['honest', 'other']) small.ask(connection(small, handled, name))
    expect(handled).toEqual(new Array(16).fill('flood'))
    handled.length = 0
    await turn()
    expect(handled.slice(0, 5)).toEqual(['honest', 'other', 'flood', 'flood', 'flood'])
    expect(handled).toHaveLength(16)

    const large = new MessageTurns({ maxBufferedBytes: 65_536 })
    const seen: string[] = []
    for (let index = 0; index < 5; index++) large.ask(connection(large, seen, 'flood', 'one', 30_000))
    large.ask(connection(large, seen, 'honest'))
    await turn()
    expect(seen).toEqual(['flood', 'honest', 'flood'])
    await turn()
    expect(seen).toEqual(['flood', 'honest', 'flood', 'honest', 'flood'])
  })
})

describe('an address', () => {
  it('whose clients have enough to read is handled again once they have read; others are meanwhile', async () => {
    const turns = new MessageTurns({ maxBufferedBytes: 1000 })
    const handled: string[] = []
    turns.buffered('slow', 1000)
    turns.ask(connection(turns, handled, 'slow'))
    turns.ask(connection(turns, handled, 'other'))
    await turn()
    expect(handled).toEqual(['other', 'other'])
    turns.buffered('slow', -1)
    expect(handled).toEqual(['other', 'other', 'slow'])
  })

  it('waits as well while all addresses together have 64 times as much to read', async () => {
    const turns = new MessageTurns({ maxBufferedBytes: 1000 })
    const handled: string[] = []
    for (let index = 0; index < 64; index++) turns.buffered(`${index}`, 999)
    turns.buffered('more', 64)
    turns.ask(connection(turns, handled, '0'))
    turns.ask(connection(turns, handled, 'other'))
    expect(handled).toEqual(['other'])
    turns.buffered('more', -1)
    expect(handled).toEqual(['other', '0'])
  })
})

describe('a server', () => {
  let connections: Connections
  beforeEach(async () => {
    connections = await Connections.listen()
  })
  afterEach(() => connections.close())

  const noting = (heard: string[]) => (session: GatewaySession) => ({
    ...methodsOf(session),
    fromClient: (message: Parameters<GatewaySession['fromClient']>[0]) => {
      heard.push(message[0])
      return session.fromClient(message)
    },
  })

  it('answers others while one client floods it in one piece (I9)', async () => {
    const flooded: string[] = []
    const relay = relayThat(async () => [['NOTICE', 'done']])
    const flood = await connections.connect({ wrap: noting(flooded), relay })
    const other = await connections.connect({ address: '192.0.2.1', relay })
    flood.client.together(() => {
      for (let sent = 0; sent < 3000; sent += 1) flood.client.send(['FLOOD', sent])
    })
    while (flooded.length === 0) await turn()
    expect(await other.client.ask('PING')).toEqual(['NOTICE', 'done'])
    expect(flooded.length).toBeLessThan(500)
    for (let received = 0; received < 3000; received += 1)
      expect(await flood.client.next()).toEqual(['NOTICE', 'done'])
  })

  it('handles nothing more of an address whose clients do not read, and all of it once they do (I9)', async () => {
    const page: RelayMessage = ['NOTICE', 'x'.repeat(1_000_000)]
    const heard: string[] = []
    const turns = new MessageTurns({ maxBufferedBytes: 65_536 })
    const settings = { turns, address: '192.0.2.1', wrap: noting(heard) }
    const unread = await connections.connect({
      ...settings,
      relay: relayThat(async () => new Array<RelayMessage>(10).fill(page)),
    })
    const same = await connections.connect({
      ...settings,
      relay: relayThat(async () => [['NOTICE', 'same']]),
    })
    unread.client.socket.pause()
    unread.client.send(['MUCH'])
    while (unread.serverSocket.bufferedAmount < 65_536) await turn()
    same.client.send(['PING'])
    const other = await connections.connect({
      turns,
      address: '192.0.2.2',
      relay: relayThat(async () => [['NOTICE', 'other']]),
    })
    for (let trips = 0; trips < 100; trips += 1)
      expect(await other.client.ask('PING')).toEqual(['NOTICE', 'other'])
    expect(heard).toEqual(['MUCH'])
    unread.client.socket.resume()
    expect(await same.client.next()).toEqual(['NOTICE', 'same'])
  })

  it('hears a message of a client once the one before is answered, but a CLOSE at once', async () => {
    const answered = gate()
    const heard: string[] = []
    const { client } = await connections.connect({
      wrap: noting(heard),
      relay: relayThat(async () => {
        await answered.opened
        return [['NOTICE', 'done']]
      }),
    })
    client.send(['FIRST'], ['CLOSE', 'a'], ['SECOND'], ['CLOSE', 'b'], ['THIRD'])
    await connections.progressElsewhere()
    expect(heard).toEqual(['FIRST', 'CLOSE'])
    answered.open()
    for (let received = 0; received < 5; received += 1)
      expect(await client.next()).toEqual(['NOTICE', 'done'])
    expect(heard).toEqual(['FIRST', 'CLOSE', 'SECOND', 'CLOSE', 'THIRD'])
  })
})
