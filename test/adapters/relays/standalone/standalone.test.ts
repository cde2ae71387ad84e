/** The standalone server over real sockets: invalid messages, limits, the order of answers, and stopping. */

import { once } from 'node:events'
import { afterEach, describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import type { ServerOptions } from '../../../../adapters/relays/server/server-options.ts'
import { memoryStore } from '../../../../adapters/storage/memory.ts'
import type { RelayMessage } from '../../../../plugin/nostr/messages.ts'
import type { KeyPackageStore } from '../../../../plugin/store.ts'
import { Client } from '../../../support/client.ts'
import { type Gate, gate } from '../../../support/gate.ts'
import { authEvent } from '../../../support/gateway.ts'
import { keyPackageEvent, makeKeyPackage, NOW, signEvent } from '../../../support/key-packages.ts'
import { person } from '../../../support/people.ts'
import { startTestServer, type WatchedServer } from '../../../support/server.ts'

const alice = person('alice')
let relay: WatchedServer

interface StartSettings {
  readonly store?: KeyPackageStore
  readonly server?: Partial<ServerOptions>
}

async function start({ store = memoryStore(), server }: StartSettings = {}): Promise<void> {
  relay = await startTestServer(store, {}, server)
}

afterEach(() => relay.stop())

describe('an invalid message', () => {
  it.each([
    ['a text that is not JSON', '{"kinds"'],
    ['JSON that is not an array', '{"kinds":[443]}'],
    ['an array that does not begin with a verb', '[1,2]'],
    ['an empty text', ''],
    ['a binary frame', Buffer.from('["REQ","s",{}]')],
  ])('%s gets a NOTICE, and the connection stays open (I9)', async (_, frame) => {
    await start()
    const client = await Client.greeted(relay.url)
    client.sendRaw(frame)
    expect(await client.next()).toEqual([
      'NOTICE',
      'invalid: a message is a text with a JSON array that begins with a verb',
    ])
    expect(await client.ask('REQ', 's', { kinds: [1] })).toEqual(['EOSE', 's'])
  })
})

describe('any message at all', () => {
  it('is answered or ignored, and the connection stays open (I9)', async () => {
    await start({ server: { maxSubscriptions: 10_000 } })
    const client = await Client.greeted(relay.url)
    const verbs = ['EVENT', 'REQ', 'CLOSE', 'AUTH', 'COUNT', 'NEG-OPEN', 'NEG-MSG', 'NEG-CLOSE', '__proto__']
    const keys = ['kinds', 'authors', 'ids', 'since', 'limit', '#f', '#e', 'id', 'tags', 'sig', '__proto__']
    const part = fc.oneof(
      fc.jsonValue(),
      fc.constantFrom(443, 10051, 5, 62, 22242, [443], [10051]),
      fc.dictionary(fc.constantFrom(...keys), fc.oneof(fc.jsonValue(), fc.constant([443, 10051]))),
    )
    const message = fc.tuple(fc.constantFrom(...verbs), fc.array(part, { maxLength: 4 }))
    const probes = fc.asyncProperty(message, async ([verb, parts]) => {
      client.send([verb, ...parts])
      client.send(['COUNT', 'probe', { kinds: [1] }])
      const isProbe = ([, id, answer]: RelayMessage) => id === 'probe' && typeof answer === 'object'
      while (!isProbe(await client.next()));
    })
    await fc.assert(probes, { seed: 443, numRuns: 1000 })
    expect(relay.errors).toEqual([])
  })
})

describe('limits', () => {
  it('refuses a message that is too large, by its id where it has one', async () => {
    await start({ server: { maxMessageBytes: 1024 } })
    const client = await Client.greeted(relay.url)
    const long = 'x'.repeat(1024)
    const id = 'f'.repeat(64)
    client.send(['EVENT', { id, content: long }], ['REQ', 's', { '#t': [long] }], [long])
    const tooLarge = expect.stringMatching(
      /^invalid: the message has 1\d{3} bytes; at most 1024 are accepted$/,
    )
    expect(await client.next()).toEqual(['OK', id, false, tooLarge])
    expect(await client.next()).toEqual(['EOSE', 's'])
    expect(await client.next()).toEqual(['CLOSED', 's', tooLarge])
    expect(await client.next()).toEqual(['NOTICE', expect.stringMatching(/^invalid: /)])
    expect(await client.ask('REQ', 's', { kinds: [1] })).toEqual(['EOSE', 's'])
    expect(relay.statistics().refused.size).toBe(3)
  })

  it('says why it closes a connection, with 1009, whose message is much too large', async () => {
    await start({ server: { maxMessageBytes: 1024 } })
    const client = await Client.greeted(relay.url)
    const reason = once(client.socket, 'close').then(([, text]) => String(text))
    client.send(['REQ', 's', { '#t': ['x'.repeat(2048)] }])
    expect(await client.next()).toEqual(['NOTICE', 'invalid: the message is too large'])
    expect([await client.ended, await reason]).toEqual([1009, 'the message is too large'])
    expect(relay.log.lines).toEqual([
      expect.objectContaining({ level: 'warn', fields: { reason: 'size', refused: 1 } }),
    ])
  })

  it('answers 503 beyond the maximum of connections, until one is closed', async () => {
    await start({ server: { maxConnections: 1 } })
    const first = await Client.greeted(relay.url)
    await first.rest()
    await expect(Client.greeted(relay.url)).rejects.toThrow('503')
    first.close()
    await first.ended
    const second = await connectWhenThereIsRoom()
    expect(await second.ask('REQ', 's', { kinds: [1] })).toEqual(['EOSE', 's'])
  })

  it('has those leave that have said nothing when there is no room for others (I9)', async () => {
    await start({ server: { maxConnections: 6 } })
    const speaking = await Client.greeted(relay.url)
    await speaking.rest()
    const silent = await Promise.all(Array.from({ length: 5 }, () => Client.greeted(relay.url)))
    const others: Client[] = []
    for (let count = 0; count < 5; count++) {
      const other = await Client.greeted(relay.url)
      await other.rest()
      others.push(other)
    }
    await expect(Client.greeted(relay.url)).rejects.toThrow('503')
    expect(await Promise.all(silent.map(({ ended }) => ended))).toEqual(silent.map(() => 1008))
    for (const client of [speaking, ...others])
      expect(await client.ask('REQ', 's', { kinds: [1] })).toEqual(['EOSE', 's'])
  })

  it('closes a message of more than 1,024 fragments (I9)', async () => {
    await start()
    const client = await Client.greeted(relay.url)
    for (let count = 0; count < 1025; count++) client.socket.send('[', { fin: false })
    expect(await client.ended).toBe(1008)
  })

  it('refuses what is nested deep before it parses it, by its subscription id if there is one (I9)', async () => {
    await start()
    const client = await Client.greeted(relay.url)
    const nested = '['.repeat(100_000)
    for (const [text, answer] of [
      [nested, ['NOTICE', 'invalid: the message is nested too deeply']],
      [`["EVENT",${nested}`, ['NOTICE', 'invalid: the message is nested too deeply']],
      [`["COUNT","s",${nested}`, ['CLOSED', 's', 'invalid: the message is nested too deeply']],
      [`["COUNT","s",${'{},'.repeat(70_000)}`, ['CLOSED', 's', 'invalid: the message holds too many values']],
      [
        `["X","${String.raw`\\\"[[`.repeat(30_000)}"`,
        ['NOTICE', 'invalid: a message is a text with a JSON array that begins with a verb'],
      ],
    ] as const) {
      client.sendRaw(text)
      expect(await client.next()).toEqual(answer)
    }
  })

  it('refuses a subscription beyond the maximum; replacing or closing one makes room', async () => {
    await start({ server: { maxSubscriptions: 2 } })
    const client = await Client.greeted(relay.url)
    const ask = (id: string) => client.ask('REQ', id, { kinds: [1] })
    expect(await ask('a')).toEqual(['EOSE', 'a'])
    expect(await ask('b')).toEqual(['EOSE', 'b'])
    expect(await ask('c')).toEqual(['EOSE', 'c'])
    expect(await client.next()).toEqual(['CLOSED', 'c', 'blocked: at most 2 subscriptions at a time'])
    expect(await ask('b')).toEqual(['EOSE', 'b'])
    client.send(['CLOSE', 'a'])
    expect(await ask('c')).toEqual(['EOSE', 'c'])
  })

  it('does not count subscriptions that the relay has closed', async () => {
    await start({ server: { maxSubscriptions: 1 } })
    const client = await Client.greeted(relay.url)
    for (const id of ['a', 'b']) {
      client.send(['REQ', id, { kinds: [443] }])
      expect(await client.until('CLOSED')).toEqual([
        ['EOSE', id],
        ['CLOSED', id, 'restricted: a key package query must name its authors'],
      ])
    }
  })
})

describe('a conversation', () => {
  it('is answered in the order of its messages, whoever answers them', async () => {
    await start()
    const client = await Client.greeted(relay.url)
    const list = signEvent(alice.secretKey, {
      kind: 10051,
      created_at: NOW,
      tags: [['relay', 'wss://relay.example.com']],
      content: '',
    })
    const pkg = keyPackageEvent(alice, await makeKeyPackage(alice), { encoding: 'hex' })
    client.send(['EVENT', list])
    client.send(['REQ', 'lists', { kinds: [10051], authors: [alice.pubkey] }])
    client.sendRaw('nonsense')
    client.send(['EVENT', pkg])
    client.send(['REQ', 'packages', { kinds: [443], authors: [alice.pubkey] }])
    client.send(['COUNT', 'count', { kinds: [1] }])
    expect(await client.until('COUNT')).toEqual([
      ['OK', list.id, true, ''],
      ['EVENT', 'lists', list],
      ['EOSE', 'lists'],
      ['NOTICE', expect.stringMatching(/^invalid: /)],
      ['OK', pkg.id, true, ''],
      ['EVENT', 'packages', pkg],
      ['EOSE', 'packages'],
      ['COUNT', 'count', { count: 0 }],
    ])
  })

  it('may be authenticated under the address the client used', async () => {
    await start()
    const client = await Client.greeted(relay.url)
    const proof = authEvent(alice, { challenge: await client.challenge(), relay: relay.url })
    expect(await client.ask('AUTH', proof)).toEqual(['OK', proof.id, true, ''])
  })
})

describe('stopping', () => {
  it('answers requests in progress, closes with 1001, and accepts no new clients', async () => {
    const { store, asked, answered } = slowStore()
    await start({ store })
    const client = await Client.greeted(relay.url)
    client.send(['REQ', 's', { kinds: [10051], authors: [alice.pubkey] }])
    await asked.opened
    const stopped = relay.stop()
    await expect(Client.greeted(relay.url)).rejects.toThrow()
    answered.open()
    expect(await client.next()).toEqual(['EOSE', 's'])
    expect(await client.ended).toBe(1001)
    await stopped
  })

  it('does not wait forever for a store that does not answer', async () => {
    const { store, asked, answered } = slowStore()
    await start({ store, server: { drainSeconds: 0 } })
    const client = await Client.greeted(relay.url)
    client.send(['REQ', 's', { kinds: [10051], authors: [alice.pubkey] }])
    await asked.opened
    const stopped = relay.stop()
    expect(await client.ended).toBe(1001)
    await stopped
    answered.open()
  })
})

/** A client sees its socket closed a little earlier than the server does. */
async function connectWhenThereIsRoom(): Promise<Client> {
  for (;;) {
    const client = await Client.greeted(relay.url).catch(() => undefined)
    if (client !== undefined) return client
  }
}

interface SlowStore {
  readonly store: KeyPackageStore
  /** Opened once a relay list is requested. */
  readonly asked: Gate
  /** The store answers only once this is opened. */
  readonly answered: Gate
}

function slowStore(): SlowStore {
  const [asked, answered] = [gate(), gate()]
  const store = memoryStore()
  const getRelayLists = store.getRelayLists.bind(store)
  store.getRelayLists = async (...call) => {
    asked.open()
    await answered.opened
    return getRelayLists(...call)
  }
  return { store, asked, answered }
}
