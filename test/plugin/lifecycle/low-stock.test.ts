/** The request for more packages: every process withdraws it once there are enough, and some clients handle it as a REQ. */

import { describe, expect, it } from '@jest/globals'
import { KeyPackageGateway } from '../../../plugin/gateway.ts'
import type { RelayMessage } from '../../../plugin/nostr/messages.ts'
import { ANYBODY } from '../../support/anybody.ts'
import {
  idsIn,
  keyPackagesBy,
  keyPackagesOf,
  startGateway,
  stock,
  type TestClient,
  type TestGateway,
} from '../../support/gateway.ts'
import { alice, claimFrom, connectedAuthor, request, requestsTo, turns } from '../../support/low-stock.ts'
import { person } from '../../support/people.ts'

const withdrawal = ['CLOSED', 'keypackages:low', 'replenished: enough key packages are stored']

/** A connection of alice to another gateway on the same store. */
function connectElsewhere(test: TestGateway): Pick<TestClient, 'pushed'> {
  const gateway = new KeyPackageGateway({ ...ANYBODY, store: test.store, clock: () => test.now * 1000 })
  const pushed: RelayMessage[] = []
  const session = gateway.session({
    address: '192.0.2.200',
    send: (message) => pushed.push(message),
    authenticated: () => [alice.pubkey],
  })
  // The relay's authenticated pubkeys are read when the client sends something.
  void session.fromClient(['COUNT', 'own', keyPackagesBy(alice)])
  return { pushed }
}

function neverMade(): never {
  throw new Error('there is no such package')
}

describe('a request for more', () => {
  it('is withdrawn from every connection that was asked, once, when the stock is back at stock.low', async () => {
    const test = startGateway()
    const asked = [await connectedAuthor(test), await connectedAuthor(test)]
    await stock(test, alice, 3)
    for (const device of asked) expect(device.pushed).not.toContainEqual(withdrawal)

    const [first, second, third] = await keyPackagesOf(alice, 3)
    await claimFrom(test)
    const stranger = test.connect()
    await stranger.authenticate(person('bob'))
    for (const device of asked) expect(requestsTo(device)).toEqual([request])
    await test.gateway.publish(first ?? neverMade())
    for (const device of asked) expect(device.pushed.at(-1)).toEqual(withdrawal)
    for (const event of [second, third]) await test.gateway.publish(event ?? neverMade())
    for (const device of asked) {
      expect(device.pushed.filter(([verb]) => verb === 'CLOSED')).toEqual([withdrawal])
    }
    expect(stranger.pushed).not.toContainEqual(withdrawal)
  })

  it('is withdrawn when the claim that made the stock low is undone', async () => {
    const test = startGateway()
    await stock(test, alice, 3)
    const author = await connectedAuthor(test)
    const { unsent } = await test.connect().say('REQ', 'sub', keyPackagesBy(alice))
    expect(requestsTo(author)).toEqual([request])
    await unsent?.()
    await turns()
    expect(author.pushed.at(-1)).toEqual(withdrawal)
  })

  it('is withdrawn when the author had claimed from themselves, and authenticates (I10)', async () => {
    const test = startGateway()
    await stock(test, alice, 3)
    const author = await connectedAuthor(test)
    const other = test.connect()
    await other.ask('REQ', 'sub', keyPackagesBy(alice))
    expect(requestsTo(author)).toEqual([request])
    await other.authenticate(alice)
    await turns()
    expect(author.pushed.at(-1)).toEqual(withdrawal)
  })

  it('is not withdrawn while the stock is still lower', async () => {
    const test = startGateway({ stock: { low: 5 } })
    await stock(test, alice, 2)
    const author = await connectedAuthor(test)
    await stock(test, alice, 2)
    expect(author.pushed).not.toContainEqual(withdrawal)
    await stock(test, alice, 1)
    expect(author.pushed.at(-1)).toEqual(withdrawal)
  })
})

describe('several processes on one store', () => {
  it('ask every connection of an author after a claim, and not again within 300 s', async () => {
    const test = startGateway()
    await stock(test, alice, 5)
    const devices = [await connectedAuthor(test), connectElsewhere(test)]
    await turns()
    await claimFrom(test)
    await claimFrom(test)
    await claimFrom(test)
    for (const device of devices) expect(requestsTo(device)).toEqual([request])
    test.now += 299
    const late = connectElsewhere(test)
    await turns()
    await claimFrom(test)
    for (const device of devices) expect(requestsTo(device)).toEqual([request])
    expect(requestsTo(late)).toEqual([request])
  })

  it('withdraw the request wherever the package is published', async () => {
    const test = startGateway()
    await stock(test, alice, 2)
    const device = connectElsewhere(test)
    await turns()
    expect(requestsTo(device)).toEqual([request])
    await stock(test, alice, 1)
    await turns()
    expect(device.pushed.at(-1)).toEqual(withdrawal)
  })
})

describe('a client that handles the signal as a REQ', () => {
  it('publishes with EVENT, and may send what else a relay would answer', async () => {
    const test = startGateway()
    await stock(test, alice, 1)
    const author = await connectedAuthor(test)
    const [event] = await keyPackagesOf(alice, 1)
    expect(await author.ask('EVENT', 'keypackages:low', event)).toEqual([['OK', event?.id, true, '']])
    for (const verb of ['EOSE', 'CLOSED', 'CLOSE']) {
      expect(await author.say(verb, 'keypackages:low')).toEqual({ replies: [] })
    }
    expect(requestsTo(author)).toEqual([request])
  })

  it('may have a subscription with the same id itself', async () => {
    const test = startGateway()
    const [event] = await stock(test, alice, 1)
    const author = await connectedAuthor(test)
    expect(idsIn(await author.ask('REQ', 'keypackages:low', keyPackagesBy(alice)))).toEqual([event?.id])
    expect(await author.say('CLOSE', 'keypackages:low')).toEqual({ replies: [] })
    expect((await author.say('REQ', 'keypackages:low', { kinds: [1] })).forward).toBeDefined()
    expect((await author.say('CLOSE', 'keypackages:low')).forward).toBeDefined()
  })
})
