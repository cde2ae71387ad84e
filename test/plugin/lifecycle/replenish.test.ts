/** DESIGN.md section 6: authors who run low are asked for more, on every connection, but not all the time. */

import { describe, expect, it } from '@jest/globals'
import { eventually } from '../../support/eventually.ts'
import {
  keyPackagesBy,
  startGateway,
  stock,
  type TestClient,
  type TestGateway,
} from '../../support/gateway.ts'
import { person } from '../../support/people.ts'

const alice = person('alice')
const request = ['REQ', 'keypackages:low', { kinds: [443], authors: [alice.pubkey] }]

function requestsTo({ pushed }: TestClient): unknown[] {
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
