/** DESIGN.md section 4: what owners see of their own packages, now and live, and nobody else does (I4). */

import { describe, expect, it } from '@jest/globals'
import {
  eventsIn,
  idsIn,
  keyPackagesBy,
  keyPackagesOf,
  startGateway,
  stock,
  wordsIn,
} from '../support/gateway.ts'
import { keyPackageEvent, makeKeyPackage } from '../support/key-packages.ts'
import { person } from '../support/people.ts'

const alice = person('alice')
const bob = person('bob')
const EOSE = ['EOSE', 'sub']

describe('live feed for others', () => {
  it('none: a package published later is never pushed (I4)', async () => {
    const test = startGateway()
    const client = test.connect()
    await client.ask('REQ', 'sub', keyPackagesBy(alice))
    await stock(test, alice, 1)
    expect(client.pushed.map(([verb]) => verb)).toEqual(['AUTH'])
  })
})

describe('owner asks for own packages', () => {
  it('all of them, newest first, as published, nothing consumed, no quota', async () => {
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

  it('`limit` as in NIP-01, for each filter; `#f` is heeded', async () => {
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

  it('and others in one REQ: own are listed, others claimed', async () => {
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

  it('a client that authenticated several pubkeys owns what each of them published', async () => {
    const test = startGateway()
    await stock(test, alice, 2)
    await stock(test, bob, 2)
    const owner = test.connect()
    await owner.authenticate(alice)
    await owner.authenticate(bob)
    expect(idsIn(await owner.ask('REQ', 'sub', keyPackagesBy(alice, bob)))).toHaveLength(4)
  })

  it('kinds 443 and 30443 together; a slot is handed out again and again', async () => {
    const test = startGateway({ profile: 'marmot' })
    const slot = keyPackageEvent(alice, await makeKeyPackage(alice), { kind: 30443, tags: { d: ['phone'] } })
    expect(await test.gateway.publish(slot)).toEqual({ accepted: true, message: '' })
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
