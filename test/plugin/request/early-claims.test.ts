/** What a connection claimed before it authenticated (I10). */

import { describe, expect, it } from '@jest/globals'
import type { SignedEvent } from '../../../plugin/nostr/messages.ts'
import type { OptionsInput } from '../../../plugin/options.ts'
import { everyStore } from '../../support/every-store.ts'
import { gate } from '../../support/gate.ts'
import {
  authEvent,
  eventsIn,
  idsIn,
  keyPackagesBy,
  keyPackagesOf,
  type StoreChanges,
  startGateway,
  stock,
  type TestClient,
  type TestGateway,
  wordsIn,
} from '../../support/gateway.ts'
import { keyPackageEvent, makeKeyPackage } from '../../support/key-packages.ts'
import { turns } from '../../support/low-stock.ts'
import { type Person, person } from '../../support/people.ts'

const alice = person('alice')
const bob = person('bob')
const carol = person('carol')
const EOSE = ['EOSE', 'sub']
const ONCE = { max: 1 }

async function slotOf(test: TestGateway, author: Person): Promise<SignedEvent> {
  const made = await makeKeyPackage(author, { now: test.now })
  const event = keyPackageEvent(author, made, {
    kind: 30443,
    createdAt: test.now - 60,
    tags: { d: ['phone'] },
  })
  await test.gateway.publish(event)
  return event
}

/** Whether an answer was limited. */
async function isLimited({ ask }: TestClient, filter: object): Promise<boolean> {
  return (await ask('REQ', 'probe', filter)).some(([, , why]) => String(why).startsWith('rate-limited: '))
}

/** All ways in which a connection authenticates as Alice. */
const ways: [how: string, connect: (test: TestGateway, address: string) => Authenticating][] = [
  [
    'with the challenge of the gateway',
    (test, address) => {
      const client = test.connect({ address })
      return { client, authenticate: (who) => client.authenticate(who) }
    },
  ],
  [
    'with the challenge of the relay',
    (test, address) => {
      const client = test.connect({ address })
      client.session.fromRelay(['AUTH', 'theirs'])
      const authenticate = async (who: Person) => {
        const event = authEvent(who, { challenge: 'theirs', createdAt: test.now })
        await client.say('AUTH', event)
        client.session.fromRelay(['OK', event.id, true, ''])
      }
      return { client, authenticate }
    },
  ],
  [
    'with the relay that embeds the gateway',
    (test, address) => {
      const authenticated: string[] = []
      const client = test.connect({ address, authenticated: () => authenticated })
      return { client, authenticate: async (who) => authenticated.push(who.pubkey) }
    },
  ],
]

interface Authenticating {
  readonly client: TestClient
  readonly authenticate: (who: Person) => Promise<unknown>
}

const start = (options: OptionsInput = {}, changes?: StoreChanges) =>
  startGateway({ claim: { redeliverySeconds: 0 }, ...options }, changes)

describe.each(ways)('an owner who asked before authenticating, %s', (_, connect) => {
  const address = '192.0.2.77'

  it('has used up no package (I10)', async () => {
    const test = start()
    const published = await stock(test, alice, 3)
    const { client, authenticate } = connect(test, address)
    expect(idsIn(await client.ask('REQ', 'sub', keyPackagesBy(alice)))).toHaveLength(1)
    await authenticate(alice)
    const own = idsIn(await client.ask('REQ', 'own', keyPackagesBy(alice)))
    expect(own.sort()).toEqual(published.map(({ id }) => id).sort())
  })

  it.each([
    ['perAuthor', [443], alice],
    ['perAddress', [443], alice],
    ['perRequester', [443], alice],
    ['slotsPerRequester', [30443], bob],
    ['slotsPerAddress', [30443], bob],
  ])('has used up no quota: %s (I10)', async (quota, kinds, next) => {
    const test = start({ quota: { [quota]: ONCE } })
    await stock(test, alice, 3)
    for (const author of [alice, bob]) await slotOf(test, author)
    const filter = { ...keyPackagesBy(alice), kinds }
    const { client, authenticate } = connect(test, address)
    await client.ask('REQ', 'sub', filter)
    await authenticate(alice)
    await client.ask('REQ', 'own', filter)
    const neighbour = test.connect({ address })
    expect(await isLimited(neighbour, filter)).toBe(false)
    expect(await isLimited(neighbour, { ...filter, authors: [next.pubkey] })).toBe(true)
  })

  it('has exposed no last package (I10)', async () => {
    const test = start()
    await stock(test, alice, 1)
    const { client, authenticate } = connect(test, address)
    await client.ask('REQ', 'sub', keyPackagesBy(alice))
    await authenticate(alice)
    expect(wordsIn(await client.ask('REQ', 'sub', keyPackagesBy(alice)))).toEqual([EOSE])
  })

  it('has the live feed of an owner from then on, without what was delivered', async () => {
    const test = start()
    await stock(test, alice, 2)
    const { client, authenticate } = connect(test, address)
    await client.ask('REQ', 'sub', keyPackagesBy(alice, bob))
    await client.ask('REQ', 'live', { ...keyPackagesBy(alice), limit: 0, '#f': ['hex'] })
    await authenticate(alice)
    await client.ask('COUNT', 'any', { kinds: [1] })
    const [event] = await stock(test, alice, 1)
    await stock(test, bob, 1)
    expect(client.pushed.filter(([verb]) => verb === 'EVENT')).toEqual([
      ['EVENT', 'sub', event],
      ['EVENT', 'live', expect.objectContaining({ id: event?.id, tags: expect.anything() })],
    ])
  })

  it('keeps what was claimed from others', async () => {
    const test = start()
    await stock(test, alice, 3)
    await stock(test, bob, 3)
    const { client, authenticate } = connect(test, address)
    await client.ask('REQ', 'sub', keyPackagesBy(alice, bob))
    await authenticate(alice)
    await client.ask('COUNT', 'any', { kinds: [1] })
    expect(await test.store.count([alice.pubkey, bob.pubkey], test.now)).toEqual([3, 2])
  })

  it('has used up what was claimed more than 60 s before', async () => {
    const test = start()
    await stock(test, alice, 3)
    const { client, authenticate } = connect(test, address)
    await client.ask('REQ', 'sub', keyPackagesBy(alice))
    test.now += 60
    await authenticate(alice)
    await client.ask('COUNT', 'any', { kinds: [1] })
    expect(await test.store.count([alice.pubkey], test.now)).toEqual([2])
  })

  it('has used up what was claimed if theirs is the second pubkey, and has no live feed', async () => {
    const test = start()
    await stock(test, alice, 3)
    const { client, authenticate } = connect(test, address)
    await client.ask('REQ', 'sub', keyPackagesBy(alice))
    await authenticate(carol)
    await client.ask('COUNT', 'any', { kinds: [1] })
    await authenticate(alice)
    await client.ask('COUNT', 'any', { kinds: [1] })
    expect(await test.store.count([alice.pubkey], test.now)).toEqual([2])
    await stock(test, alice, 1)
    expect(idsIn(client.pushed)).toEqual([])
  })

  it('is answered once everything is given back', async () => {
    const [begun, releasing] = [gate(), gate()]
    const test = start({}, (store) => ({
      release: async (...release) => {
        begun.open()
        await releasing.opened
        return store.release(...release)
      },
    }))
    const published = await stock(test, alice, 3)
    const { client, authenticate } = connect(test, address)
    await client.ask('REQ', 'sub', keyPackagesBy(alice))
    const own = authenticate(alice).then(() => client.ask('REQ', 'own', keyPackagesBy(alice)))
    await begun.opened
    await turns()
    releasing.open()
    expect(idsIn(await own)).toHaveLength(published.length)
  })
})

describe('giving back', () => {
  it('ends before later messages of the connection are answered', async () => {
    const releasing = gate()
    const test = start({}, (store) => ({
      release: async (...release) => {
        await releasing.opened
        return store.release(...release)
      },
    }))
    const published = await stock(test, alice, 3)
    const client = test.connect()
    await client.ask('REQ', 'sub', keyPackagesBy(alice))
    const auth = client.authenticate(alice)
    const own = client.ask('REQ', 'own', keyPackagesBy(alice))
    const count = client.ask('COUNT', 'count', keyPackagesBy(alice))
    releasing.open()
    expect((await auth)[0]?.[2]).toBe(true)
    expect(idsIn(await own)).toHaveLength(published.length)
    expect(await count).toEqual([['COUNT', 'count', { count: published.length }]])
  })

  it('includes claims that were under way when the relay confirmed the AUTH', async () => {
    const [claiming, confirmed] = [gate(), gate()]
    const test = start({}, (store) => ({
      claim: async (...claim) => {
        claiming.open()
        await confirmed.opened
        return store.claim(...claim)
      },
    }))
    await stock(test, alice, 3)
    const client = test.connect()
    client.session.fromRelay(['AUTH', 'theirs'])
    const event = authEvent(alice, { challenge: 'theirs', createdAt: test.now })
    await client.say('AUTH', event)
    const asked = client.ask('REQ', 'sub', keyPackagesBy(alice))
    await claiming.opened
    client.session.fromRelay(['OK', event.id, true, ''])
    confirmed.open()
    expect(idsIn(await asked)).toHaveLength(1)
    expect(await client.ask('COUNT', 'count', keyPackagesBy(alice))).toEqual([
      ['COUNT', 'count', { count: 3 }],
    ])
    const [published] = await stock(test, alice, 1)
    expect(idsIn(client.pushed)).toEqual([published?.id])
  })

  it('happens once: an answer that could not be sent is released no second time (I1)', async () => {
    const test = start()
    await stock(test, alice, 2)
    const client = test.connect()
    const { unsent } = await client.say('REQ', 'sub', keyPackagesBy(alice))
    await client.authenticate(alice)
    const taken = idsIn(await test.connect().ask('REQ', 'sub', keyPackagesBy(alice)))
    await unsent?.()
    const others = idsIn(await test.connect().ask('REQ', 'sub', keyPackagesBy(alice)))
    expect(others).not.toEqual(taken)
  })

  it('leaves out an answer that was released before', async () => {
    const test = start()
    await stock(test, alice, 3)
    const client = test.connect()
    const { unsent } = await client.say('REQ', 'sub', keyPackagesBy(alice))
    await unsent?.()
    const taken = idsIn(await test.connect().ask('REQ', 'sub', keyPackagesBy(alice)))
    await client.authenticate(alice)
    expect(idsIn(await test.connect().ask('REQ', 'sub', keyPackagesBy(alice)))).not.toEqual(taken)
  })

  it('forgets that slots were delivered to the address', async () => {
    const test = start({ quota: { slotsPerRequester: ONCE } })
    await slotOf(test, alice)
    const address = '192.0.2.77'
    const client = test.connect({ address })
    const slots = { ...keyPackagesBy(alice), kinds: [30443] }
    await client.ask('REQ', 'sub', slots)
    await slotOf(test, bob)
    await client.authenticate(alice)
    const neighbour = test.connect({ address })
    await neighbour.ask('REQ', 'sub', { ...slots, authors: [bob.pubkey] })
    expect(await isLimited(neighbour, slots)).toBe(true)
  })

  it('stops nobody from authenticating if the store fails (I7)', async () => {
    const test = start({}, () => ({ release: () => Promise.reject(new Error('gone')) }))
    await stock(test, alice, 3)
    const client = test.connect()
    await client.ask('REQ', 'sub', keyPackagesBy(alice))
    expect((await client.authenticate(alice))[0]?.[2]).toBe(true)
    expect(idsIn(await client.ask('REQ', 'own', keyPackagesBy(alice)))).toHaveLength(2)
    expect(test.logged).toEqual([expect.stringContaining('failed to give packages back')])
  })

  it('is in the audit log', async () => {
    const test = start()
    await stock(test, alice, 3)
    const client = test.connect()
    const [id] = idsIn(await client.ask('REQ', 'sub', keyPackagesBy(alice)))
    await client.authenticate(alice)
    expect(test.audited.filter(({ action }) => action === 'release')).toEqual([
      expect.objectContaining({ id, author: alice.pubkey, outcome: 'its author had asked' }),
    ])
  })

  it('leaves nothing behind when the connection ends', async () => {
    const authenticated: string[] = []
    const test = start()
    await stock(test, alice, 1)
    const client = test.connect({ authenticated: () => authenticated })
    await client.ask('REQ', 'sub', keyPackagesBy(alice))
    client.session.close()
    authenticated.push(alice.pubkey)
    await client.ask('REQ', 'sub', keyPackagesBy(alice))
    await stock(test, alice, 1)
    expect(idsIn(client.pushed)).toEqual([])
    expect(await test.store.count([alice.pubkey], test.now)).toEqual([2])
  })
})

describe('a requester who asked before authenticating, and asks again after', () => {
  it('gets the same package: one invite takes one', async () => {
    const test = startGateway({ claim: { redeliverySeconds: 60 } })
    await stock(test, alice, 5)
    const client = test.connect()
    const first = idsIn(await client.ask('REQ', 'sub', keyPackagesBy(alice)))
    await client.authenticate(bob)
    expect(idsIn(await client.ask('REQ', 'sub', keyPackagesBy(alice)))).toEqual(first)
    test.now += 60
    expect(idsIn(await client.ask('REQ', 'sub', keyPackagesBy(alice)))).not.toEqual(first)
  })

  it('does not get what another connection from the same address got', async () => {
    const test = startGateway({ claim: { redeliverySeconds: 60 } })
    await stock(test, alice, 5)
    const address = '192.0.2.77'
    const first = idsIn(await test.connect({ address }).ask('REQ', 'sub', keyPackagesBy(alice)))
    const client = test.connect({ address })
    await client.authenticate(bob)
    expect(idsIn(await client.ask('REQ', 'sub', keyPackagesBy(alice)))).not.toEqual(first)
  })
})

describe('requesters without a pubkey', () => {
  it('who share an address are repeated what their own connection got, and nothing else (I1)', async () => {
    const test = startGateway({ claim: { redeliverySeconds: 60 } })
    await stock(test, alice, 5)
    const address = '192.0.2.77'
    const [one, other] = [test.connect({ address }), test.connect({ address })]
    const first = idsIn(await one.ask('REQ', 'sub', keyPackagesBy(alice)))
    const second = idsIn(await other.ask('REQ', 'sub', keyPackagesBy(alice)))
    expect(second).not.toEqual(first)
    expect(idsIn(await one.ask('REQ', 'sub', keyPackagesBy(alice)))).toEqual(first)
    expect(idsIn(await other.ask('REQ', 'sub', keyPackagesBy(alice)))).toEqual(second)
  })
})

describe.each(everyStore())('in %s', (_name, open) => {
  it('an owner who asked before authenticating has used up nothing (I10)', async () => {
    const store = await open()
    const test = start({ quota: { perAuthor: ONCE, perRequester: ONCE } }, () => ({
      put: store.put.bind(store),
      claim: store.claim.bind(store),
      list: store.list.bind(store),
      count: store.count.bind(store),
      hit: store.hit.bind(store),
      refund: store.refund.bind(store),
      release: store.release.bind(store),
    }))
    for (const event of await keyPackagesOf(alice, 3)) await test.gateway.publish(event)
    const address = '192.0.2.77'
    const client = test.connect({ address })
    expect(eventsIn(await client.ask('REQ', 'sub', keyPackagesBy(alice)))).toHaveLength(1)
    await client.authenticate(alice)
    expect(eventsIn(await client.ask('REQ', 'own', keyPackagesBy(alice)))).toHaveLength(3)
    expect(eventsIn(await test.connect({ address }).ask('REQ', 'sub', keyPackagesBy(alice)))).toHaveLength(1)
    await store.close()
  })
})
