/** Kind 444 without a gift wrap (NIP-59): refused, and its effect on a package whose claim was released. */

import { describe, expect, it } from '@jest/globals'
import type { SignedEvent } from '../../../plugin/nostr/messages.ts'
import { storedPackages } from '../../contract/reading.ts'
import {
  idsIn,
  keyPackagesBy,
  startGateway,
  stock,
  type TestClient,
  type TestGateway,
} from '../../support/gateway.ts'
import { NOW, signEvent } from '../../support/key-packages.ts'
import { person } from '../../support/people.ts'

const alice = person('alice')
const bob = person('bob')
const carol = person('carol')
const REFUSED = 'invalid: a welcome must be gift-wrapped, never published'

function welcome(sender = bob, ...packages: readonly (SignedEvent | undefined)[]): SignedEvent {
  const tags = packages.map((event) => ['e', String(event?.id)])
  return signEvent(sender.secretKey, { kind: 444, created_at: NOW, tags, content: 'a welcome' })
}

async function bobsClient(test: TestGateway): Promise<TestClient> {
  const client = test.connect()
  await client.authenticate(bob)
  return client
}

/** A claim by Bob of which nothing was sent. */
async function lostClaim(test: TestGateway): Promise<void> {
  const { unsent } = await (await bobsClient(test)).say('REQ', 'sub', keyPackagesBy(alice))
  await unsent?.()
}

async function claimBy(test: TestGateway): Promise<string[]> {
  return idsIn(await test.connect().ask('REQ', 'sub', keyPackagesBy(alice)))
}

async function sends(client: TestClient, event: SignedEvent): Promise<void> {
  expect(await client.ask('EVENT', event)).toEqual([['OK', event.id, false, REFUSED]])
}

describe('a kind 444 event that names a package whose claim was released', () => {
  it('spends it: its sender has it from elsewhere, and nobody else must get it (I1)', async () => {
    const test = startGateway()
    const [first, second] = await stock(test, alice, 2)
    await lostClaim(test)
    await sends(await bobsClient(test), welcome(bob, first))
    expect(await claimBy(test)).toEqual([second?.id])
    expect((await test.gateway.publish(first as SignedEvent)).message).toMatch(/not taken in again$/)
    expect(test.audited.filter(({ action }) => action === 'claim').map(({ requester }) => requester)).toEqual(
      [bob.pubkey, bob.pubkey, '192.0.2.3'],
    )
  })

  it('exposes it if it is the last: it stays (I2)', async () => {
    const test = startGateway()
    const [last] = await stock(test, alice, 1)
    await lostClaim(test)
    await sends(await bobsClient(test), welcome(bob, last))
    expect((await test.store.list(alice.pubkey, NOW)).map(({ exposure }) => exposure)).toEqual([
      { since: NOW, count: 1 },
    ])
  })

  it('has this effect once, and within an hour', async () => {
    const test = startGateway()
    const [last] = await stock(test, alice, 1)
    const counts = async () =>
      (await test.store.list(alice.pubkey, test.now)).map(({ exposure }) => exposure?.count)
    await lostClaim(test)
    const client = await bobsClient(test)
    for (let time = 0; time < 2; time += 1) await sends(client, welcome(bob, last))
    expect(await counts()).toEqual([1])
    await lostClaim(test)
    test.now += 3600
    await sends(client, welcome(bob, last))
    expect(await counts()).toEqual([1])
  })

  it('may come from the /64 that claimed it, also through a plugin of the relay (I1)', async () => {
    const test = startGateway()
    const [first, second] = await stock(test, alice, 2)
    const lost = test.connect({ address: '2001:db8::1' })
    await (await lost.say('REQ', 'sub', keyPackagesBy(alice))).unsent?.()
    await test.gateway.accept(welcome(bob, first), { address: '2001:db8::2' })
    expect(await claimBy(test)).toEqual([second?.id])
  })

  it('is still refused while the store fails (I7)', async () => {
    let isDown = false
    const test = startGateway({}, (store) => ({
      claim: (...call) => (isDown ? Promise.reject(new Error('gone')) : store.claim(...call)),
    }))
    const [first] = await stock(test, alice, 2)
    await lostClaim(test)
    isDown = true
    await sends(await bobsClient(test), welcome(bob, first))
  })
})

describe('a kind 444 event changes nothing', () => {
  it('of a package that its sender never claimed: anybody could empty a stock with it', async () => {
    const test = startGateway()
    const [first, second] = await stock(test, alice, 2)
    await lostClaim(test)
    const other = test.connect()
    await other.authenticate(carol)
    for (const event of [welcome(carol, first, second), welcome(bob, first)]) await sends(other, event)
    expect(await test.store.count([alice.pubkey], NOW)).toEqual([2])
  })

  it('for a package that was sent to its sender: it is already spent, or exposed as the last', async () => {
    const test = startGateway({ claim: { redeliverySeconds: 0 } })
    const [first, last] = await stock(test, alice, 2)
    const client = await bobsClient(test)
    for (const _ of [first, last]) await client.ask('REQ', 'sub', keyPackagesBy(alice))
    const before = await storedPackages(test.store, alice.pubkey)
    await sends(client, welcome(bob, first, last))
    expect(await storedPackages(test.store, alice.pubkey)).toEqual(before)
    expect(before.map(({ id, exposure }) => [id, exposure?.count])).toEqual([[last?.id, 1]])
  })
})
