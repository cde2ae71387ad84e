/** The standalone server: the behaviour suite on both stores, and what only this server does. */

import { describe, expect, it } from '@jest/globals'
import { memoryStore } from '../../adapters/storage/memory.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { LmdbStores } from '../support/stores.ts'
import { alice, bob, idsOf, packagesOf, Scene } from './behaviour/scene.ts'
import { describeControlledRelay, describeKeyPackageRelay, type StartTarget } from './behaviour.ts'

const stores = new LmdbStores()

const onMemory: StartTarget<TestServer> = (options) => startTestServer(memoryStore(), options)
const onLmdb: StartTarget<TestServer> = (options) => startTestServer(stores.open(), options)

describeKeyPackageRelay('serve, on memory', onMemory)
describeControlledRelay('serve, on memory', onMemory)
describeKeyPackageRelay('serve, on LMDB', onLmdb)
describeControlledRelay('serve, on LMDB', onLmdb)

describe('serve', () => {
  const scene = new Scene(onMemory)

  it('refuses a filter with 200,000 invalid items with one short sentence (I9)', async () => {
    const target = await scene.start()
    const client = await scene.connect(target)
    for (const kinds of [[443], [10051]]) {
      const filter = { kinds, ids: new Array(200_000).fill(1) }
      expect((await client.request('wrong', filter)).closed).toMatch(/^invalid: .{0,60}$/)
    }
    expect(target.errors).toEqual([])
  })

  it('store down: for some authors: the others are served, a NOTICE says the same, then EOSE (I7)', async () => {
    const store = memoryStore()
    const claim = store.claim.bind(store)
    // A Redis cluster is unavailable for some authors when the node that stores them does not answer.
    store.claim = async (claims, policy, now) => {
      const outcomes = await claim(claims, policy, now)
      return outcomes.map((outcome, index) =>
        claims[index]?.author === bob.pubkey ? { outcome: 'unavailable' } : outcome,
      )
    }
    const target = await startTestServer(store)
    const [event] = await scene.publish(target, alice, 1)
    const client = await scene.connect(target)
    const reply = await client.request('both', packagesOf(bob, alice))
    expect(idsOf(reply.events)).toEqual([event?.id])
    expect(reply.notices).toEqual(['error: key packages are unavailable, try again'])
    expect(reply.closed).toBeUndefined()
    await target.stop()
  })
})
