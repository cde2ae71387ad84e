/** What a server refuses is counted, and the log says it without being flooded. */

import { once } from 'node:events'
import { afterEach, describe, expect, it } from '@jest/globals'
import { WebSocket } from 'ws'
import { Refused } from '../../../../adapters/relays/server/refused.ts'
import { memoryStore } from '../../../../adapters/storage/memory.ts'
import { Client } from '../../../support/client.ts'
import { testLog } from '../../../support/log.ts'
import { startTestProxy } from '../../../support/proxy.ts'
import { startTestServer, type WatchedServer } from '../../../support/server.ts'

describe('the count of refusals', () => {
  it('is logged at once, then at most once a minute for each reason, with how many there were', () => {
    const log = testLog()
    let now = 0
    const refused = new Refused({ log, clock: () => now })
    for (let times = 0; times < 3; times += 1) refused.count('address')
    refused.count('subscriptions')
    now = 59_999
    refused.logDue()
    expect(log.lines.map(({ fields }) => fields)).toEqual([
      { reason: 'address', refused: 1 },
      { reason: 'subscriptions', refused: 1 },
    ])
    now = 60_000
    refused.logDue()
    refused.logDue()
    expect(log.lines.slice(2)).toEqual([
      {
        level: 'warn',
        fields: { reason: 'address', refused: 2 },
        message: expect.stringContaining('server.maxConnectionsPerAddress'),
      },
    ])
    expect(refused.counts).toMatchObject({ address: 3, subscriptions: 1, full: 0 })
  })
})

describe('a server', () => {
  let server: WatchedServer
  const clients: Client[] = []
  afterEach(async () => {
    for (const client of clients.splice(0)) client.socket.terminate()
    await server.stop()
  })
  const connect = async () => {
    const client = await Client.greeted(server.url)
    clients.push(client)
    return client
  }
  const logged = () => server.log.lines.map(({ fields }) => fields.reason)

  it('says how many clients are connected, and how many it refused for which reason', async () => {
    server = await startTestServer(memoryStore(), {}, { maxConnectionsPerAddress: 2 })
    const [first] = [await connect(), await connect()]
    for (let times = 0; times < 3; times += 1) await expect(connect()).rejects.toThrow('429')
    expect(server.statistics()).toMatchObject({ connections: 2, refused: { address: 3 } })
    expect(logged()).toEqual(['address'])
    first.socket.close()
    await once(first.socket, 'close')
    await connect()
    expect(server.statistics().upstream).toBeUndefined()
  })

  it('counts and logs the subscriptions it refuses', async () => {
    server = await startTestServer(memoryStore(), {}, { maxSubscriptions: 1 })
    const client = await connect()
    const filter = { kinds: [10002], authors: ['a'.repeat(64)] }
    for (const id of ['first', 'second', 'third']) client.send(['REQ', id, filter])
    await client.until('CLOSED', 'second')
    await client.until('CLOSED', 'third')
    expect(server.statistics().refused.subscriptions).toBe(2)
    expect(logged()).toEqual(['subscriptions'])
  })

  it('says whether the relay behind can be reached', async () => {
    const proxy = await startTestProxy()
    server = proxy
    await connect()
    expect(server.statistics()).toMatchObject({ connections: 1, upstream: 'reachable' })
    await proxy.relay.stop()
    await expect(once(new WebSocket(server.url), 'open')).rejects.toThrow('502')
    expect(server.statistics()).toMatchObject({ upstream: 'unreachable', refused: { relay: 1 } })
    expect(logged()).toContain('relay')
  })
})
