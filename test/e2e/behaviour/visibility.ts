/** What an owner sees with REQ and COUNT, and that nobody else sees a package without a claim (I4). */

import { describe, expect } from '@jest/globals'
import type { RelayMessage } from '../../../plugin/nostr/messages.ts'
import type { Rows } from './rows.ts'
import { alice, bob, eventOf, idsOf, newEvent, packagesOf, Scene, type StartTarget } from './scene.ts'

const ONLY_THE_AUTHOR = 'restricted: only the author may count key packages'

export function describeVisibility(startTarget: StartTarget, it: Rows): void {
  describe('a REQ of the owner', () => {
    const scene = new Scene(startTarget)

    it('returns all packages, newest first, as published, without spending any or using quota', async () => {
      const { target, events } = await scene.stocked(3, { quota: { perAuthor: { max: 1 } } })
      const owner = await scene.connect(target, alice)
      for (const turn of [1, 2, 3]) {
        const reply = await owner.request(`own ${turn}`, packagesOf(alice))
        expect(reply.events).toEqual(events.toReversed())
      }
    })

    it('`limit` as in NIP-01, and `#f` as for others', async () => {
      const { target, events } = await scene.stocked(3)
      const owner = await scene.connect(target, alice)
      const { events: newest } = await owner.request('own', { ...packagesOf(alice), limit: 1, '#f': ['hex'] })
      expect(idsOf(newest)).toEqual([events[2]?.id])
      expect(newest[0]?.tags).toContainEqual(['encoding', 'hex'])
    })

    it('is followed by a live feed of own packages after EOSE, until CLOSE', async () => {
      const target = await scene.start()
      const owner = await scene.connect(target, alice)
      expect((await owner.request('own', packagesOf(alice))).events).toEqual([])
      const [published] = await scene.publish(target, alice, 1)
      expect(await owner.until('EVENT', 'own')).toContainEqual(['EVENT', 'own', published])
      owner.send(['CLOSE', 'own'])
      await owner.rest()
      await scene.publish(target, alice, 1)
      expect(eventsIn(await owner.rest())).toEqual([])
    })
  })

  describe('other ways to see packages', () => {
    const scene = new Scene(startTarget)

    it('live feed for others: none; a package published later is never pushed (I4)', async () => {
      const { target, client } = await scene.stocked(1)
      await client.authenticate(bob, target.now())
      await client.request('claim', packagesOf(alice))
      await client.request('wildcard', { authors: [alice.pubkey] })
      await client.rest()
      await scene.publish(target, alice, 2)
      expect(await client.rest()).toEqual([])
    })

    it('COUNT: owner: the true number', async () => {
      const { target } = await scene.stocked(3)
      const owner = await scene.connect(target, alice)
      expect(await owner.count('own', packagesOf(alice))).toEqual({ count: 3 })
    })

    it('COUNT: others, pure key package filters: CLOSED (I4)', async () => {
      const { target, events, client } = await scene.stocked(3)
      await client.authenticate(bob, target.now())
      for (const filter of [
        { kinds: [443] },
        packagesOf(alice),
        packagesOf(alice, bob),
        { kinds: [443], ids: idsOf(events) },
      ]) {
        expect(await client.count('others', filter)).toBe(ONLY_THE_AUTHOR)
      }
    })

    it('COUNT: mixed: the rest is forwarded without the key package kind (I4)', async () => {
      const { target, client } = await scene.stocked(3)
      await client.publish(eventOf(target, alice, 10051, [['relay', 'wss://relay.example.com']]))
      const mixed = { kinds: [443, 10051], authors: [alice.pubkey] }
      expect(await client.count('mixed', mixed)).toEqual({ count: 1 })
      await client.authenticate(alice, target.now())
      expect(await client.count('mixed', mixed)).toEqual({ count: 4 })
    })

    it('NEG-OPEN: nothing left: NEG-ERR (I4)', async () => {
      const { client } = await scene.stocked(1)
      client.send(['NEG-OPEN', 'sync', packagesOf(alice), '6100'])
      expect((await client.until('NEG-ERR', 'sync')).at(-1)).toEqual([
        'NEG-ERR',
        'sync',
        'blocked: key packages cannot be synchronised',
      ])
    })

    it('CLOSE ends a subscription; a REQ with an open id replaces it', async () => {
      const { target } = await scene.stocked(1)
      const owner = await scene.connect(target, alice)
      await owner.request('own', packagesOf(alice))
      await owner.request('own', packagesOf(bob))
      await scene.publish(target, alice, 1)
      expect(eventsIn(await owner.rest())).toEqual([])
      owner.send(['CLOSE', 'own'], ['CLOSE', 'own'], ['CLOSE', 'never opened'])
      expect((await owner.request('own', packagesOf(alice))).events).toHaveLength(2)
    })

    it('a CLOSE before the answer is ready sends nothing and releases the claim', async () => {
      const { events, client } = await scene.stocked(2)
      await client.challenge()
      client.together(() => client.send(['REQ', 'claim', packagesOf(alice)], ['CLOSE', 'claim']))
      expect((await client.rest()).filter(([verb]) => verb !== 'AUTH')).toEqual([])
      expect(idsOf((await client.request('again', packagesOf(alice))).events)).toEqual([events[0]?.id])
    })

    it('messages of one connection are answered as if handled in order', async () => {
      const target = await scene.start()
      const client = await scene.connect(target)
      await client.challenge()
      const [first, second] = [await newEvent(target, alice), await newEvent(target, alice)]
      client.together(() =>
        client.send(
          ['EVENT', first],
          ['REQ', 'one', packagesOf(alice)],
          ['EVENT', second],
          ['REQ', 'two', packagesOf(alice)],
          ['EVENT', first],
        ),
      )
      await client.until('EOSE', 'two')
      expect((await client.until('OK')).at(-1)?.[1]).toBe(first.id)
    })
  })
}

/** Ignores requests for more packages, which may come at any time. */
function eventsIn(messages: readonly RelayMessage[]): RelayMessage[] {
  return messages.filter(([verb]) => verb === 'EVENT')
}
