/** Authors who run low are asked for more, on every connection, but not all the time. */

import { describe, expect, it } from '@jest/globals'
import { KeyPackageGateway } from '../../../plugin/gateway.ts'
import type { RelayMessage } from '../../../plugin/nostr/messages.ts'
import { eventually } from '../../support/eventually.ts'
import {
  idsIn,
  keyPackagesBy,
  keyPackagesOf,
  startGateway,
  stock,
  type TestClient,
  type TestGateway,
} from '../../support/gateway.ts'
import { keyPackageEvent, makeKeyPackage, NOW, signEvent } from '../../support/key-packages.ts'
import { person } from '../../support/people.ts'

const alice = person('alice')
const request = ['REQ', 'keypackages:low', { kinds: [443], authors: [alice.pubkey] }]

const withdrawal = ['CLOSED', 'keypackages:low', 'replenished: enough key packages are stored']

function requestsTo({ pushed }: Pick<TestClient, 'pushed'>): unknown[] {
  return pushed.filter(([verb]) => verb === 'REQ')
}

/** A claim by somebody new, so that no quota stands in the way. */
async function claimFrom(test: TestGateway): Promise<void> {
  await test.connect().ask('REQ', 'sub', keyPackagesBy(alice))
}

async function connectedAuthor(test: TestGateway): Promise<TestClient> {
  const client = test.connect()
  await client.authenticate(alice)
  return client
}

/** A connection of alice to another gateway on the same store. */
function connectElsewhere(test: TestGateway): Pick<TestClient, 'pushed'> {
  const gateway = new KeyPackageGateway({ store: test.store, clock: () => test.now * 1000 })
  const pushed: RelayMessage[] = []
  const session = gateway.session({
    address: '192.0.2.200',
    send: (message) => pushed.push(message),
    authenticated: () => [alice.pubkey],
  })
  // Whom the relay has authenticated is looked up when the client says something.
  void session.fromClient(['COUNT', 'own', keyPackagesBy(alice)])
  return { pushed }
}

async function publishExpiring(test: TestGateway, count: number, expiresAt: number): Promise<void> {
  for (let index = 0; index < count; index += 1) {
    const tags = { expiration: [`${expiresAt}`] }
    await test.gateway.publish(keyPackageEvent(alice, await makeKeyPackage(alice), { tags }))
  }
}

function neverMade(): never {
  throw new Error('there is no such package')
}

/** Lets everything go on that waits for nothing outside of this process. */
const turns = () => new Promise((resolve) => setImmediate(resolve))

describe('a stock that falls below stock.low', () => {
  it('has every connection of its author asked, and nobody else', async () => {
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

  it('is told again on authenticating while low, once for each connection and pubkey', async () => {
    const test = startGateway()
    await stock(test, alice, 2)
    for (let device = 0; device < 2; device += 1) {
      const author = await connectedAuthor(test)
      expect(requestsTo(author)).toEqual([request])
      await author.authenticate(alice)
      expect(requestsTo(author)).toEqual([request])
    }
  })

  it('is told as soon as a relay that has its own NIP-42 says OK to an AUTH', async () => {
    const test = startGateway()
    await stock(test, alice, 2)
    const authenticated: string[] = []
    const author = test.connect({ authenticated: () => authenticated })
    authenticated.push(alice.pubkey)
    author.session.fromRelay(['OK', 'an AUTH event', true, ''])
    await eventually('the author is asked', () => requestsTo(author).length === 1)
  })

  it('is not told again by a claim within 300 s of that', async () => {
    const test = startGateway()
    await stock(test, alice, 2)
    const author = await connectedAuthor(test)
    await claimFrom(test)
    expect(requestsTo(author)).toHaveLength(1)
  })

  it('the last package delivered again is a claim like any other', async () => {
    const test = startGateway({ replenish: { intervalSeconds: 1 } })
    await stock(test, alice, 1)
    const author = await connectedAuthor(test)
    test.now += 1
    await claimFrom(test)
    expect(requestsTo(author)).toHaveLength(2)
  })
})

describe('a stock that falls otherwise than by a claim', () => {
  it('has its author asked when packages expire, once a sweep has found it', async () => {
    const test = startGateway()
    await publishExpiring(test, 3, NOW + 3600)
    const author = await connectedAuthor(test)
    test.now += 3600
    expect(requestsTo(author)).toEqual([])
    await test.gateway.sweep()
    expect(requestsTo(author)).toEqual([request])
  })

  it('does not have its author asked who deletes: who rotates publishes next', async () => {
    const test = startGateway()
    const events = await stock(test, alice, 4)
    const author = await connectedAuthor(test)
    const tags = events.slice(1).map(({ id }) => ['e', id])
    await author.say('EVENT', signEvent(alice.secretKey, { kind: 5, created_at: NOW, tags, content: '' }))
    await turns()
    expect(requestsTo(author)).toEqual([])
  })
})

describe('an author who has none', () => {
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
    test.now += 3600
    await test.gateway.sweep()
    expect(requestsTo(await connectedAuthor(test))).toEqual([])
    const tags = [['relay', 'wss://relay.example.com']]
    const list = signEvent(alice.secretKey, { kind: 10051, created_at: NOW, tags, content: '' })
    await test.connect().say('EVENT', list)
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
    const test = startGateway({ profile: 'marmot' })
    const slot = { kind: 30443, tags: { d: ['phone'] } }
    await test.gateway.publish(keyPackageEvent(alice, await makeKeyPackage(alice), slot))
    expect(requestsTo(await connectedAuthor(test))).toEqual([])
  })
})

describe('a stock that is back at stock.low', () => {
  it('is withdrawn from every connection that was asked, once', async () => {
    const test = startGateway()
    const asked = [await connectedAuthor(test), await connectedAuthor(test)]
    await stock(test, alice, 3)
    for (const device of asked) expect(device.pushed).not.toContainEqual(withdrawal)

    const [first, second, third] = await keyPackagesOf(alice, 3)
    await claimFrom(test)
    const late = await connectedAuthor(startGateway())
    for (const device of asked) expect(requestsTo(device)).toEqual([request])
    await test.gateway.publish(first ?? neverMade())
    for (const device of asked) expect(device.pushed.at(-1)).toEqual(withdrawal)
    for (const event of [second, third]) await test.gateway.publish(event ?? neverMade())
    for (const device of asked) {
      expect(device.pushed.filter(([verb]) => verb === 'CLOSED')).toEqual([withdrawal])
    }
    expect(late.pushed).not.toContainEqual(withdrawal)
  })

  it('is withdrawn when the claim that made it low is undone', async () => {
    const test = startGateway()
    await stock(test, alice, 3)
    const author = await connectedAuthor(test)
    const { unsent } = await test.connect().say('REQ', 'sub', keyPackagesBy(alice))
    expect(requestsTo(author)).toEqual([request])
    await unsent?.()
    await turns()
    expect(author.pushed.at(-1)).toEqual(withdrawal)
  })

  it('is not withdrawn while it is still lower', async () => {
    const test = startGateway({ stock: { low: 5 } })
    await stock(test, alice, 2)
    const author = await connectedAuthor(test)
    await stock(test, alice, 2)
    expect(author.pushed).not.toContainEqual(withdrawal)
    await stock(test, alice, 1)
    expect(author.pushed.at(-1)).toEqual(withdrawal)
  })
})

describe('a client that takes the signal for a REQ', () => {
  it('publishes with EVENT, and is not refused for what else a relay would say', async () => {
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

  it('may have a subscription of that name itself', async () => {
    const test = startGateway()
    const [event] = await stock(test, alice, 1)
    const author = await connectedAuthor(test)
    expect(idsIn(await author.ask('REQ', 'keypackages:low', keyPackagesBy(alice)))).toEqual([event?.id])
    expect(await author.say('CLOSE', 'keypackages:low')).toEqual({ replies: [] })
    expect((await author.say('REQ', 'keypackages:low', { kinds: [1] })).forward).toBeDefined()
    expect((await author.say('CLOSE', 'keypackages:low')).forward).toBeDefined()
  })
})

describe('several processes on one store', () => {
  it('ask every connection of an author about one claim, and no more in the next 300 s', async () => {
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

  it('withdraw what they asked wherever the package comes in', async () => {
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

describe('a client that comes and goes all the time', () => {
  it('is asked ten times in 300 s, and no more', async () => {
    const test = startGateway()
    await stock(test, alice, 1)
    const asked = async () => requestsTo(await connectedAuthor(test)).length
    const counts: number[] = []
    for (let time = 0; time < 12; time += 1) counts.push(await asked())
    expect(counts).toEqual([...Array(10).fill(1), 0, 0])
    test.now += 300
    expect(await asked()).toBe(1)
  })
})

describe('nobody is asked', () => {
  it('who has enough, or who is not there any more', async () => {
    const test = startGateway()
    await stock(test, alice, 3)
    const enough = await connectedAuthor(test)
    const gone = await connectedAuthor(test)
    gone.session.close()
    await claimFrom(test)
    expect(requestsTo(enough)).toEqual([request])
    expect(requestsTo(gone)).toEqual([])
  })

  it('where stock.low is 0, not even who has none', async () => {
    const test = startGateway({ stock: { low: 0 } })
    await publishExpiring(test, 1, NOW + 60)
    const tags = [['relay', 'wss://relay.example.com']]
    const list = signEvent(alice.secretKey, { kind: 10051, created_at: NOW, tags, content: '' })
    await test.connect().say('EVENT', list)
    for (const seconds of [60, 3600]) {
      test.now += seconds
      await test.gateway.sweep()
      expect(requestsTo(await connectedAuthor(test))).toEqual([])
    }
  })

  it('where replenish.enabled is false', async () => {
    const test = startGateway({ replenish: { enabled: false } })
    await stock(test, alice, 1)
    const author = await connectedAuthor(test)
    await claimFrom(test)
    expect(requestsTo(author)).toEqual([])
  })

  it('while the store cannot count; the client is authenticated all the same (I7)', async () => {
    const test = startGateway({}, () => ({ count: () => Promise.reject(new Error('gone')) }))
    const author = test.connect()
    expect((await author.authenticate(alice))[0]?.[2]).toBe(true)
    expect(requestsTo(author)).toEqual([])
  })
})

describe('a socket that throws', () => {
  it('does not fail the claim that had something to tell it (I2, I9)', async () => {
    const test = startGateway()
    await stock(test, alice, 2)
    const broken = test.connect({
      authenticated: () => [alice.pubkey],
      send: () => {
        throw new Error('the socket is gone')
      },
    })
    await broken.ask('REQ', 'own', keyPackagesBy(alice))
    test.now += 300
    const replies = await test.connect().ask('REQ', 'sub', keyPackagesBy(alice))
    expect(replies.map(([verb]) => verb)).toEqual(['EVENT', 'EOSE'])
  })
})

describe('a session that has ended', () => {
  it('does not join those who are asked, whatever the relay still says (I9)', async () => {
    const test = startGateway()
    await stock(test, alice, 3)
    const client = test.connect({ authenticated: () => [alice.pubkey] })
    client.session.close()
    client.session.fromRelay(['EVENT', 'sub', { kind: 443, pubkey: alice.pubkey }])
    await claimFrom(test)
    expect(client.pushed).toEqual([])
  })
})
