/** Whose limits a client meets: those of the settings, else the server's own, or the relay's that is behind it (NIP-11). */

import { afterEach, describe, expect, it } from '@jest/globals'
import { LimitsOfRelay, ownLimits } from '../../../../adapters/relays/server/client-limits.ts'
import { Client } from '../../../support/client.ts'
import { startTestProxy, type TestProxy, type TestProxySettings } from '../../../support/proxy.ts'
import { INFORMATION } from '../../../support/relay.ts'

describe('a server of its own', () => {
  it('has defaults of its own, and what the settings say in their place', () => {
    expect(ownLimits({ maxConnections: 7, maxSubscriptions: undefined })).toEqual({
      maxMessageBytes: 524_288,
      maxConnections: 7,
      maxConnectionsPerAddress: 100,
      maxSubscriptions: 32,
    })
  })
})

describe('a server in front of a relay', () => {
  const learnt = (document: unknown, named = {}) => {
    const limits = new LimitsOfRelay(named)
    limits.learn(document)
    return limits.maxMessageBytes
  }
  const saying = (max_message_length: unknown) => ({ limitation: { max_message_length } })

  it('limits neither connections nor subscriptions by itself', () => {
    const { maxConnections, maxConnectionsPerAddress, maxSubscriptions } = new LimitsOfRelay({})
    expect([maxConnections, maxConnectionsPerAddress, maxSubscriptions]).toEqual([0, 0, undefined])
  })

  it('takes messages as large as the relay, within bounds (I9)', () => {
    expect([131_072, 1.5, 1e12].map((length) => learnt(saying(length)))).toEqual([131_072, 1024, 8_388_608])
    for (const nothing of [
      undefined,
      null,
      'x',
      [],
      {},
      { limitation: 7 },
      saying('9'),
      saying(-1),
      saying(null),
    ])
      expect(learnt(nothing)).toBe(524_288)
  })

  it('obeys the settings first', () => expect(learnt(saying(131_072), { maxMessageBytes: 2048 })).toBe(2048))
})

describe('a proxy', () => {
  let proxy: TestProxy
  const clients: Client[] = []
  const start = async (settings: TestProxySettings) => {
    proxy = await startTestProxy(settings)
  }
  const connect = async () => {
    const client = await Client.greeted(proxy.url)
    clients.push(client)
    return client
  }
  afterEach(async () => {
    for (const client of clients.splice(0)) client.socket.terminate()
    await proxy.stop()
  })

  it('follows the length of messages that the relay tells', async () => {
    await start({})
    const { max_message_length } = INFORMATION.limitation
    const text = JSON.stringify(['EVENT', { id: 'f'.repeat(64), content: 'x'.repeat(max_message_length) }])
    const client = await connect()
    client.sendRaw(text)
    const why = `invalid: the message has ${text.length} bytes; at most ${max_message_length} are accepted`
    expect(await client.next()).toEqual(['OK', 'f'.repeat(64), false, why])
    expect(proxy.relay.received).not.toContain(text)
  })

  it('has as many clients, with as many subscriptions, as the relay takes', async () => {
    await start({})
    const [client] = await Promise.all(Array.from({ length: 110 }, connect))
    for (let id = 0; id < 60; id += 1) client?.send(['REQ', `s${id}`, { kinds: [1] }])
    await client?.until('EOSE', 's59')
    expect(proxy.log.lines).toEqual([])
  })

  it('that has limits of its own logs what it refuses', async () => {
    await start({ server: { maxConnectionsPerAddress: 1, maxSubscriptions: 1 } })
    const client = await connect()
    await expect(connect()).rejects.toThrow('429')
    for (const id of ['a', 'b']) client.send(['REQ', id, { kinds: [1] }])
    await client.until('CLOSED', 'b')
    expect(proxy.log.lines.map(({ fields }) => fields)).toEqual([
      { reason: 'address', refused: 1 },
      { reason: 'subscriptions', refused: 1 },
    ])
  })
})
