/** The suites on examples/custom-relay, a plain WebSocket server with a gateway session for each client. */

import { describe, expect, it } from '@jest/globals'
import { startRelay } from '../../examples/custom-relay/relay.js'
import { describeLibraries } from '../clients/libraries.ts'
import { alice, idsOf, newEvent, packagesOf, Scene } from './behaviour/scene.ts'
import { describeControlledRelay, describeKeyPackageRelay } from './behaviour.ts'
import { exampleTarget } from './example-target.ts'

const startTarget = exampleTarget(startRelay)

describeKeyPackageRelay('the custom relay', startTarget)
describeControlledRelay('the custom relay', startTarget)
describeLibraries('the custom relay', startTarget)

describe('the custom relay', () => {
  const scene = new Scene(startTarget)

  it('custody relay: packages that both store are shown only by claims, stored or live (I4)', async () => {
    const { target, events, client } = await scene.stocked(2, { custody: 'relay' })
    const filters = [{}, { ids: idsOf(events) }, { authors: [alice.pubkey] }]
    for (const [index, filter] of filters.entries()) {
      expect((await client.request(`all ${index}`, filter)).events).toEqual([])
    }
    const owner = await scene.connect(target, alice)
    expect(idsOf((await owner.request('own', {})).events)).toEqual(idsOf(events).reverse())
    const live = await newEvent(target, alice, { place: { index: 1, of: 2, storeUrl: target.storeUrl } })
    expect(await owner.publish(live)).toEqual([true, ''])
    expect((await client.rest()).filter(([verb]) => verb === 'EVENT')).toEqual([])
    expect((await client.request('claim', packagesOf(alice))).events).toEqual([events[0]])
  })
})
