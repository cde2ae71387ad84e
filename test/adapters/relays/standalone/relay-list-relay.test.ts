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

describe.each([10051, 10002, 10050])('relay lists of kind %d', (kind) => {
  const listOf = (author: Person, settings: RelayListSettings = {}) =>
    relayList(author, { kind, ...settings })

  it('are stored and found, sent to open subscriptions, and deleted by their address (NIP-09)', async () => {
    const filter = { kinds: [kind], authors: [alice.pubkey] }
    client.send(['REQ', 'live', filter])
    expect(await client.until('EOSE')).toEqual([['EOSE', 'live']])
    const publisher = await Client.greeted(relay.url)
    const list = listOf(alice)
    expect(await publisher.ask('EVENT', list)).toEqual(['OK', list.id, true, ''])
    expect(await client.next()).toEqual(['EVENT', 'live', list])
    expect(await query(publisher, filter)).toEqual([list])
    const deletion = eventOf(alice, 5, [['a', `${kind}:${alice.pubkey}:`]])
    expect(await publisher.ask('EVENT', deletion)).toEqual(['OK', deletion.id, true, ''])
    expect(await query(publisher, filter)).toEqual([])
    expect(await publisher.ask('EVENT', list)).toEqual([
      'OK',
      list.id,
      false,
      'blocked: deleted by its author',
    ])
  })

  it('are deleted by their id, and with everything else by a request to vanish (NIP-62)', async () => {
    const filter = { kinds: [kind], authors: [alice.pubkey] }
    const older = listOf(alice, { createdAt: NOW - 10 })
    await client.ask('EVENT', older)
    await client.ask('EVENT', eventOf(alice, 5, [['e', older.id]], NOW - 5))
    expect(await query(client, filter)).toEqual([])
    const newer = listOf(alice, { createdAt: NOW - 4 })
    await client.ask('EVENT', newer)
    expect(await query(client, filter)).toEqual([newer])
    await client.ask('EVENT', eventOf(alice, 62, [['relay', 'ALL_RELAYS']]))
    expect(await query(client, filter)).toEqual([])
  })

  it('are kept up to 4,096 characters of their JSON', async () => {
    const lengthOf = (event: SignedEvent) => JSON.stringify(event).length
    const noted = (length: number) => listOf(alice, { tags: [['note', 'x'.repeat(length)]] })
    const longest = 4096 - lengthOf(noted(0))
    const [longer, list] = [noted(longest + 1), noted(longest)]
    expect(lengthOf(list)).toBe(4096)
    expect(await client.ask('EVENT', longer)).toEqual(['OK', longer.id, false, expect.stringMatching(/4096/)])
    expect(await client.ask('EVENT', list)).toEqual(['OK', list.id, true, ''])
  })

  it('are refused of too many new authors from one address, and kept of known ones (I9)', async () => {
    const strict = await startTestServer(memoryStore(), { quota: { newAuthorsPerAddress: { max: 1 } } })
    const one = await Client.greeted(strict.url)
    const [first, second] = [listOf(alice), listOf(bob)]
    expect(await one.ask('EVENT', first)).toEqual(['OK', first.id, true, ''])
    const why = 'rate-limited: 1 new authors per 3600 s from one address; try again in 3600 s'
    expect(await one.ask('EVENT', second)).toEqual(['OK', second.id, false, why])
    const newer = listOf(alice, { createdAt: NOW + 1 })
    expect(await one.ask('EVENT', newer)).toEqual(['OK', newer.id, true, ''])
    expect(await query(one, { kinds: [kind], authors: [alice.pubkey, bob.pubkey] })).toEqual([newer])
    await strict.stop()
  })

  it('are refused with a wrong signature, from the future, or if they are too long', async () => {
    for (const [list, why] of [
      [{ ...listOf(alice), sig: listOf(bob).sig }, 'wrong id or signature'],
      [listOf(alice, { createdAt: NOW + 901 }), 'created_at is more than 15 minutes in the future'],
      [
        listOf(alice, { tags: [['note', 'x'.repeat(4096)]] }),
        'a relay list may have at most 4096 characters as JSON',
      ],
    ] as const) {
      expect(await client.ask('EVENT', list)).toEqual(['OK', list.id, false, `invalid: ${why}`])
    }
    const list = listOf(alice, { createdAt: NOW + 900 })
    expect(await client.ask('EVENT', list)).toEqual(['OK', list.id, true, ''])
  })
})

describe('relay lists of several kinds', () => {
  it('are kept side by side, and one deletion names one of them', async () => {
    const lists = [10002, 10050, 10051].map((kind) => relayList(alice, { kind }))
    for (const list of lists) await client.ask('EVENT', list)
    const filter = { kinds: [10002, 10050, 10051], authors: [alice.pubkey] }
    expect((await query(client, filter)).sort(byKind)).toEqual(lists)
    await client.ask('EVENT', eventOf(alice, 5, [['a', `10002:${alice.pubkey}:`]]))
    expect((await query(client, filter)).sort(byKind)).toEqual(lists.slice(1))
    expect(await client.ask('COUNT', 'c', filter)).toEqual(['COUNT', 'c', { count: 2 }])
  })

  it.each([10002, 10050])('of kind %d may be empty: the author says that there are none', async (kind) => {
    const list = eventOf(alice, kind, [])
    expect(await client.ask('EVENT', list)).toEqual(['OK', list.id, true, ''])
    expect(await query(client, { kinds: [kind], authors: [alice.pubkey] })).toEqual([list])
  })

  it('reach a long-lived subscription that also names other kinds and 200 authors', async () => {
    const mixed = await startTestServer(memoryStore(), { kinds: [443, 30443] })
    try {
      const [reader, publisher] = [await Client.greeted(mixed.url), await Client.greeted(mixed.url)]
      const stored = relayList(alice, { kind: 10050 })
      await publisher.ask('EVENT', stored)
      const strangers = Array.from({ length: 198 }, (_, index) => index.toString(16).padStart(64, '0'))
      const authors = [...strangers, alice.pubkey, bob.pubkey]
      reader.send(['REQ', 'mdk', { kinds: [0, 10002, 10050, 30443], authors }])
      expect(await reader.until('EOSE')).toEqual([
        ['EVENT', 'mdk', stored],
        ['EOSE', 'mdk'],
      ])
      const live = relayList(bob, { kind: 10002 })
      for (const list of [relayList(bob), live]) await publisher.ask('EVENT', list)
      expect(await reader.next()).toEqual(['EVENT', 'mdk', live])
      expect(await reader.ask('COUNT', 'probe', { kinds: [1] })).toEqual(['COUNT', 'probe', { count: 0 }])
    } finally {
      await mixed.stop()
    }
  })
})

describe('the filters of a connection', () => {
  const hex = (count: number, start = 0) =>
    Array.from({ length: count }, (_, index) => (start + index).toString(16).padStart(64, '0'))

  it('name at most 1000 ids and authors in one message', async () => {
    expect(await client.ask('REQ', 'most', { kinds: [10002], authors: hex(1000) })).toEqual(['EOSE', 'most'])
    const filters = [
      { kinds: [10002], authors: hex(500) },
      { kinds: [10051], authors: hex(1), ids: hex(500) },
    ]
    const why = 'blocked: at most 1000 ids, authors and tag values in the filters for relay lists'
    expect(await refusalOf(client, 's', ...filters)).toEqual(why)
    expect(await client.ask('COUNT', 'c', ...filters)).toEqual(['CLOSED', 'c', why])
    expect(await client.ask('REQ', 'notes', { kinds: [1], authors: hex(2000) })).toEqual(['EOSE', 'notes'])
  })

  it('have at most 262,144 characters in all open subscriptions; closing or replacing one makes room', async () => {
    const ask = (id: string, count = 1000) => client.ask('REQ', id, { kinds: [10002], authors: hex(count) })
    for (const id of ['1', '2', '3']) expect(await ask(id)).toEqual(['EOSE', id])
    expect(await refusalOf(client, '4', { kinds: [10002], authors: hex(1000) })).toBe(
      'blocked: the filters of all open subscriptions to relay lists may have at most 262144 characters',
    )
    expect(await ask('4', 900)).toEqual(['EOSE', '4'])
    expect(await ask('3', 999)).toEqual(['EOSE', '3'])
    client.send(['CLOSE', '1'])
    expect(await ask('5')).toEqual(['EOSE', '5'])
  })

  it('whose subscription is refused wait for nothing', async () => {
    const authors = [alice.pubkey]
    expect(await client.ask('REQ', 's', { kinds: [10051], authors })).toEqual(['EOSE', 's'])
    const tooMany = { kinds: [10051], authors: [...authors, ...hex(1000)] }
    expect(await refusalOf(client, 's', tooMany)).toMatch(/^blocked: /)
    await client.ask('EVENT', relayList(alice))
    expect(await client.ask('COUNT', 'c', { kinds: [10051], authors })).toEqual(['COUNT', 'c', { count: 1 }])
  })
})

describe('relay lists (kind 10051)', () => {
  it('are stored, and found by their author', async () => {
    const list = relayList(alice)
    expect(await client.ask('EVENT', list)).toEqual(['OK', list.id, true, ''])
    expect(await query(client, { kinds: [10051], authors: [alice.pubkey] })).toEqual([list])
    expect(await query(client, { authors: [alice.pubkey, bob.pubkey] })).toEqual([list])
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
    expect(await query(client, { kinds: [10051], authors: [alice.pubkey] })).toEqual([newer])
  })

  it('come newest first, filtered by ids, since, until and limit', async () => {
    const lists = [relayList(alice, { createdAt: NOW - 20 }), relayList(bob, { createdAt: NOW - 10 })]
    for (const list of lists) await client.ask('EVENT', list)
    const [alices, bobs] = lists
    const authors = [alice.pubkey, bob.pubkey]
    expect(await query(client, { kinds: [10051], authors })).toEqual([bobs, alices])
    expect(await query(client, { kinds: [10051], authors, limit: 1 })).toEqual([bobs])
    expect(await query(client, { kinds: [10051], authors, until: NOW - 15 })).toEqual([alices])
    expect(await query(client, { kinds: [10051], authors, since: NOW - 15 })).toEqual([bobs])
    expect(await query(client, { kinds: [10051], authors, ids: [alices?.id] })).toEqual([alices])
    expect(await query(client, { kinds: [10051], authors, limit: 1 }, { authors })).toEqual([bobs, alices])
  })

  it('are sent once to open subscriptions, until those are closed', async () => {
    client.send(['REQ', 'live', { kinds: [10051], authors: [alice.pubkey] }])
    await client.until('EOSE')
    const publisher = await Client.greeted(relay.url)
    const list = relayList(alice)
    for (const event of [relayList(bob), list, list]) await publisher.ask('EVENT', event)
    expect(await client.next()).toEqual(['EVENT', 'live', list])
    client.send(['CLOSE', 'live'])
    expect(await query(client, { kinds: [1] })).toEqual([])
    await publisher.ask('EVENT', relayList(alice, { createdAt: NOW + 1 }))
    expect(await query(client, { kinds: [1] })).toEqual([])
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
    expect(await query(client, { kinds: [10051], authors: [alice.pubkey] })).toEqual([])
  })

  it('are refused once they have expired (NIP-40)', async () => {
    const list = relayList(alice, { tags: [['expiration', String(NOW)]] })
    expect(await client.ask('EVENT', list)).toEqual(['OK', list.id, false, 'invalid: the event has expired'])
  })

  it('are no longer found once they have expired (NIP-40)', async () => {
    const list = relayList(alice, { tags: [['expiration', String(NOW + 10)]] })
    await client.ask('EVENT', list)
    relay.advance(9)
    expect(await query(client, { kinds: [10051], authors: [alice.pubkey] })).toEqual([list])
    relay.advance(1)
    expect(await query(client, { kinds: [10051], authors: [alice.pubkey] })).toEqual([])
  })

  it('are refused with a wrong signature', async () => {
    const list = { ...relayList(alice), sig: relayList(bob).sig }
    expect(await client.ask('EVENT', list)).toEqual(['OK', list.id, false, 'invalid: wrong id or signature'])
  })
})

describe('everything else', () => {
  it('refuses events of other kinds', async () => {
    const note = signEvent(alice.secretKey, { kind: 1, created_at: NOW, tags: [], content: 'hello' })
    expect(await client.ask('EVENT', note)).toEqual([
      'OK',
      note.id,
      false,
      'blocked: this relay stores only key packages and relay lists',
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
  ] as const)('answers %s, and keeps the connection open (I9)', async (_, message, answer) => {
    expect(await client.ask(...(message as unknown as [string, ...unknown[]]))).toEqual(answer)
    expect(await client.ask('REQ', 'next', { kinds: [1] })).toEqual(['EOSE', 'next'])
  })

  it.each([
    ['an invalid filter', ['x'], 'invalid: not a valid NIP-01 filter'],
    ['a tag filter that is not an array of strings', [{ '#t': 1 }], 'invalid: not a valid NIP-01 filter'],
    ['too many filters', new Array(21).fill({}), 'invalid: at most 20 filters'],
  ])('refuses %s after EOSE, because some clients wait for nothing else', async (_, filters, why) => {
    expect(await refusalOf(client, 's', ...filters)).toBe(why)
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

/** Why a REQ is refused: EOSE comes before CLOSED. */
async function refusalOf(from: Client, id: string, ...filters: readonly unknown[]): Promise<unknown> {
  from.send(['REQ', id, ...filters])
  const [end, closed, ...more] = await from.until('CLOSED')
  expect([end, more]).toEqual([['EOSE', id], []])
  return closed?.[2]
}

async function query(from: Client, ...filters: readonly object[]): Promise<SignedEvent[]> {
  from.send(['REQ', 'query', ...filters])
  const messages = await from.until('EOSE')
  from.send(['CLOSE', 'query'])
  return messages.flatMap(([verb, , event]) => (verb === 'EVENT' ? [event as SignedEvent] : []))
}

function eventOf({ secretKey }: Person, kind: number, tags: string[][], createdAt = NOW): SignedEvent {
  return signEvent(secretKey, { kind, created_at: createdAt, tags, content: '' })
}

function byKind(one: SignedEvent, other: SignedEvent): number {
  return one.kind - other.kind
}

interface RelayListSettings {
  readonly kind?: number
  readonly createdAt?: number
  readonly tags?: string[][]
}

function relayList(
  author: Person,
  { kind = 10051, createdAt = NOW, tags = [] }: RelayListSettings = {},
): SignedEvent {
  const relay = [kind === 10002 ? 'r' : 'relay', 'wss://relay.example.com']
  return eventOf(author, kind, [relay, ...tags], createdAt)
}
