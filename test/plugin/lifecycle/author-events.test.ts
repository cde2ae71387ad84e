/** Deletions (NIP-09), requests to vanish (NIP-62), relay lists (kind 10051), and what must not be published. */

import { describe, expect, it } from '@jest/globals'
import type { ClientMessage, SignedEvent } from '../../../plugin/nostr/messages.ts'
import { HOST, idsIn, keyPackagesBy, type StoreChanges, startGateway, stock } from '../../support/gateway.ts'
import { keyPackageEvent, makeKeyPackage, NOW, signEvent } from '../../support/key-packages.ts'
import { type Person, person } from '../../support/people.ts'

const alice = person('alice')
const mallory = person('mallory')
const UNAVAILABLE = 'error: key packages are unavailable, try again'
const down = () => Promise.reject(new Error('gone'))

function eventOf(author: Person, kind: number, tags: string[][], createdAt = NOW): SignedEvent {
  return signEvent(author.secretKey, { kind, created_at: createdAt, tags, content: '' })
}

async function refusalOf(event: unknown, changes?: StoreChanges): Promise<unknown> {
  const { replies, forward } = await startGateway({}, changes).connect().say('EVENT', event)
  return forward ?? replies
}

async function forwards(message: ClientMessage, changes?: StoreChanges): Promise<void> {
  const answer = await startGateway({}, changes).connect().session.fromClient(message)
  expect(answer.replies).toEqual([])
  expect(answer.forward).toBe(message)
}

describe('kind 5 (NIP-09)', () => {
  it('deletes own packages named by e: they are spent (I3), and the event is forwarded', async () => {
    const test = startGateway()
    const [first, second] = await stock(test, alice, 2)
    const { session, ask } = test.connect()
    const message = ['EVENT', eventOf(alice, 5, [['e', String(first?.id)]])] as const
    expect((await session.fromClient(message)).forward).toBe(message)
    expect(await ask('EVENT', first)).toEqual([
      ['OK', first?.id, true, 'duplicate: already received; it is not taken in again'],
    ])
    expect(idsIn(await ask('REQ', 'sub', keyPackagesBy(alice)))).toEqual([second?.id])
  })

  it("does not delete packages of others, but may delete the author's last one", async () => {
    const test = startGateway()
    const [event] = await stock(test, alice, 1)
    const { say } = test.connect()
    await say('EVENT', eventOf(mallory, 5, [['e', String(event?.id)]]))
    expect(await test.store.count([alice.pubkey], NOW)).toEqual([1])
    await say('EVENT', eventOf(alice, 5, [['e', String(event?.id)]]))
    expect(await test.store.count([alice.pubkey], NOW)).toEqual([0])
  })

  it('deletes slots named by a, unless they are newer or of another author', async () => {
    const test = startGateway()
    for (const [d, createdAt] of [
      ['old', NOW - 10],
      ['new', NOW + 1],
      ['kept', NOW - 10],
    ] as const) {
      const event = keyPackageEvent(alice, await makeKeyPackage(alice), {
        kind: 30443,
        createdAt,
        tags: { d: [d] },
      })
      await test.gateway.publish(event)
    }
    const deletion = eventOf(alice, 5, [
      ['a', `30443:${alice.pubkey}:old`],
      ['a', `30443:${alice.pubkey}:new`],
      ['a', `30443:${mallory.pubkey}:kept`],
      ['a'],
      ['e'],
    ])
    expect((await test.connect().say('EVENT', deletion)).forward).toBeDefined()
    const left = await test.store.list(alice.pubkey, NOW)
    expect(left.map(({ slot }) => slot).sort()).toEqual(['kept', 'new'])
  })

  it('is refused if the signature is wrong, before anything is deleted', async () => {
    const test = startGateway()
    const [event] = await stock(test, alice, 1)
    const forged = { ...eventOf(mallory, 5, [['e', String(event?.id)]]), pubkey: alice.pubkey }
    expect(await test.connect().ask('EVENT', forged)).toEqual([
      ['OK', forged.id, false, 'invalid: wrong id or signature'],
    ])
    expect(await test.store.count([alice.pubkey], NOW)).toEqual([1])
  })

  it('is forwarded while the store fails, unless it says that it is about key packages (I7)', async () => {
    const changes = () => ({ count: down, hit: down, drop: down, getRelayLists: down })
    await forwards(['EVENT', eventOf(alice, 5, [['e', '0'.repeat(64)]])], changes)
    const announced = eventOf(alice, 5, [
      ['e', '0'.repeat(64)],
      ['k', '443'],
    ])
    expect(await refusalOf(announced, changes)).toEqual([['OK', announced.id, false, UNAVAILABLE]])
  })
})

const DELETED = 'blocked: deleted by its author'

/** A one-time package and a slot that are not published yet. */
async function unpublished(): Promise<readonly [SignedEvent, SignedEvent]> {
  const [oneTime, inSlot] = [await makeKeyPackage(alice), await makeKeyPackage(alice)]
  return [
    keyPackageEvent(alice, oneTime, { createdAt: NOW - 10 }),
    keyPackageEvent(alice, inSlot, { kind: 30443, createdAt: NOW - 10, tags: { d: ['phone'] } }),
  ]
}

describe('a deletion that comes before what it deletes (I3)', () => {
  it.each([
    [
      'by id',
      (ids: string[]) =>
        eventOf(
          alice,
          5,
          ids.map((id) => ['e', id]),
        ),
    ],
    ['by slot', () => eventOf(alice, 5, [['a', `30443:${alice.pubkey}:phone`]])],
    ['of everything', () => eventOf(alice, 62, [['relay', 'ALL_RELAYS']])],
  ])('%s is remembered', async (what, deletionOf) => {
    const test = startGateway()
    const [oneTime, slot] = await unpublished()
    const client = test.connect()
    await client.say('EVENT', deletionOf([oneTime.id, slot.id]))
    expect(await client.ask('EVENT', slot)).toEqual([['OK', slot.id, false, DELETED]])
    const expected = what === 'by slot' ? ['OK', oneTime.id, true, ''] : ['OK', oneTime.id, false, DELETED]
    expect(await client.ask('EVENT', oneTime)).toEqual([expected])
  })

  it('is remembered until nothing that it covers can be valid, and no longer', async () => {
    const test = startGateway({ stock: { ttlSeconds: 3600 } })
    const [event] = await unpublished()
    await test.connect().say('EVENT', eventOf(alice, 5, [['e', event.id]]))
    test.now += 15 * 60 + 3600 - 1
    await test.gateway.sweep()
    expect(await test.store.count([alice.pubkey], test.now)).toEqual([0])
    test.now += 1
    await test.gateway.sweep()
    expect(await test.store.count([alice.pubkey], test.now)).toEqual([undefined])
  })

  it('is not remembered if it says by k that it is about other kinds, or names slots of others', async () => {
    const test = startGateway()
    const [event, slot] = await unpublished()
    const client = test.connect()
    await client.say(
      'EVENT',
      eventOf(alice, 5, [
        ['e', event.id],
        ['k', '1'],
      ]),
    )
    await client.say(
      'EVENT',
      eventOf(mallory, 5, [
        ['a', `30443:${alice.pubkey}:phone`],
        ['e', event.id],
      ]),
    )
    for (const each of [event, slot])
      expect(await client.ask('EVENT', each)).toEqual([['OK', each.id, true, '']])
  })

  it('is refused where too many are remembered, but only if it says that it is about key packages', async () => {
    const test = startGateway()
    const client = test.connect()
    const [event] = await unpublished()
    const idsFrom = (from: number, count: number) =>
      Array.from({ length: count }, (_, index) => ['e', (from + index).toString(16).padStart(64, '0')])
    await client.say('EVENT', eventOf(alice, 5, [...idsFrom(0, 999), ['k', '443']]))
    const more = eventOf(alice, 5, [['e', event.id], ...idsFrom(1000, 2), ['k', '443']])
    expect(await client.ask('EVENT', more)).toEqual([
      [
        'OK',
        more.id,
        false,
        'rate-limited: too many deletions of key packages are remembered for this author',
      ],
    ])
    expect(await client.ask('EVENT', event)).toEqual([['OK', event.id, true, '']])
    const ofNotes = eventOf(alice, 5, [['e', event.id], ...idsFrom(2000, 2000)])
    expect((await client.say('EVENT', ofNotes)).forward).toBeDefined()
    expect(await test.store.count([alice.pubkey], NOW)).toEqual([0])
  })

  it('is remembered only for so many new authors from one address, because anybody can make them up (I9)', async () => {
    const test = startGateway({ quota: { newAuthorsPerAddress: { max: 1 } } })
    const client = test.connect({ address: '192.0.2.1' })
    const deletion = (who: Person, kinds: string[]) =>
      eventOf(who, 5, [['e', '0'.repeat(64)], ...kinds.map((kind) => ['k', kind])])
    const limited = 'rate-limited: 1 new authors per 3600 s from one address; try again in 3600 s'
    expect((await client.say('EVENT', deletion(alice, ['443']))).forward).toBeDefined()
    expect((await client.say('EVENT', deletion(alice, ['30443']))).forward).toBeDefined()
    const refused = [deletion(mallory, ['443']), eventOf(mallory, 62, [['relay', 'ALL_RELAYS']])]
    for (const event of refused)
      expect(await client.ask('EVENT', event)).toEqual([['OK', event.id, false, limited]])
    // It may be about notes: it is forwarded, and not remembered.
    expect((await client.say('EVENT', deletion(mallory, []))).forward).toBeDefined()
    expect(await test.store.count([alice.pubkey, mallory.pubkey], NOW)).toEqual([0, undefined])
    const elsewhere = test.connect({ address: '192.0.2.2' })
    expect((await elsewhere.say('EVENT', deletion(mallory, ['443']))).forward).toBeDefined()
  })

  it('must not be created more than 15 minutes ahead', async () => {
    for (const kind of [5, 62]) {
      const tags = [
        ['e', '0'.repeat(64)],
        ['relay', 'ALL_RELAYS'],
      ]
      await forwards(['EVENT', eventOf(alice, kind, tags, NOW + 900)])
      const ahead = eventOf(alice, kind, tags, NOW + 901)
      expect(await refusalOf(ahead)).toEqual([
        ['OK', ahead.id, false, 'invalid: created_at is more than 15 minutes in the future'],
      ])
    }
  })
})

describe('kind 62 (NIP-62)', () => {
  it.each([`wss://${HOST}/`, 'ALL_RELAYS'])('for %s deletes all, and is forwarded', async (relay) => {
    const test = startGateway()
    await stock(test, alice, 3)
    await stock(test, mallory, 1)
    const { session } = test.connect()
    const message = ['EVENT', eventOf(alice, 62, [['relay', relay]])] as const
    expect((await session.fromClient(message)).forward).toBe(message)
    expect(await test.store.count([alice.pubkey, mallory.pubkey], NOW)).toEqual([0, 1])
  })

  it('keeps what was published after it; one for another relay keeps everything', async () => {
    const test = startGateway()
    await stock(test, alice, 3)
    const { say } = test.connect()
    await say('EVENT', eventOf(alice, 62, [['relay', 'ALL_RELAYS']], NOW - 2))
    expect(await test.store.count([alice.pubkey], NOW)).toEqual([1])
    await say('EVENT', eventOf(alice, 62, [['relay', 'wss://another.example']]))
    expect(await test.store.count([alice.pubkey], NOW)).toEqual([1])
  })

  it('uses publicUrl if that is set', async () => {
    const test = startGateway({ publicUrl: 'wss://keys.example.org' })
    await stock(test, alice, 1)
    const { say } = test.connect()
    await say('EVENT', eventOf(alice, 62, [['relay', `wss://${HOST}`]]))
    expect(await test.store.count([alice.pubkey], NOW)).toEqual([1])
    await say('EVENT', eventOf(alice, 62, [['relay', 'wss://keys.example.org']]))
    expect(await test.store.count([alice.pubkey], NOW)).toEqual([0])
  })

  it('is refused if it is forged or the store fails', async () => {
    const event = eventOf(alice, 62, [['relay', 'ALL_RELAYS']])
    expect(await refusalOf(event, () => ({ drop: down }))).toEqual([['OK', event.id, false, UNAVAILABLE]])
    const forged = { ...eventOf(mallory, 62, [['relay', 'ALL_RELAYS']]), pubkey: alice.pubkey }
    expect(await refusalOf(forged)).toEqual([['OK', forged.id, false, 'invalid: wrong id or signature']])
  })

  it('is checked also if it names another relay: a standalone relay accepts what is forwarded to it', async () => {
    const tags = [['relay', 'wss://another.example']]
    await forwards(['EVENT', eventOf(alice, 62, tags)])
    const forged = { ...eventOf(mallory, 62, tags), pubkey: alice.pubkey }
    expect(await refusalOf(forged)).toEqual([['OK', forged.id, false, 'invalid: wrong id or signature']])
    const ahead = eventOf(alice, 62, tags, NOW + 901)
    expect(await refusalOf(ahead)).toEqual([
      ['OK', ahead.id, false, 'invalid: created_at is more than 15 minutes in the future'],
    ])
  })
})

describe('kind 10051', () => {
  const list = eventOf(alice, 10051, [['relay', 'wss://relay.example.com']])

  it('is saved and forwarded; a deletion removes it', async () => {
    const test = startGateway()
    const { session, say } = test.connect()
    const message = ['EVENT', list] as const
    expect((await session.fromClient(message)).forward).toBe(message)
    expect(await test.store.getRelayLists([alice.pubkey], [10051])).toEqual([list])
    await say('EVENT', eventOf(alice, 5, [['e', list.id]]))
    expect(await test.store.getRelayLists([alice.pubkey], [10051])).toEqual([])
  })

  it.each([
    [[]],
    [[['relay']]],
    [[['relay', 'https://relay.example.com']]],
    [[['r', 'wss://relay.example.com']]],
  ])('needs at least one ws(s) relay tag: %j', async (tags) => {
    const event = eventOf(alice, 10051, tags)
    const why = 'invalid: a key package relay list must have a relay tag with a ws:// or wss:// URL'
    expect(await refusalOf(event)).toEqual([['OK', event.id, false, why]])
  })

  it('is refused if it is forged, and forwarded while the store fails (I7)', async () => {
    const forged = { ...list, pubkey: mallory.pubkey }
    expect(await refusalOf(forged)).toEqual([['OK', list.id, false, 'invalid: wrong id or signature']])
    await forwards(['EVENT', list], () => ({ putRelayList: down }))
  })
})

describe('kind 10002 (NIP-65)', () => {
  const list = eventOf(alice, 10002, [['r', 'wss://relay.example.com']])

  it('is noted and forwarded; a deletion by id or address removes it', async () => {
    for (const named of [
      ['e', list.id],
      ['a', `10002:${alice.pubkey}:`],
    ]) {
      const test = startGateway()
      const { session, say } = test.connect()
      const message = ['EVENT', list] as const
      expect((await session.fromClient(message)).forward).toBe(message)
      expect(await test.store.getRelayLists([alice.pubkey], [10002])).toEqual([list])
      await say('EVENT', eventOf(mallory, 5, [named]))
      expect(await test.store.getRelayLists([alice.pubkey], [10002])).toEqual([list])
      await say('EVENT', eventOf(alice, 5, [named]))
      expect(await test.store.getRelayLists([alice.pubkey], [10002])).toEqual([])
    }
  })

  it('is forwarded and not noted if it is too long, or does not count (`relayLists`)', async () => {
    const long = eventOf(alice, 10002, [['r', `wss://relay.example.com/${'x'.repeat(4096)}`]])
    for (const [event, options] of [
      [long, {}],
      [list, { relayLists: [10051] }],
    ] as const) {
      const test = startGateway(options)
      expect((await test.connect().say('EVENT', event)).forward).toEqual(['EVENT', event])
      expect(await test.store.getRelayLists([alice.pubkey], [10002])).toEqual([])
    }
  })

  it('is forwarded while the store fails (I7)', () =>
    forwards(['EVENT', list], () => ({ putRelayList: down })))
})

describe('kind 10050 (NIP-17)', () => {
  it('is checked and forwarded, and kept only by a standalone relay', async () => {
    const test = startGateway()
    const list = eventOf(alice, 10050, [['relay', 'wss://relay.example.com']])
    expect((await test.connect().say('EVENT', list)).forward).toEqual(['EVENT', list])
    expect(await test.store.getRelayLists([alice.pubkey], [10050])).toEqual([])
    const forged = { ...list, pubkey: mallory.pubkey }
    expect(await refusalOf(forged)).toEqual([['OK', list.id, false, 'invalid: wrong id or signature']])
  })
})

describe('events from the future', () => {
  const refused = 'invalid: created_at is more than 15 minutes in the future'

  it.each([
    [5, [['e', '0'.repeat(64)]]],
    [62, [['relay', 'ALL_RELAYS']]],
    [10002, [['r', 'wss://relay.example.com']]],
    [10050, [['relay', 'wss://relay.example.com']]],
    [10051, [['relay', 'wss://relay.example.com']]],
  ])('of kind %d are refused if they lie more than 15 minutes ahead', async (kind, tags) => {
    const late = eventOf(alice, kind, tags, NOW + 901)
    expect(await refusalOf(late)).toEqual([['OK', late.id, false, refused]])
    await forwards(['EVENT', eventOf(alice, kind, tags, NOW + 900)])
  })
})

describe('kinds that must not be published', () => {
  it.each([
    [444, 'invalid: a welcome must be gift-wrapped, never published'],
    [447, 'blocked: kind 447 is not published; REQ key packages instead'],
    [22242, 'invalid: authentication events must be sent with AUTH, not published'],
  ])('kind %d: %s', async (kind, why) => {
    const event = eventOf(alice, kind, [])
    expect(await refusalOf(event)).toEqual([['OK', event.id, false, why]])
  })
})

describe('protected events (NIP-70)', () => {
  it.each([
    ['a deletion', 5, [['e', 'a'.repeat(64)]]],
    ['a request to vanish', 62, [['relay', 'ALL_RELAYS']]],
    ['a relay list', 10051, [['relay', 'wss://relay.example.com']]],
  ])('%s with a "-" tag is for its author alone to send', async (_, kind, tags) => {
    const event = eventOf(alice, kind, [...tags, ['-']])
    const { replies, forward } = await startGateway().connect().say('EVENT', event)
    expect(forward).toBeUndefined()
    expect(replies).toContainEqual([
      'OK',
      event.id,
      false,
      'auth-required: this event may only be published by its author',
    ])
  })
})

describe('kind 10051', () => {
  it('is refused if it is too long', async () => {
    const event = eventOf(alice, 10051, [
      ['relay', 'wss://relay.example.com'],
      ['note', 'x'.repeat(4096)],
    ])
    expect(await refusalOf(event)).toEqual([
      ['OK', event.id, false, 'invalid: a relay list may have at most 4096 characters as JSON'],
    ])
  })
})
