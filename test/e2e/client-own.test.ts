/** Owners and their own key packages: listing, counting, deleting. */

import { describe, expect, it } from '@jest/globals'
import { createSlotId } from '../../adapters/client/events.ts'
import { generateKeyPackage } from '../../adapters/client/generate.ts'
import { memoryStore } from '../../adapters/storage/memory.ts'
import { ClientScene } from '../support/client-scene.ts'

const scene = new ClientScene(memoryStore)

describe('an owner', () => {
  it('deletes a package, and it does not come back (I3)', async () => {
    const server = await scene.serve()
    const alice = scene.connect('alice', server)
    const [first, second] = await alice.publish(2)
    const kept = alice.own.get(first ?? '')
    if (kept === undefined) throw new Error('no private keys were kept')
    await alice.client.deleteKeyPackages([kept.event])
    expect(await alice.client.countKeyPackages()).toMatchObject([{ count: 1 }])
    const [again] = await alice.client.publishKeyPackages([kept.publicPackage])
    expect(again).toMatchObject({
      outcome: 'accepted',
      relays: [{ message: 'duplicate: this key package was already used' }],
    })
    expect(await scene.connect('bob', server).claim(alice)).toEqual([second])
  })

  it('lists the packages left without spending any, and sees which was delivered as the last (I2)', async () => {
    const server = await scene.serve()
    const alice = scene.connect('alice', server)
    const refs = await alice.publish(2)
    const listed = async () => {
      const [stock] = await alice.client.listKeyPackages()
      return stock?.outcome === 'listed' ? stock.packages : []
    }
    expect((await listed()).map(({ ref, exposed }) => [ref, exposed]).sort()).toEqual(
      refs.map((ref) => [ref, undefined]).sort(),
    )
    await scene.connect('bob', server).claim(alice)
    scene.advance(60)
    for (const name of ['carol', 'dave']) await scene.connect(name, server).claim(alice)
    expect(await listed()).toMatchObject([{ exposed: { requests: 2, since: server.now() } }])
  })

  it('who is not authenticated at the gateway is shown nothing, and nothing is spent', async () => {
    // The AUTH event names another relay than `publicUrl`, so the gateway does not accept it.
    const server = await scene.serve({
      publicUrl: 'wss://elsewhere.example',
      claim: { redeliverySeconds: 0 },
    })
    const alice = scene.connect('alice', server)
    await alice.publish(2)
    const reason = 'restricted: only the author may count key packages'
    for (const _turn of [1, 2, 3]) {
      expect(await alice.client.listKeyPackages()).toEqual([
        { relay: `${server.url}/`, outcome: 'unanswered', reason },
      ])
    }
    const [first, second] = [scene.connect('bob', server), scene.connect('carol', server)]
    expect(await first.claim(alice)).not.toEqual(await second.claim(alice))
  })

  it('gets plain data from every method, and so do those who ask: JSON keeps it unchanged', async () => {
    const server = await scene.serve({ quota: { perAuthor: { max: 1 } } })
    const alice = scene.connect('alice', server)
    await alice.publishSlot(createSlotId())
    const { publicPackage } = await generateKeyPackage({ pubkey: alice.pubkey, now: server.now() })
    const bob = scene.connect('bob', server, { attempts: 1 })
    const nobody = scene.connect('nobody', server)
    const authors = [alice.pubkey, nobody.pubkey]
    const results = [
      await alice.client.publishKeyPackages([publicPackage]),
      await alice.client.publishRelayList(),
      await alice.client.countKeyPackages(),
      await alice.client.listKeyPackages(),
      await bob.client.discover(alice.pubkey),
      await bob.client.queryKeyPackages(authors),
      await bob.client.queryKeyPackages(authors, { ask: 'one-time' }),
      await bob.client.queryKeyPackages(authors, { relays: ['ws://127.0.0.1:1'], ask: 'slots' }),
      bob.client.statistics.of(alice.pubkey),
    ]
    expect(JSON.parse(JSON.stringify(results))).toEqual(results)
    expect(bob.client.statistics.of(alice.pubkey)).toMatchObject({ delivered: 1, limited: 1, unanswered: 1 })
  })

  it('needs a signer; without one a client can only query', async () => {
    const server = await scene.serve()
    const alice = scene.connect('alice', server)
    await alice.publish(2)
    const nobody = scene.connect('nobody', server, { signer: undefined })
    expect(await nobody.claim(alice)).toHaveLength(1)
    await expect(nobody.client.deleteKeyPackages([])).rejects.toThrow('this needs a signer')
    await expect(nobody.client.countKeyPackages()).rejects.toThrow('this needs a signer')
    await expect(nobody.client.listKeyPackages()).rejects.toThrow('this needs a signer')
    expect(() => nobody.client.onLowStock(() => {})).toThrow('this needs a signer')
  })

  it('gets an error for an invalid address, no address, an invalid pubkey, no attempts and no timeout', async () => {
    const server = await scene.serve()
    expect(() => scene.connect('alice', server, { relays: ['ws://'] })).toThrow('Invalid URL')
    expect(() => scene.connect('alice', server, { relays: [] })).toThrow('at least one relay is required')
    for (const settings of [{ attempts: 0 }, { attempts: Number.NaN }, { timeoutSeconds: 0 }]) {
      expect(() => scene.connect('alice', server, settings)).toThrow('attempts must be at least 1')
    }
    await expect(scene.connect('alice', server).client.queryKeyPackages(['npub1'])).rejects.toThrow(
      'a pubkey must be 64 lower-case hex characters, not "npub1"',
    )
  })
})
