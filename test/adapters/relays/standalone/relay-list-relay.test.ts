/** What the standalone server does with everything but key packages: it stores relay lists, and nothing else. */

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { memoryStore } from '../../../../adapters/storage/memory.ts'
import type { SignedEvent } from '../../../../plugin/nostr/messages.ts'
import { Client } from '../../../support/client.ts'
import { authEvent } from '../../../support/gateway.ts'
import { NOW, signEvent } from '../../../support/key-packages.ts'
import { type Person, person } from '../../../support/people.ts'
import { startTestServer, type TestServer } from '../../../support/server.ts'

const alice = person('alice')
const bob = person('bob')

let relay: TestServer
let client: Client

beforeEach(async () => {
  relay = await startTestServer(memoryStore())
  client = await Client.greeted(relay.url)
})

afterEach(() => relay.stop())

describe('relay lists (kind 10051)', () => {
  it('are stored, and found by their author', async () => {
    const list = relayList(alice)
    expect(await client.ask('EVENT', list)).toEqual(['OK', list.id, true, ''])
    expect(await query({ kinds: [10051], authors: [alice.pubkey] })).toEqual([list])
    expect(await query({ authors: [alice.pubkey, bob.pubkey] })).toEqual([list])
  })

  it('are answered as a duplicate when published again', async () => {
    const list = relayList(alice)
    await client.ask('EVENT', list)
    expect(await client.ask('EVENT', list)).toEqual([
      'OK',
      list.id,
      true,
      'duplicate: already have this relay list',
    ])
  })

  it('are replaced by newer ones, and never by older ones', async () => {
    const [older, newer] = [relayList(alice, { createdAt: NOW - 10 }), relayList(alice)]
    await client.ask('EVENT', older)
    expect(await client.ask('EVENT', newer)).toEqual(['OK', newer.id, true, ''])
    expect(await client.ask('EVENT', older)).toEqual([
      'OK',
      older.id,
      true,
      'duplicate: have a newer relay list',
    ])
    expect(await query({ kinds: [10051], authors: [alice.pubkey] })).toEqual([newer])
  })

  it('come newest first, filtered by ids, since, until and limit', async () => {
    const lists = [relayList(alice, { createdAt: NOW - 20 }), relayList(bob, { createdAt: NOW - 10 })]
    for (const list of lists) await client.ask('EVENT', list)
    const [alices, bobs] = lists
    const authors = [alice.pubkey, bob.pubkey]
    expect(await query({ kinds: [10051], authors })).toEqual([bobs, alices])
    expect(await query({ kinds: [10051], authors, limit: 1 })).toEqual([bobs])
    expect(await query({ kinds: [10051], authors, until: NOW - 15 })).toEqual([alices])
    expect(await query({ kinds: [10051], authors, since: NOW - 15 })).toEqual([bobs])
    expect(await query({ kinds: [10051], authors, ids: [alices?.id] })).toEqual([alices])
    expect(await query({ kinds: [10051], authors, limit: 1 }, { authors })).toEqual([bobs, alices])
  })

  it('are sent once to open subscriptions, until those are closed', async () => {
    client.send(['REQ', 'live', { kinds: [10051], authors: [alice.pubkey] }])
    await client.until('EOSE')
    const publisher = await Client.greeted(relay.url)
    const list = relayList(alice)
    for (const event of [relayList(bob), list, list]) await publisher.ask('EVENT', event)
    expect(await client.next()).toEqual(['EVENT', 'live', list])
    client.send(['CLOSE', 'live'])
    expect(await query({ kinds: [1] })).toEqual([])
    await publisher.ask('EVENT', relayList(alice, { createdAt: NOW + 1 }))
    expect(await query({ kinds: [1] })).toEqual([])
  })

  it('are counted by author', async () => {
    await client.ask('EVENT', relayList(alice))
    const authors = [alice.pubkey, bob.pubkey]
    expect(await client.ask('COUNT', 'c', { kinds: [10051], authors })).toEqual(['COUNT', 'c', { count: 1 }])
    expect(await client.ask('COUNT', 'c', { kinds: [1], authors })).toEqual(['COUNT', 'c', { count: 0 }])
  })

  it('are gone when their author deletes them (NIP-09)', async () => {
    const list = relayList(alice)
    await client.ask('EVENT', list)
    const tags = [['e', list.id]]
    const deletion = signEvent(alice.secretKey, { kind: 5, created_at: NOW, tags, content: '' })
    expect(await client.ask('EVENT', deletion)).toEqual(['OK', deletion.id, true, ''])
    expect(await query({ kinds: [10051], authors: [alice.pubkey] })).toEqual([])
  })

  it('are refused once they have expired (NIP-40)', async () => {
    const list = relayList(alice, { tags: [['expiration', String(NOW)]] })
    expect(await client.ask('EVENT', list)).toEqual(['OK', list.id, false, 'invalid: the event has expired'])
  })

  it('are no longer found once they have expired (NIP-40)', async () => {
    const list = relayList(alice, { tags: [['expiration', String(NOW + 10)]] })
    await client.ask('EVENT', list)
    relay.advance(9)
    expect(await query({ kinds: [10051], authors: [alice.pubkey] })).toEqual([list])
    relay.advance(1)
    expect(await query({ kinds: [10051], authors: [alice.pubkey] })).toEqual([])
  })

  it('are refused with a wrong signature', async () => {
    const list = { ...relayList(alice), sig: relayList(bob).sig }
    expect(await client.ask('EVENT', list)).toEqual(['OK', list.id, false, 'invalid: wrong id or signature'])
  })

  async function query(...filters: readonly object[]): Promise<unknown[]> {
    client.send(['REQ', 'query', ...filters])
    const messages = await client.until('EOSE')
    client.send(['CLOSE', 'query'])
    return messages.filter(([verb]) => verb === 'EVENT').map(([, , event]) => event)
  }
})

describe('everything else', () => {
  it('refuses events of other kinds', async () => {
    const note = signEvent(alice.secretKey, { kind: 1, created_at: NOW, tags: [], content: 'hello' })
    expect(await client.ask('EVENT', note)).toEqual([
      'OK',
      note.id,
      false,
      'blocked: this relay stores only key packages and their relay lists',
    ])
  })

  it('gives any other REQ its EOSE', async () => {
    expect(await client.ask('REQ', 's', { kinds: [0, 1] })).toEqual(['EOSE', 's'])
    expect(await client.ask('REQ', 's', {})).toEqual(['EOSE', 's'])
  })

  it('accepts a request to vanish (NIP-62)', async () => {
    const vanish = signEvent(alice.secretKey, {
      kind: 62,
      created_at: NOW,
      tags: [['relay', 'ALL_RELAYS']],
      content: '',
    })
    expect(await client.ask('EVENT', vanish)).toEqual(['OK', vanish.id, true, ''])
  })

  it('refuses an AUTH with a foreign challenge', async () => {
    const event = authEvent(alice, { challenge: 'not ours', relay: relay.url })
    expect(await client.ask('AUTH', event)).toEqual([
      'OK',
      event.id,
      false,
      'invalid: the challenge is not from this relay',
    ])
  })

  it('does not support negentropy (NIP-77)', async () => {
    expect(await client.ask('NEG-OPEN', 's', { kinds: [1] }, '61')).toEqual([
      'NEG-ERR',
      's',
      'blocked: this relay does not support negentropy',
    ])
  })

  it.each([
    ['an unknown message type', ['HELLO', 'you'], ['NOTICE', 'invalid: unknown message type "HELLO"']],
    [
      'a REQ without an id',
      ['REQ'],
      ['NOTICE', 'invalid: a subscription id must be a string of 1 to 64 characters'],
    ],
    ['an invalid filter', ['REQ', 's', 'x'], ['CLOSED', 's', 'invalid: not a valid NIP-01 filter']],
    [
      'a tag filter that is not an array of strings',
      ['REQ', 's', { '#t': 1 }],
      ['CLOSED', 's', 'invalid: not a valid NIP-01 filter'],
    ],
    [
      'too many filters',
      ['REQ', 's', ...new Array(21).fill({})],
      ['CLOSED', 's', 'invalid: at most 20 filters'],
    ],
  ] as const)('answers %s, and keeps the connection open (I9)', async (_, message, answer) => {
    expect(await client.ask(...(message as unknown as [string, ...unknown[]]))).toEqual(answer)
    expect(await client.ask('REQ', 'next', { kinds: [1] })).toEqual(['EOSE', 'next'])
  })

  it('answers that relay lists are unavailable when the store fails (I7)', async () => {
    const broken = await startTestServer(memoryStore())
    await broken.failStore()
    const lonely = await Client.greeted(broken.url)
    const list = relayList(alice)
    const unavailable = 'error: relay lists are unavailable, try again'
    expect(await lonely.ask('EVENT', list)).toEqual(['OK', list.id, false, unavailable])
    expect(await lonely.ask('REQ', 's', { kinds: [10051], authors: [alice.pubkey] })).toEqual([
      'CLOSED',
      's',
      unavailable,
    ])
    expect(broken.errors).not.toHaveLength(0)
    await broken.stop()
  })
})

interface RelayListSettings {
  readonly createdAt?: number
  readonly tags?: string[][]
}

function relayList(
  { secretKey }: Person,
  { createdAt = NOW, tags = [] }: RelayListSettings = {},
): SignedEvent {
  return signEvent(secretKey, {
    kind: 10051,
    created_at: createdAt,
    tags: [['relay', 'wss://relay.example.com'], ...tags],
    content: '',
  })
}
