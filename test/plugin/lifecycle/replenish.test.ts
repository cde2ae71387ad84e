/** When authors are asked for more: their stock is low, packages expired, or they have none but a relay list. */

import { describe, expect, it } from '@jest/globals'
import { eventually } from '../../support/eventually.ts'
import { gate } from '../../support/gate.ts'
import { keyPackagesBy, startGateway, stock } from '../../support/gateway.ts'
import { keyPackageEvent, makeKeyPackage, NOW, signEvent } from '../../support/key-packages.ts'
import {
  alice,
  claimFrom,
  connectedAuthor,
  publishExpiring,
  publishRelayList,
  request,
  requestsTo,
  turns,
} from '../../support/low-stock.ts'
import { person } from '../../support/people.ts'

describe('a stock that falls below stock.low', () => {
  it('makes the gateway ask every connection of the author, and nobody else', async () => {
    const test = startGateway()
    await stock(test, alice, 4)
    const devices = [await connectedAuthor(test), await connectedAuthor(test)]
    const other = test.connect()
    await other.authenticate(person('bob'))
    await claimFrom(test)
    for (const device of devices) expect(requestsTo(device)).toEqual([])
    await claimFrom(test)
    for (const device of devices) expect(requestsTo(device)).toEqual([request])
    expect(requestsTo(other)).not.toContainEqual(request)
  })

  it('at most once per 300 s for each author', async () => {
    const test = startGateway({ stock: { low: 10 } })
    await stock(test, alice, 10)
    const author = await connectedAuthor(test)
    await claimFrom(test)
    test.now += 299
    await claimFrom(test)
    expect(requestsTo(author)).toHaveLength(1)
    test.now += 1
    await claimFrom(test)
    expect(requestsTo(author)).toHaveLength(2)
  })

  it('is asked for again on authenticating, once for each connection and pubkey', async () => {
    const test = startGateway()
    await stock(test, alice, 2)
    for (let device = 0; device < 2; device += 1) {
      const author = await connectedAuthor(test)
      expect(requestsTo(author)).toEqual([request])
      await author.authenticate(alice)
      expect(requestsTo(author)).toEqual([request])
    }
  })

  it('is asked for as soon as a relay with its own NIP-42 answers an AUTH with OK', async () => {
    const test = startGateway()
    await stock(test, alice, 2)
    const authenticated: string[] = []
    const author = test.connect({ authenticated: () => authenticated })
    authenticated.push(alice.pubkey)
    author.session.fromRelay(['OK', 'an AUTH event', true, ''])
    await eventually('the author is asked', () => requestsTo(author).length === 1)
  })

  it('is not asked for where the client stays for one exchange, which leaves it to those who stay', async () => {
    const test = startGateway()
    await stock(test, alice, 2)
    const sent: unknown[] = []
    const session = test.gateway.session({
      address: '192.0.2.99',
      send: (message) => sent.push(message),
      authenticated: () => [alice.pubkey],
      duration: 'one exchange',
    })
    await session.fromClient(['COUNT', 'own', keyPackagesBy(alice)])
    await turns()
    const device = await connectedAuthor(test)
    await eventually('a request', () => requestsTo(device).length > 0)
    expect(requestsTo(device)).toEqual([request])
    expect(sent).toEqual([])
  })

  it('is not asked for once the author has disconnected', async () => {
    const [looking, found] = [gate(), gate()]
    const test = startGateway({}, (store) => ({
      list: async (...asked) => {
        looking.open()
        await found.opened
        return store.list(...asked)
      },
    }))
    await stock(test, alice, 2)
    const author = await connectedAuthor(test)
    await looking.opened
    author.session.close()
    found.open()
    await turns()
    expect(requestsTo(author)).toEqual([])
  })

  it('is not asked for again by a claim within 300 s of that', async () => {
    const test = startGateway()
    await stock(test, alice, 2)
    const author = await connectedAuthor(test)
    await claimFrom(test)
    expect(requestsTo(author)).toHaveLength(1)
  })

  it('is asked for when the last package is delivered again, too', async () => {
    const test = startGateway({ replenish: { intervalSeconds: 1 } })
    await stock(test, alice, 1)
    const author = await connectedAuthor(test)
    test.now += 1
    await claimFrom(test)
    expect(requestsTo(author)).toHaveLength(2)
  })
})

describe('a stock that falls otherwise than by a claim', () => {
  it('is asked for when a sweep finds expired packages', async () => {
    const test = startGateway()
    await publishExpiring(test, 3, NOW + 3600)
    const author = await connectedAuthor(test)
    test.now += 3600
    expect(requestsTo(author)).toEqual([])
    await test.gateway.sweep()
    await turns()
    expect(requestsTo(author)).toEqual([request])
  })

  it('is not asked for when the author deletes packages: they publish the next one anyway', async () => {
    const test = startGateway()
    const events = await stock(test, alice, 4)
    const author = await connectedAuthor(test)
    const tags = events.slice(1).map(({ id }) => ['e', id])
    await author.say('EVENT', signEvent(alice.secretKey, { kind: 5, created_at: NOW, tags, content: '' }))
    await turns()
    expect(requestsTo(author)).toEqual([])
  })
})

describe('an author without packages', () => {
  it('is not asked who never published: they may not use MLS', async () => {
    expect(requestsTo(await connectedAuthor(startGateway()))).toEqual([])
  })

  it('is asked who ran out, as long as the store remembers what there was', async () => {
    const test = startGateway()
    await publishExpiring(test, 1, NOW + 60)
    test.now += 60
    expect(requestsTo(await connectedAuthor(test))).toEqual([request])
  })

  it('is asked who says in a relay list where their key packages are, however long ago the last expired', async () => {
    const test = startGateway()
    await publishExpiring(test, 1, NOW + 60)
    test.now += 100 * 86_400
    await test.gateway.sweep()
    expect(requestsTo(await connectedAuthor(test))).toEqual([])
    await publishRelayList(test)
    expect(requestsTo(await connectedAuthor(test))).toEqual([request])
  })

  it('is asked for the kind that is taken in, where that is not 443', async () => {
    const test = startGateway({ kinds: [30443] })
    const tags = { d: ['phone'], expiration: [`${NOW + 60}`] }
    await test.gateway.publish(keyPackageEvent(alice, await makeKeyPackage(alice), { kind: 30443, tags }))
    test.now += 60
    const wanted = { kinds: [30443], authors: [alice.pubkey] }
    expect(requestsTo(await connectedAuthor(test))).toEqual([['REQ', 'keypackages:low', wanted]])
  })

  it('is not asked whose packages are slots, which are never used up', async () => {
    const test = startGateway()
    const slot = { kind: 30443, tags: { d: ['phone'] } }
    await test.gateway.publish(keyPackageEvent(alice, await makeKeyPackage(alice), slot))
    expect(requestsTo(await connectedAuthor(test))).toEqual([])
  })
})
