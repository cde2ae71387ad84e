/** What authors do with key packages they published: look at them, count them, delete them. */

import { describe, expect, it } from '@jest/globals'
import { memoryStore } from '../../adapters/storage/memory.ts'
import { ClientScene } from '../support/client-scene.ts'

const scene = new ClientScene(memoryStore)

describe('an author’s own packages', () => {
  it('a deleted package is at no relay any more, and does not come back (I3)', async () => {
    const server = await scene.serve()
    const alice = scene.connect('alice', server)
    const [first, second] = await alice.publish(2)
    const kept = alice.own.get(first ?? '')
    if (kept === undefined) throw new Error('nothing was kept')
    await alice.client.deleteKeyPackages([kept.event])
    expect(await alice.client.countKeyPackages()).toMatchObject([{ count: 1 }])
    const [again] = await alice.client.publishKeyPackages([kept.publicPackage])
    expect(again?.acceptedBy).toMatchObject([{ message: 'duplicate: this key package was already used' }])
    expect(await scene.connect('bob', server).claim(alice)).toEqual([second])
  })

  it('an owner sees what is left without using it up, and what was handed out as the last (I2)', async () => {
    const server = await scene.serve()
    const alice = scene.connect('alice', server)
    const refs = await alice.publish(2)
    const listed = async () => {
      const [stock] = await alice.client.listKeyPackages()
      return stock !== undefined && 'packages' in stock ? stock.packages : []
    }
    expect((await listed()).map(({ ref, exposed }) => [ref, exposed]).sort()).toEqual(
      refs.map((ref) => [ref, undefined]).sort(),
    )
    await scene.connect('bob', server).claim(alice)
    scene.advance(60)
    for (const name of ['carol', 'dave']) await scene.connect(name, server).claim(alice)
    expect(await listed()).toMatchObject([{ exposed: { requests: 2, since: server.now() } }])
  })

  it('whom the gateway does not know to be the owner it shows nothing, and nothing is used up', async () => {
    // It knows itself by another address, so that no proof is good enough.
    const server = await scene.serve({ publicUrl: 'wss://elsewhere.example' })
    const alice = scene.connect('alice', server)
    await alice.publish(2)
    const reason = 'restricted: only the author may count key packages'
    for (const _turn of [1, 2, 3]) {
      expect(await alice.client.listKeyPackages()).toEqual([{ relay: `${server.url}/`, reason }])
    }
    const [first, second] = [scene.connect('bob', server), scene.connect('carol', server)]
    expect(await first.claim(alice)).not.toEqual(await second.claim(alice))
  })

  it('without a signer a client asks, and nothing else', async () => {
    const server = await scene.serve()
    const alice = scene.connect('alice', server)
    await alice.publish(2)
    const nobody = scene.connect('nobody', server, { signer: undefined })
    expect(await nobody.claim(alice)).toHaveLength(1)
    await expect(nobody.client.deleteKeyPackages([])).rejects.toThrow(
      'a client without a signer can only ask',
    )
    await expect(nobody.client.countKeyPackages()).rejects.toThrow('a client without a signer can only ask')
    await expect(nobody.client.listKeyPackages()).rejects.toThrow('a client without a signer can only ask')
    expect(() => nobody.client.onLowStock(() => {})).toThrow('a client without a signer can only ask')
  })

  it('refuses an address that is none, no address at all, an author who is no pubkey, and no patience', async () => {
    const server = await scene.serve()
    expect(() => scene.connect('alice', server, { relays: ['ws://'] })).toThrow('Invalid URL')
    expect(() => scene.connect('alice', server, { relays: [] })).toThrow('name at least one relay')
    for (const none of [{ attempts: 0 }, { attempts: Number.NaN }, { patienceSeconds: 0 }]) {
      expect(() => scene.connect('alice', server, none)).toThrow('attempts are at least 1')
    }
    await expect(scene.connect('alice', server).client.queryKeyPackages(['npub1'])).rejects.toThrow(
      'a pubkey has 64 lower-case hex characters: "npub1"',
    )
  })
})
