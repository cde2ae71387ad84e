/** The NOTICEs of a REQ: owners learn which packages are exposed, others which authors have packages elsewhere. */

import { describe, expect, it } from '@jest/globals'
import {
  idsIn,
  keyPackagesBy,
  startGateway,
  stock,
  type TestGateway,
  wordsIn,
} from '../../support/gateway.ts'
import { NOW, signEvent } from '../../support/key-packages.ts'
import { type Person, person } from '../../support/people.ts'

const alice = person('alice')
const bob = person('bob')
const EOSE = ['EOSE', 'sub']

async function claimFrom(test: TestGateway, author: Person, times: number): Promise<void> {
  for (let time = 0; time < times; time += 1) await test.connect().ask('REQ', 'claim', keyPackagesBy(author))
}

async function publishRelayList(test: TestGateway, author: Person, ...relays: string[]): Promise<void> {
  const tags = relays.map((url) => ['relay', url])
  await publish(test, author, 10051, tags)
}

async function publish(test: TestGateway, author: Person, kind: number, tags: string[][]): Promise<void> {
  const list = signEvent(author.secretKey, { kind, created_at: NOW, tags, content: '' })
  expect((await test.connect().say('EVENT', list)).replies).toEqual([])
}

describe('an owner who asks for their own packages', () => {
  it('is told once, before EOSE, which are exposed, to how many requests and since when', async () => {
    const test = startGateway()
    const [, last] = await stock(test, alice, 2)
    await claimFrom(test, alice, 1)
    test.now += 60
    await claimFrom(test, alice, 3)
    const owner = test.connect()
    await owner.authenticate(alice)
    const replies = await owner.ask('REQ', 'sub', keyPackagesBy(alice), { ...keyPackagesBy(alice), limit: 1 })
    expect(idsIn(replies)).toEqual([last?.id])
    expect(wordsIn(replies)).toEqual([
      [
        'NOTICE',
        `exposed: handed out as the shared key package: ${last?.id} to 3 requests since ${NOW + 60}`,
      ],
      EOSE,
    ])
  })

  it('gets the event as it was signed, without the exposure in it (I8)', async () => {
    const test = startGateway()
    const [last] = await stock(test, alice, 1)
    await claimFrom(test, alice, 1)
    const owner = test.connect()
    await owner.authenticate(alice)
    const [reply] = await owner.ask('REQ', 'sub', keyPackagesBy(alice))
    expect(reply).toEqual(['EVENT', 'sub', last])
  })

  it('is told nothing of fresh packages, nor of those the filters leave out', async () => {
    const test = startGateway()
    await stock(test, alice, 1)
    await claimFrom(test, alice, 1)
    const [first] = await stock(test, alice, 2)
    const owner = test.connect()
    await owner.authenticate(alice)
    for (const filter of [{ ids: [first?.id] }, { limit: 0 }]) {
      const replies = await owner.ask('REQ', 'sub', { ...keyPackagesBy(alice), ...filter })
      expect(wordsIn(replies)).toEqual([EOSE])
    }
  })

  it('is the only one who is told (I4)', async () => {
    const test = startGateway()
    await stock(test, alice, 1)
    await claimFrom(test, alice, 2)
    expect(wordsIn(await test.connect().ask('REQ', 'sub', keyPackagesBy(alice)))).toEqual([EOSE])
  })
})

describe('an author who has no packages here, but a relay list', () => {
  const elsewhere =
    'missing: no matching key packages here, but relay lists (kinds 10051, 10002) that name other relays: '

  it('is named, with the number of other relays in the list, but not their URLs', async () => {
    const test = startGateway({ publicUrl: 'wss://relay.example.com' })
    await publishRelayList(
      test,
      alice,
      'wss://relay.example.com/',
      'wss://one.example',
      'wss://two.example',
      'wss://two.example/',
    )
    await publishRelayList(test, bob, 'wss://three.example')
    const replies = await test.connect().ask('REQ', 'sub', keyPackagesBy(alice, bob))
    expect(replies).toEqual([['NOTICE', `${elsewhere}${alice.pubkey} (2), ${bob.pubkey} (1)`], EOSE])
  })

  it('is not named if the list has only this relay, or if packages were delivered', async () => {
    const test = startGateway({ publicUrl: 'wss://relay.example.com' })
    await publishRelayList(test, alice, 'wss://relay.example.com')
    await publishRelayList(test, bob, 'wss://one.example')
    await stock(test, bob, 1)
    const client = test.connect()
    expect(wordsIn(await client.ask('REQ', 'sub', keyPackagesBy(alice, bob)))).toEqual([EOSE])
  })

  it('is named alike with packages that do not match, and without any (I4)', async () => {
    const test = startGateway({ publicUrl: 'wss://relay.example.com' })
    await publishRelayList(test, alice, 'wss://one.example')
    await publishRelayList(test, bob, 'wss://one.example')
    await stock(test, bob, 1)
    for (const author of [alice, bob]) {
      const replies = await test.connect().ask('REQ', 'sub', { ...keyPackagesBy(author), until: 1 })
      expect(replies).toEqual([['NOTICE', `${elsewhere}${author.pubkey} (1)`], EOSE])
    }
  })

  it('is named for the relays they write to as well (kind 10002), each relay once', async () => {
    const test = startGateway({ publicUrl: 'wss://relay.example.com' })
    await publishRelayList(test, alice, 'wss://one.example')
    await publish(test, alice, 10002, [
      ['r', 'wss://one.example/'],
      ['r', 'wss://two.example', 'write'],
      ['r', 'wss://three.example', ''],
      ['r', 'wss://inbox.example', 'read'],
      ['r', 'https://relay.example'],
      ['r'],
    ])
    await publish(test, bob, 10002, [
      ['r', 'wss://relay.example.com'],
      ['r', 'wss://inbox.example', 'read'],
    ])
    const replies = await test.connect().ask('REQ', 'sub', keyPackagesBy(alice, bob))
    expect(replies).toEqual([['NOTICE', `${elsewhere}${alice.pubkey} (3)`], EOSE])
  })

  it('is not named for a list of a kind that does not count (`relayLists`)', async () => {
    const test = startGateway({ relayLists: [10051] })
    await publish(test, alice, 10002, [['r', 'wss://one.example']])
    await publish(test, alice, 10050, [['relay', 'wss://one.example']])
    await publishRelayList(test, bob, 'wss://one.example')
    const only =
      'missing: no matching key packages here, but relay lists (kind 10051) that name other relays: '
    const replies = await test.connect().ask('REQ', 'sub', keyPackagesBy(alice, bob))
    expect(replies).toEqual([['NOTICE', `${only}${bob.pubkey} (1)`], EOSE])
  })

  it('is judged by the address the client came to, where there is no publicUrl', async () => {
    const test = startGateway()
    await publishRelayList(test, alice, 'wss://relay.example.com')
    const here = await test.connect({ host: 'relay.example.com:443' }).ask('REQ', 'sub', keyPackagesBy(alice))
    expect(here).toEqual([EOSE])
    const other = await test.connect({ host: 'another.example' }).ask('REQ', 'sub', keyPackagesBy(alice))
    expect(other).toEqual([['NOTICE', `${elsewhere}${alice.pubkey} (1)`], EOSE])
    const nowhere = await test.connect({ host: undefined }).ask('REQ', 'sub', keyPackagesBy(alice))
    expect(nowhere).toEqual([EOSE])
  })

  it('is one of at most twenty that are named; the others are counted', async () => {
    const test = startGateway()
    const people = Array.from({ length: 22 }, (_, index) => person(`person ${index}`))
    for (const each of people) await publishRelayList(test, each, 'wss://one.example')
    const [[verb, text] = []] = await test.connect().ask('REQ', 'sub', keyPackagesBy(...people))
    expect(verb).toBe('NOTICE')
    expect(String(text).match(/[0-9a-f]{64} \(1\)/g)).toHaveLength(20)
    expect(text).toMatch(/, 2 more$/)
  })

  it('may have a list of any length: only its first twenty relays are counted (I9)', async () => {
    const test = startGateway()
    const relays = Array.from({ length: 30 }, (_, index) => `wss://relay-${index}.example`)
    await publishRelayList(test, alice, ...relays)
    const replies = await test.connect().ask('REQ', 'sub', keyPackagesBy(alice))
    expect(replies).toEqual([['NOTICE', `${elsewhere}${alice.pubkey} (20)`], EOSE])
  })

  it('is not named while the store cannot look it up; the others are still served (I7)', async () => {
    const test = startGateway({}, () => ({ getRelayLists: () => Promise.reject(new Error('gone')) }))
    const [event] = await stock(test, bob, 1)
    const replies = await test.connect().ask('REQ', 'sub', keyPackagesBy(alice, bob))
    expect(idsIn(replies)).toEqual([event?.id])
    expect(wordsIn(replies)).toEqual([EOSE])
  })
})
