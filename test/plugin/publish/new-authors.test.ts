/** Authors never heard of: counted by address, and in all, and at no cost to authors who are known. */

import { describe, expect, it } from '@jest/globals'
import type { SignedEvent } from '../../../plugin/nostr/messages.ts'
import type { KeyPackageStore } from '../../../plugin/store.ts'
import { everyStore } from '../../support/every-store.ts'
import {
  allOf,
  keyPackagesOf,
  startGateway,
  type TestClient,
  type TestGateway,
} from '../../support/gateway.ts'
import { NOW, signEvent } from '../../support/key-packages.ts'
import { type Person, person } from '../../support/people.ts'

const [alice, bob, carol] = [person('alice'), person('bob'), person('carol')]
const ONE = { quota: { newAuthorsPerAddress: { max: 1 } } }
const LIMITED = 'rate-limited: 1 new authors per 3600 s from one address; try again in 3600 s'
const FULL = 'blocked: this relay takes no more authors'

function eventOf({ secretKey }: Person, kind: number, tags: string[][]): SignedEvent {
  return signEvent(secretKey, { kind, created_at: NOW, tags, content: '' })
}

const relayList = (author: Person) => eventOf(author, 10051, [['relay', 'wss://relay.example']])
const deletion = (author: Person) =>
  eventOf(author, 5, [
    ['e', '0'.repeat(64)],
    ['k', '443'],
  ])
const keyPackage = async (author: Person) => (await keyPackagesOf(author, 1))[0] as SignedEvent

/** What the OK says; `forwarded` if the relay answers. */
async function said(client: TestClient, event: SignedEvent): Promise<unknown> {
  const { replies, forward } = await client.say('EVENT', event)
  return forward === undefined ? replies.at(-1)?.[3] : 'forwarded'
}

/** A client whose relay lists are kept in the gateway's store, as standalone. */
function standalone(test: TestGateway, address: string) {
  const session = test.gateway.session({ address, relayLists: 'kept', send: () => {} })
  return async (event: SignedEvent) => {
    const { replies, forward } = await session.fromClient(['EVENT', event])
    return forward === undefined ? (await allOf(replies)).at(-1)?.[3] : 'forwarded'
  }
}

describe('the first event of an author never heard of', () => {
  it.each([
    ['key package', keyPackage],
    ['relay list', async (author: Person) => relayList(author)],
    ['deletion', async (author: Person) => deletion(author)],
  ])('counts by address: a %s', async (_what, eventBy) => {
    const test = startGateway(ONE)
    const say = standalone(test, '192.0.2.1')
    expect(['', 'forwarded']).toContain(await say(await eventBy(alice)))
    for (const other of [keyPackage, relayList, deletion]) expect(await say(await other(bob))).toBe(LIMITED)
    for (const other of [keyPackage, relayList, deletion])
      expect(await say(await other(alice))).not.toMatch(/rate-limited/)
    const elsewhere = standalone(test, '192.0.2.2')
    expect(await elsewhere(await keyPackage(bob))).toBe('')
    test.now += 3600
    expect(await say(relayList(carol))).toBe('forwarded')
  })

  it('counts once, whatever they publish next', async () => {
    const test = startGateway({ quota: { newAuthorsPerAddress: { max: 2 } } })
    const say = standalone(test, '192.0.2.1')
    for (const event of [relayList(alice), await keyPackage(alice), deletion(alice)]) await say(event)
    expect(await say(await keyPackage(bob))).toBe('')
    expect(await say(relayList(bob))).toBe('forwarded')
    expect(await say(relayList(carol))).toMatch(/^rate-limited: 2 new authors/)
  })

  it('does not count if it is not stored', async () => {
    const test = startGateway({ ...ONE, quota: { ...ONE.quota, publish: { max: 1 } } })
    const event = await keyPackage(alice)
    const say = standalone(test, '192.0.2.1')
    expect(await say({ ...event, sig: '00'.repeat(64) })).toMatch(/^invalid: /)
    expect(await say(await keyPackage(bob))).toBe('')
  })

  it('does not count where no address is known', async () => {
    const test = startGateway(ONE)
    for (const author of [alice, bob, carol])
      expect(await test.gateway.accept(await keyPackage(author))).toMatchObject({ outcome: 'stored' })
  })

  it('counts also for an author who has authenticated: keys cost nothing', async () => {
    const test = startGateway(ONE)
    const messages = []
    for (const author of [alice, bob]) {
      const client = test.connect({ address: '192.0.2.1' })
      await client.authenticate(author)
      messages.push(await said(client, await keyPackage(author)))
    }
    expect(messages).toEqual(['', LIMITED])
  })

  it('is the relay s to judge where the relay keeps its own relay lists, and is then not noted', async () => {
    const test = startGateway(ONE)
    const client = test.connect({ address: '192.0.2.1' })
    for (const author of [alice, bob]) expect(await said(client, relayList(author))).toBe('forwarded')
    const noted = await test.store.getRelayLists([alice.pubkey, bob.pubkey], [10051])
    expect(noted.map(({ pubkey }) => pubkey)).toEqual([alice.pubkey])
  })

  it('fails closed with the store (I7)', async () => {
    const test = startGateway(ONE, () => ({ hit: () => Promise.reject(new Error('down')) }))
    const client = test.connect()
    await client.authenticate(alice)
    expect(await said(client, await keyPackage(alice))).toBe('error: key packages are unavailable, try again')
    expect(await said(client, relayList(alice))).toBe('forwarded')
  })
})

describe('an author who is known', () => {
  it('costs one call to the store for a package, and one for a relay list', async () => {
    const calls: string[] = []
    const test = startGateway({}, (store) => counting(store, calls))
    const client = test.connect()
    await client.authenticate(alice)
    const [first, second] = await keyPackagesOf(alice, 2)
    await said(client, first as SignedEvent)
    await said(client, relayList(alice))
    calls.length = 0
    await said(client, second as SignedEvent)
    expect(calls).toEqual(['put'])
    calls.length = 0
    await said(client, eventOf(alice, 10051, [['relay', 'wss://other.example']]))
    expect(calls).toEqual(['putRelayList'])
  })
})

describe.each(everyStore())('stock.maxAuthors, in %s', (_name, open) => {
  it('is the most authors whose packages and relay lists are taken in; known ones are not affected', async () => {
    const store = await open()
    const test = startGateway({ stock: { maxAuthors: 2 } }, () => methodsOf(store))
    const say = standalone(test, '192.0.2.1')
    expect(await say(await keyPackage(alice))).toBe('')
    expect(await say(relayList(bob))).toBe('forwarded')
    test.now += 10
    expect(await say(await keyPackage(bob))).toBe('')
    test.now += 10
    for (const event of [await keyPackage(carol), relayList(carol), deletion(carol)])
      expect(await say(event)).toBe(FULL)
    // There is nothing of hers to delete, and nothing can arrive.
    expect(await say(eventOf(carol, 62, [['relay', 'ALL_RELAYS']]))).toBe('forwarded')
    const [, another] = await keyPackagesOf(alice, 2)
    expect(await say(another as SignedEvent)).toBe('')
    expect(await say(relayList(alice))).toBe('forwarded')
    await store.close()
  })

  it('is not used up by who is refused by their address', async () => {
    const store = await open()
    const test = startGateway({ ...ONE, stock: { maxAuthors: 3 } }, () => methodsOf(store))
    const say = standalone(test, '192.0.2.1')
    expect(await say(await keyPackage(alice))).toBe('')
    for (let times = 0; times < 5; times++) expect(await say(relayList(bob))).toBe(LIMITED)
    expect(await standalone(test, '192.0.2.2')(await keyPackage(carol))).toBe('')
    await store.close()
  })

  it('holds within a process also between two counts, and for senders without an address', async () => {
    const store = await open()
    const test = startGateway({ stock: { maxAuthors: 2 } }, () => methodsOf(store))
    const outcomes = []
    for (const author of [alice, bob, carol])
      outcomes.push((await test.gateway.publish(await keyPackage(author))).message)
    expect(outcomes).toEqual(['', '', FULL])
    await store.close()
  })
})

const METHODS = [
  'put',
  'count',
  'hit',
  'refund',
  'putRelayList',
  'getRelayLists',
  'countAuthors',
  'drop',
] as const

/** The methods of another store. */
function methodsOf(store: KeyPackageStore): Partial<KeyPackageStore> {
  const bound = METHODS.map((name) => [name, (...args: never[]) => Reflect.apply(store[name], store, args)])
  return Object.fromEntries(bound)
}

/** Methods that note their names, but for those of the replenisher. */
function counting(store: KeyPackageStore, calls: string[]): Partial<KeyPackageStore> {
  const noted = METHODS.map((name) => [
    name,
    (...args: never[]) => {
      if (name !== 'count') calls.push(name)
      return Reflect.apply(store[name], store, args)
    },
  ])
  return Object.fromEntries(noted)
}
