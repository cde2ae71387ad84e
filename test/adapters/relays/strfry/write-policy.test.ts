/** What strfry is told to do with each event, by its source and kind (strfry's docs/plugins.md). */

import { describe, expect, it } from '@jest/globals'
import type { Decision, Question } from '../../../../adapters/relays/strfry/protocol.ts'
import type { SignedEvent } from '../../../../plugin/nostr/messages.ts'
import { idsIn, keyPackagesBy, keyPackagesOf, stock } from '../../../support/gateway.ts'
import { keyPackageEvent, makeKeyPackage, NOW } from '../../../support/key-packages.ts'
import { person } from '../../../support/people.ts'
import { questionAbout } from '../../../support/strfry.ts'
import { eventOf, openPolicy } from '../../../support/strfry-policy.ts'

const alice = person('alice')
const bob = person('bob')
const [keyPackage, another] = (await keyPackagesOf(alice, 2)) as [SignedEvent, SignedEvent]
const note = eventOf(1)
const UNAVAILABLE = 'error: key packages are unavailable, try again'
const down = () => Promise.reject(new Error('gone'))

describe('a key package from a client', () => {
  it('is stored by the gateway alone: strfry answers OK true and does nothing else', async () => {
    const strfry = openPolicy()
    expect(await strfry.ask(keyPackage)).toEqual({ id: keyPackage.id, action: 'shadowReject' })
    expect(await strfry.test.store.count([alice.pubkey], NOW)).toEqual([1])
  })

  it('is stored by both with custody relay', async () => {
    const strfry = openPolicy({ custody: 'relay' })
    expect(await strfry.ask(keyPackage)).toEqual({ id: keyPackage.id, action: 'accept' })
    expect(await strfry.test.store.count([alice.pubkey], NOW)).toEqual([1])
  })

  it('is answered OK true and not stored again where it is known (I3)', async () => {
    const strfry = openPolicy()
    await strfry.ask(keyPackage)
    const answer = { id: keyPackage.id, action: 'shadowReject' }
    const inStock = { ...answer, msg: 'duplicate: already received; it is not taken in again' }
    expect(await strfry.ask(keyPackage)).toEqual(inStock)
    await strfry.ask(another)
    const client = strfry.test.connect()
    expect(idsIn(await client.ask('REQ', 'sub', keyPackagesBy(alice)))).toEqual([keyPackage.id])
    const used = { ...answer, msg: 'duplicate: already received; it is not taken in again' }
    expect(await strfry.ask(keyPackage)).toEqual(used)
  })

  it('is rejected with the reason where a check fails', async () => {
    const strfry = openPolicy()
    const event = keyPackageEvent(alice, await makeKeyPackage(bob))
    const answer = await strfry.ask(event)
    expect(answer).toEqual({ id: event.id, action: 'reject', msg: expect.stringMatching(/^invalid: /) })
  })

  it('with a - tag is accepted only from its author, whom strfry names', async () => {
    const strfry = openPolicy()
    const event = keyPackageEvent(alice, await makeKeyPackage(alice), { tags: { '-': [] } })
    const refused = { action: 'reject', msg: 'auth-required: this event may only be published by its author' }
    expect(await strfry.ask(event)).toMatchObject(refused)
    expect(await strfry.ask(event, { authed: bob.pubkey })).toMatchObject(refused)
    expect(await strfry.ask(event, { authed: alice.pubkey })).toMatchObject({ action: 'shadowReject' })
  })

  it("counts towards the quota of the client's address, or of the author where strfry knows none", async () => {
    const strfry = openPolicy({ quota: { publishPerAddress: { max: 1 } } })
    expect(await strfry.ask(keyPackage)).toMatchObject({ action: 'shadowReject' })
    const limited = {
      action: 'reject',
      msg: 'rate-limited: 1 key packages per 3600 s from one address; try again in 3600 s',
    }
    expect(await strfry.ask(another)).toMatchObject(limited)
    expect(await strfry.ask(another, { authed: alice.pubkey })).toMatchObject({ action: 'shadowReject' })
    // A reverse proxy without `realIpHeader`, and another relay.
    for (const from of [
      { sourceInfo: '127.0.0.1' },
      { sourceInfo: '::1' },
      { sourceInfo: '::ffff:127.0.0.1' },
      { sourceType: 'Stream' },
    ] as const) {
      expect(await strfry.ask(another, from)).toMatchObject({ action: 'shadowReject' })
    }
  })

  it('from a private address, which may be that of a reverse proxy, is said once in the log', async () => {
    const strfry = openPolicy()
    const addresses = ['172.17.0.1', '172.17.0.1', '10.0.0.1']
    await strfry.tell(...addresses.map((sourceInfo) => questionAbout(note, { sourceInfo })))
    expect(strfry.log.lines).toEqual([
      expect.objectContaining({ level: 'warn', message: expect.stringContaining('realIpHeader') }),
    ])
  })

  it('is rejected while the store is unavailable (I7)', async () => {
    const strfry = openPolicy({}, { store: () => ({ put: down }) })
    expect(await strfry.ask(keyPackage)).toEqual({ id: keyPackage.id, action: 'reject', msg: UNAVAILABLE })
    expect(await strfry.ask(note)).toEqual({ id: note.id, action: 'accept' })
  })
})

describe('id and signature', () => {
  const forged = { ...keyPackage, sig: '0'.repeat(128) }

  it.each(['IP4', 'IP6'] as const)(
    'of an event from a client (%s) have been checked by strfry',
    async (sourceType) => {
      expect(await openPolicy().ask(forged, { sourceType })).toMatchObject({ action: 'shadowReject' })
    },
  )

  it.each(['Import', 'Stream', 'Sync'] as const)(
    'of an event from another source (%s) are checked here, because strfry checks them only afterwards',
    async (sourceType) => {
      const strfry = openPolicy()
      const refused = { action: 'reject', msg: expect.stringMatching(/^invalid: .*signature/) }
      expect(await strfry.ask(forged, { sourceType })).toMatchObject(refused)
      expect(await strfry.ask(keyPackage, { sourceType })).toMatchObject({ action: 'shadowReject' })
      const deletion = { ...eventOf(5, [['e', keyPackage.id]]), sig: '0'.repeat(128) }
      expect(await strfry.ask(deletion, { sourceType })).toMatchObject(refused)
      expect(await strfry.test.store.count([alice.pubkey], NOW)).toEqual([1])
    },
  )
})

describe('a stored event that strfry would send to another relay', () => {
  // Its sources write `?` where its documentation says `Stored`.
  it.each(['Stored', '?'] as const)(
    '(%s) may be sent, unless it is a key package (I4)',
    async (sourceType) => {
      const strfry = openPolicy()
      await stock(strfry.test, alice, 1)
      const notSynced = { action: 'reject', msg: 'blocked: key packages are not sent to other relays' }
      expect(await strfry.ask(keyPackage, { sourceType })).toMatchObject(notSynced)
      const vanish = eventOf(62, [['relay', 'ALL_RELAYS']])
      expect(await strfry.ask(vanish, { sourceType })).toEqual({ id: vanish.id, action: 'accept' })
      expect(await strfry.test.store.count([alice.pubkey], NOW)).toEqual([1])
    },
  )
})

describe('other kinds', () => {
  it('are accepted without opening the gateway', async () => {
    const strfry = openPolicy({}, { openGateway: down })
    for (const kind of [0, 1, 7, 1059, 30023]) {
      const event = eventOf(kind)
      expect(await strfry.ask(event)).toEqual({ id: event.id, action: 'accept' })
    }
  })

  it('5 and 62 act on the stock, and strfry stores them', async () => {
    const strfry = openPolicy()
    const [first] = await stock(strfry.test, alice, 3)
    expect(await strfry.ask(eventOf(5, [['e', String(first?.id)]]))).toMatchObject({ action: 'accept' })
    expect(await strfry.test.store.count([alice.pubkey], NOW)).toEqual([2])
    expect(await strfry.ask(eventOf(62, [['relay', 'ALL_RELAYS']]))).toMatchObject({ action: 'accept' })
    expect(await strfry.test.store.count([alice.pubkey], NOW)).toEqual([0])
  })

  it('10051 is stored if it names a relay', async () => {
    const strfry = openPolicy()
    const relayList = eventOf(10051, [['relay', 'wss://relay.example.com']])
    expect(await strfry.ask(relayList)).toMatchObject({ action: 'accept' })
    expect(await strfry.test.store.getRelayLists([alice.pubkey], [10051])).toEqual([relayList])
    expect(await strfry.ask(eventOf(10051))).toMatchObject({ action: 'reject' })
  })

  it('3, and 30000 for key packages, say whom an author with packages follows, and strfry stores them', async () => {
    const strfry = openPolicy()
    await stock(strfry.test, alice, 1)
    const [carol, dave] = [person('carol').pubkey, person('dave').pubkey]
    const follows = eventOf(3, [['p', bob.pubkey]])
    const set = (name: string, pubkey: string) =>
      eventOf(30000, [
        ['d', name],
        ['p', pubkey],
      ])
    for (const event of [follows, set('keypackages', carol), set('friends', dave)])
      expect(await strfry.ask(event)).toEqual({ id: event.id, action: 'accept' })
    const followed = [bob.pubkey, carol, dave].map((pubkey) =>
      strfry.test.store.follows(alice.pubkey, [pubkey]),
    )
    expect(await Promise.all(followed)).toEqual(['followed', 'followed', 'not followed'])
  })

  it('3 from another relay is checked: strfry checks the signature only afterwards', async () => {
    const strfry = openPolicy()
    await stock(strfry.test, alice, 1)
    const forged = { ...eventOf(3, [['p', bob.pubkey]]), sig: '0'.repeat(128) }
    expect(await strfry.ask(forged, { sourceType: 'Stream' })).toMatchObject({ action: 'reject' })
    expect(await strfry.test.store.follows(alice.pubkey, [bob.pubkey])).toBe('unknown')
    const list = eventOf(3, [['p', bob.pubkey]])
    expect(await strfry.ask(list, { sourceType: 'Stream' })).toMatchObject({ action: 'accept' })
    expect(await strfry.test.store.follows(alice.pubkey, [bob.pubkey])).toBe('followed')
  })

  it.each([
    [444, 'invalid: a welcome must be gift-wrapped, never published'],
    [447, 'blocked: kind 447 is not published; REQ key packages instead'],
  ])('%i is rejected', async (kind, msg) => {
    expect(await openPolicy().ask(eventOf(kind))).toMatchObject({ action: 'reject', msg })
  })

  it('are accepted while the store is unavailable (I7)', async () => {
    const strfry = openPolicy(
      {},
      { store: () => ({ drop: down, getRelayLists: down, putRelayList: down, putFollowList: down }) },
    )
    const relayList = eventOf(10051, [['relay', 'wss://relay.example.com']])
    for (const event of [note, relayList, eventOf(3), eventOf(5, [['e', note.id]])]) {
      expect(await strfry.ask(event)).toEqual({ id: event.id, action: 'accept' })
    }
  })
})

describe("the operator's own policy", () => {
  it.each(['reject', 'shadowReject'] as const)(
    'is asked first: what it would %s goes no further',
    async (action) => {
      const decision = { action, message: 'blocked: by the operator' }
      const strfry = openPolicy({}, { operator: { decide: async () => decision } })
      await stock(strfry.test, bob, 1)
      for (const event of [keyPackage, note, eventOf(5, [['e', keyPackage.id]]), eventOf(444)]) {
        expect(await strfry.ask(event)).toEqual({ id: event.id, action, msg: decision.message })
      }
      expect(await strfry.test.store.stats()).toEqual({ authors: 1, packages: 1 })
    },
  )

  it('is asked about every event, with the line as strfry wrote it', async () => {
    const asked: Question[] = []
    const accept: Decision = { action: 'accept', message: '' }
    const decide = async (question: Question) => {
      asked.push(question)
      return accept
    }
    const strfry = openPolicy({}, { operator: { decide } })
    expect(await strfry.ask(keyPackage)).toMatchObject({ action: 'shadowReject' })
    expect(await strfry.ask(note, { sourceType: 'Sync' })).toMatchObject({ action: 'accept' })
    const lines = [questionAbout(keyPackage), questionAbout(note, { sourceType: 'Sync' })]
    expect(asked.map(({ line }) => `${line}\n`)).toEqual(lines)
  })
})
