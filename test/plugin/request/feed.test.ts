/** What only owners see of their packages, stored and live (I4). */

import { describe, expect, it } from '@jest/globals'
import { memoryStore } from '../../../adapters/storage/memory.ts'
import type { SignedEvent } from '../../../plugin/nostr/messages.ts'
import { Watchers } from '../../../plugin/request/watchers.ts'
import { hex, LIMITS, packageNamed } from '../../contract/index.ts'
import { gate } from '../../support/gate.ts'
import {
  eventsIn,
  idsIn,
  keyPackagesBy,
  keyPackagesOf,
  startGateway,
  stock,
  wordsIn,
} from '../../support/gateway.ts'
import { keyPackageEvent, makeKeyPackage, NOW } from '../../support/key-packages.ts'
import { person } from '../../support/people.ts'

const alice = person('alice')
const bob = person('bob')
const EOSE = ['EOSE', 'sub']

describe('a one-time package that is published later', () => {
  it('is never pushed to others (I4)', async () => {
    const test = startGateway()
    const client = test.connect()
    await client.ask('REQ', 'sub', keyPackagesBy(alice))
    await stock(test, alice, 1)
    expect(client.pushed.map(([verb]) => verb)).toEqual(['AUTH'])
  })
})

describe('an owner who asks for their own packages', () => {
  it('gets all of them, newest first, as published, and uses no package and no quota', async () => {
    const test = startGateway({ quota: { perAuthor: { max: 1 } } })
    const published = await stock(test, alice, 4)
    const owner = test.connect()
    await owner.authenticate(alice)
    for (let time = 0; time < 3; time += 1) {
      const replies = await owner.ask('REQ', 'sub', keyPackagesBy(alice))
      expect(eventsIn(replies)).toEqual([...published].reverse())
      expect(wordsIn(replies)).toEqual([EOSE])
    }
    expect(await test.store.count([alice.pubkey], test.now)).toEqual([4])
  })

  it('gets as many as `limit` says for each filter (NIP-01), in the encoding that `#f` asks for', async () => {
    const test = startGateway()
    const [oldest, , , newest] = await stock(test, alice, 4)
    const owner = test.connect()
    await owner.authenticate(alice)
    const replies = await owner.ask(
      'REQ',
      'sub',
      { ...keyPackagesBy(alice), limit: 1, '#f': ['hex'] },
      { ...keyPackagesBy(alice), ids: [oldest?.id] },
    )
    expect(idsIn(replies)).toEqual([newest?.id, oldest?.id])
    expect(eventsIn(replies).every(({ content }) => /^[0-9a-f]+$/.test(content))).toBe(true)
    expect(await owner.ask('REQ', 'none', { ...keyPackagesBy(alice), limit: 0 })).toEqual([['EOSE', 'none']])
  })

  it('may ask for those of others in the same REQ, which are claimed', async () => {
    const test = startGateway()
    const own = await stock(test, alice, 3)
    await stock(test, bob, 3)
    const owner = test.connect()
    await owner.authenticate(alice)
    const replies = await owner.ask('REQ', 'sub', keyPackagesBy(bob, alice))
    expect(eventsIn(replies).filter(({ pubkey }) => pubkey === alice.pubkey)).toHaveLength(own.length)
    expect(eventsIn(replies).filter(({ pubkey }) => pubkey === bob.pubkey)).toHaveLength(1)
    expect(await test.store.count([alice.pubkey, bob.pubkey], test.now)).toEqual([3, 2])
  })

  it('owns what each of several authenticated pubkeys published', async () => {
    const test = startGateway()
    await stock(test, alice, 2)
    await stock(test, bob, 2)
    const owner = test.connect()
    await owner.authenticate(alice)
    await owner.authenticate(bob)
    expect(idsIn(await owner.ask('REQ', 'sub', keyPackagesBy(alice, bob)))).toHaveLength(4)
  })

  it('may ask for kinds 443 and 30443 together; a slot is handed out again and again', async () => {
    const test = startGateway()
    const slot = keyPackageEvent(alice, await makeKeyPackage(alice), { kind: 30443, tags: { d: ['phone'] } })
    expect(await test.gateway.publish(slot)).toEqual({ outcome: 'stored', accepted: true, message: '' })
    const [single] = await keyPackagesOf(alice, 1)
    const filter = { ...keyPackagesBy(alice), kinds: [30443] }
    for (let requester = 0; requester < 3; requester += 1) {
      expect(eventsIn(await test.connect().ask('REQ', 'sub', filter))).toEqual([slot])
    }
    if (single) await test.gateway.publish(single)
    expect(idsIn(await test.connect().ask('REQ', 'sub', keyPackagesBy(alice)))).toEqual([single?.id])
    expect(idsIn(await test.connect().ask('REQ', 'sub', { ...filter, '#d': ['laptop'] }))).toEqual([])
  })
})

describe('the live feed of an owner', () => {
  it('begins after EOSE: what the owner publishes from elsewhere is shown as published', async () => {
    const test = startGateway()
    const owner = test.connect()
    await owner.authenticate(alice)
    await owner.ask('REQ', 'sub', keyPackagesBy(alice))
    await owner.ask('REQ', 'hex', { ...keyPackagesBy(alice), '#f': ['hex'] })
    const [event] = await stock(test, alice, 1)
    const shown = owner.pushed.filter(([verb]) => verb === 'EVENT')
    expect(shown).toContainEqual(['EVENT', 'sub', event])
    expect(shown).toContainEqual(['EVENT', 'hex', expect.objectContaining({ id: event?.id })])
    expect(shown).toHaveLength(2)
  })

  it('shows what the filters ask for, and only what is new', async () => {
    const test = startGateway()
    const owner = test.connect()
    await owner.authenticate(alice)
    await owner.ask('REQ', 'sub', { ...keyPackagesBy(alice), since: NOW - 1 })
    const [, newest] = await stock(test, alice, 2)
    await test.gateway.publish(newest as SignedEvent)
    await stock(test, bob, 1)
    expect(idsIn(owner.pushed)).toEqual([newest?.id])
  })

  it.each(['CLOSE', 'close', 'replaced'])('ends with it: %s', async (how) => {
    const test = startGateway()
    const owner = test.connect()
    await owner.authenticate(alice)
    await owner.ask('REQ', 'sub', keyPackagesBy(alice))
    if (how === 'CLOSE') await owner.ask('CLOSE', 'sub')
    if (how === 'close') owner.session.close()
    if (how === 'replaced') await owner.ask('REQ', 'sub', { kinds: [1] })
    await stock(test, alice, 1)
    expect(idsIn(owner.pushed)).toEqual([])
  })

  it('does not end with another message that names it', async () => {
    const test = startGateway()
    const owner = test.connect()
    await owner.authenticate(alice)
    await owner.ask('REQ', 'sub', keyPackagesBy(alice))
    await owner.ask('COUNT', 'sub', keyPackagesBy(alice))
    const [event] = await stock(test, alice, 1)
    expect(idsIn(owner.pushed)).toEqual([event?.id])
  })

  it('stands beside the relay, where that has a part; its CLOSED ends both', async () => {
    const test = startGateway()
    const owner = test.connect()
    await owner.authenticate(alice)
    await owner.ask('REQ', 'sub', { ...keyPackagesBy(alice), kinds: [443, 1] })
    const [first] = await stock(test, alice, 1)
    expect(idsIn(owner.pushed)).toEqual([first?.id])
    owner.session.fromRelay(['CLOSED', 'sub', 'error: gone'])
    await stock(test, alice, 1)
    expect(idsIn(owner.pushed)).toEqual([first?.id])
  })

  it('loses nothing that is published around the list, and shows it once, before or after EOSE', async () => {
    const [asking, listing, listed, answering] = [gate(), gate(), gate(), gate()]
    const test = startGateway({}, (store) => ({
      async list(...list) {
        asking.open()
        await listing.opened
        const packages = await store.list(...list)
        listed.open()
        await answering.opened
        return packages
      },
    }))
    const [before, between] = (await keyPackagesOf(alice, 2)) as [SignedEvent, SignedEvent]
    const owner = test.connect()
    await owner.authenticate(alice)
    const asked = owner.ask('REQ', 'sub', keyPackagesBy(alice))
    await asking.opened
    await test.gateway.publish(before)
    listing.open()
    await listed.opened
    await test.gateway.publish(between)
    answering.open()
    expect(await asked).toEqual([['EVENT', 'sub', before], EOSE, ['EVENT', 'sub', between]])
    expect(idsIn(owner.pushed)).toEqual([])
  })

  it('a socket that throws fails neither the publication nor the other feeds (I9)', async () => {
    const test = startGateway()
    const broken = test.connect({
      authenticated: () => [alice.pubkey],
      send: () => {
        throw new Error('the socket is gone')
      },
    })
    const owner = test.connect({ authenticated: () => [alice.pubkey] })
    for (const { ask } of [broken, owner]) await ask('REQ', 'sub', keyPackagesBy(alice))
    const [event] = await stock(test, alice, 1)
    expect(idsIn(owner.pushed)).toEqual([event?.id])
  })

  it('is not begun where the answer failed, say because the store kept something that is no event', async () => {
    const test = startGateway({}, (store) => ({
      list: async (...list) =>
        (await store.list(...list)).map((pkg) => ({
          ...pkg,
          read: async () => ({ event: '{', contentForm: 'base64' as const }),
        })),
    }))
    await stock(test, alice, 1)
    const owner = test.connect()
    await owner.authenticate(alice)
    expect(await owner.ask('REQ', 'sub', keyPackagesBy(alice))).toEqual([
      ['CLOSED', 'sub', 'error: key packages are unavailable, try again'],
    ])
    await stock(test, alice, 1)
    expect(idsIn(owner.pushed)).toEqual([])
  })

  it('ends once, however often it is ended', async () => {
    const watchers = new Watchers()
    const store = memoryStore()
    const pkg = packageNamed('one', alice.pubkey)
    await store.put(pkg, LIMITS, NOW)
    const ended = () => undefined
    watchers.add(alice.pubkey, ended)
    watchers.remove(alice.pubkey, ended)
    watchers.remove(alice.pubkey, ended)
    const seen: string[] = []
    watchers.add(alice.pubkey, ({ id }) => seen.push(id))
    watchers.remove(alice.pubkey, ended)
    await watchers.tell({ store, access: { pushes: async () => true } }, alice.pubkey, pkg.id, NOW)
    expect(seen).toEqual([pkg.id])
  })
})

describe('the authors whose rotations are pushed', () => {
  it('are at most 20,000 for all clients of one address; other addresses have room of their own (I9)', async () => {
    const test = startGateway({
      claim: { maxAuthors: 5000 },
      quota: { slotsPerAddress: { max: 100_000 }, slotsPerRequester: { max: 100_000 } },
    })
    const others = (connection: number) =>
      Array.from({ length: 4999 }, (_, index) => hex(`author ${connection} ${index}`))
    const clients = await Promise.all(
      [0, 1, 2, 3, 4].map(async (connection) => {
        const client = test.connect({
          address: '192.0.2.200',
          authenticated: () => [hex(`client ${connection}`)],
        })
        const authors = [alice.pubkey, ...others(connection)]
        await client.ask('REQ', 'sub', { kinds: [30443], authors: authors.toReversed() })
        return client
      }),
    )
    const another = test.connect()
    await another.ask('REQ', 'sub', { kinds: [30443], authors: [alice.pubkey] })
    const rotate = async (createdAt: number) => {
      const made = await makeKeyPackage(alice)
      const event = keyPackageEvent(alice, made, { kind: 30443, createdAt, tags: { d: ['phone'] } })
      expect(await test.gateway.publish(event)).toMatchObject({ accepted: true })
      return event.id
    }
    const first = await rotate(NOW - 10)
    expect(clients.map(({ pushed }) => idsIn(pushed))).toEqual([[first], [first], [first], [first], []])
    expect(idsIn(another.pushed)).toEqual([first])

    await clients[0]?.session.fromClient(['CLOSE', 'sub'])
    await clients[4]?.ask('REQ', 'sub', { kinds: [30443], authors: [alice.pubkey] })
    const second = await rotate(NOW - 5)
    expect(idsIn(clients[4]?.pushed ?? [])).toEqual([second])
    expect(idsIn(clients[0]?.pushed ?? [])).toEqual([first])
  })

  it('are at most 500,000 for all addresses, of whom each has 500', () => {
    const watchers = new Watchers()
    const entered = (address: string, count: number) =>
      Array.from({ length: count }, () => watchers.enter(address)).filter(Boolean).length
    for (let address = 0; address < 25; address++) expect(entered(`${address}`, 20_001)).toBe(20_000)
    expect(entered('another', 501)).toBe(500)
    for (let count = 0; count < 501; count++) watchers.leave('0')
    expect(entered('another', 2)).toBe(1)
  })
})
