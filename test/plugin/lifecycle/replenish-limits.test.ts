/** Who is not asked for more: authors who have enough, disconnected, or reconnect too often; and failures of asking. */

import { describe, expect, it } from '@jest/globals'
import { keyPackagesBy, startGateway, stock } from '../../support/gateway.ts'
import { NOW } from '../../support/key-packages.ts'
import {
  alice,
  claimFrom,
  connectedAuthor,
  publishExpiring,
  publishRelayList,
  request,
  requestsTo,
} from '../../support/low-stock.ts'

describe('a client that reconnects all the time', () => {
  it('is asked at most ten times in 300 s', async () => {
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
  it('who has enough, or has disconnected', async () => {
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
    await publishRelayList(test)
    for (const seconds of [60, 3600]) {
      test.now += seconds
      await test.gateway.sweep()
      expect(requestsTo(await connectedAuthor(test))).toEqual([])
    }
  })

  it('if replenish.enabled is false', async () => {
    const test = startGateway({ replenish: { enabled: false } })
    await stock(test, alice, 1)
    const author = await connectedAuthor(test)
    await claimFrom(test)
    expect(requestsTo(author)).toEqual([])
  })

  it('while the store cannot count; the client is still authenticated (I7)', async () => {
    const test = startGateway({}, () => ({ count: () => Promise.reject(new Error('gone')) }))
    const author = test.connect()
    expect((await author.authenticate(alice))[0]?.[2]).toBe(true)
    expect(requestsTo(author)).toEqual([])
  })
})

describe('a socket that throws', () => {
  it('does not fail the claim that notified it (I2, I9)', async () => {
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
  it('is never asked, whatever the relay still sends (I9)', async () => {
    const test = startGateway()
    await stock(test, alice, 3)
    const client = test.connect({ authenticated: () => [alice.pubkey] })
    client.session.close()
    client.session.fromRelay(['EVENT', 'sub', { kind: 443, pubkey: alice.pubkey }])
    await claimFrom(test)
    expect(client.pushed).toEqual([])
  })
})
