/**
 * The real, unchanged nostream with the register hook. It needs NOSTREAM_DIR, a built checkout, and a Node.js that it
 * runs on, as in `NOSTREAM_DIR=~/nostream NOSTREAM_NODE=~/node24/bin/node npm run jest -- test/e2e/nostream`.
 */

import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import type { SignedEvent } from '../../../plugin/nostr/messages.ts'
import { signEvent } from '../../support/key-packages.ts'
import { type Person, person } from '../../support/people.ts'
import { freePort } from '../../support/redis.ts'
import { eventOf, idsOf, newEvent, packagesOf } from '../behaviour/scene.ts'
import { hasNostream, UNLIMITED } from './nostream-relay.ts'
import { NostreamScene } from './nostream-scene.ts'

const describeNostream = hasNostream ? describe : describe.skip
const UNAVAILABLE = 'error: key packages are unavailable, try again'

describeNostream('the real nostream', () => {
  const scene = new NostreamScene()

  describe.each([1, 2])('with the register hook in %i worker(s)', (workers) => {
    const old = person(`old ${workers}`)
    let oldEvents: SignedEvent[]

    beforeAll(async () => {
      await scene.start({ register: false })
      oldEvents = await scene.publish(old, 2)
      expect(await scene.backend.countEvents(443)).toBe(2)
      await scene.start({ register: true, workers, env: { KPG_QUOTA_PER_AUTHOR_MAX: '3' } })
    })
    afterAll(async () => {
      await scene.stop()
      await scene.backend.clear()
    })

    it('logs version, profile and store once', () => {
      const lines = scene.nostream.log
        .split('\n')
        .filter((line) => line.includes('key package gateway added to nostream'))
      expect(lines.map((line) => JSON.parse(line))).toEqual([
        expect.objectContaining({
          version: expect.stringMatching(/^\d+\.\d+\.\d+/),
          profile: 'mixed',
          store: scene.backend.redis.url,
        }),
      ])
    })

    it("stores key packages instead of nostream's database, and hands each out once (I1)", async () => {
      const alice = newPerson()
      const before = await scene.backend.countEvents(443)
      const events = await scene.publish(alice, 3)
      expect(await scene.backend.countEvents(443)).toBe(before)
      const publisher = await scene.connect()
      const [again] = events
      expect(again && (await publisher.publish(again))).toEqual([
        true,
        'duplicate: already received; it is not taken in again',
      ])
      const claimed: string[] = []
      for (const requester of await scene.connectToEach(workers, 2)) {
        claimed.push(...idsOf((await requester.request('claim', packagesOf(alice))).events))
      }
      expect(claimed).toEqual(idsOf(events.slice(0, 2)))
    })

    it('counts the quota of a requester over all workers (I5)', async () => {
      const [alice, bob] = [newPerson(), newPerson()]
      await scene.publish(alice, 6)
      const closed: unknown[] = []
      for (const client of await scene.connectToEach(workers, 4)) {
        await client.authenticate(bob, scene.now())
        closed.push((await client.request('claim', packagesOf(alice))).closed)
      }
      expect(closed).toEqual([undefined, undefined, undefined, expect.stringMatching(/^rate-limited: 3 /)])
    })

    it('shows an owner all of their own, counts them, and deletes them on request', async () => {
      const alice = newPerson()
      const events = await scene.publish(alice, 3)
      const owner = await scene.connect(alice)
      expect((await owner.request('own', packagesOf(alice))).events).toEqual(events.toReversed())
      expect(await owner.count('own', packagesOf(alice))).toEqual({ count: 3 })
      expect(await (await scene.connect()).count('others', packagesOf(alice))).toMatch(/^restricted: /)
      const [first] = idsOf(events)
      const deletion = eventOf(scene, alice, 5, [['e', first ?? '']])
      expect(await owner.publish(deletion)).toEqual([true, ''])
      expect(await owner.count('left', packagesOf(alice))).toEqual({ count: 2 })
      expect((await owner.request('deletions', { kinds: [5], authors: [alice.pubkey] })).events).toEqual([
        deletion,
      ])
    })

    it('does not affect other kinds: stored, found, counted, and sent live by every worker', async () => {
      const alice = newPerson()
      const listeners = await scene.connectToEach(workers, 2)
      const live = { kinds: [1], authors: [alice.pubkey] }
      for (const listener of listeners) await listener.request('live', live)
      const note = noteOf(alice)
      expect(await (await scene.connect()).publish(note)).toEqual([true, ''])
      for (const listener of listeners) {
        expect(await listener.until('EVENT')).toContainEqual(['EVENT', 'live', note])
        expect(await listener.count('notes', live)).toEqual({ count: 1 })
      }
    })

    it('shows key packages that are already in its database only to their author (I4)', async () => {
      const note = noteOf(old)
      await (await scene.connect()).publish(note)
      const [stranger, author] = [await scene.connect(newPerson()), await scene.connect(old)]
      for (const filter of [{ authors: [old.pubkey] }, { ids: idsOf([...oldEvents, note]) }, {}]) {
        const { events } = await stranger.request(JSON.stringify(filter).slice(0, 60), {
          ...filter,
          limit: 50,
        })
        expect(events.filter(({ kind }) => kind === 443)).toEqual([])
        expect(idsOf(events)).toContain(note.id)
      }
      expect((await stranger.request('asked', packagesOf(old))).events).toEqual([])
      expect(await stranger.count('counted', { authors: [old.pubkey] })).toMatch(/^restricted: /)
      const { events } = await author.request('own', { authors: [old.pubkey] })
      expect(idsOf(events)).toEqual(expect.arrayContaining(idsOf(oldEvents)))
    })

    it('sends an owner live what is published at any worker', async () => {
      const alice = newPerson()
      const devices = await scene.connectToEach(workers, 2)
      for (const device of devices) {
        await device.authenticate(alice, scene.now())
        expect((await device.request('own', packagesOf(alice))).events).toEqual([])
      }
      const [event] = await scene.publish(alice, 1)
      for (const device of devices) {
        expect((await device.until('EVENT')).at(-1)).toEqual(['EVENT', 'own', event])
      }
    })

    it('asks an author for more on every worker when a claim leaves too few', async () => {
      const alice = newPerson()
      await scene.publish(alice, 3)
      const devices = await scene.connectToEach(workers, 2)
      for (const device of devices) await device.authenticate(alice, scene.now())
      await (await scene.connect()).request('claim', packagesOf(alice))
      for (const device of devices) {
        expect(await device.until('REQ')).toContainEqual(['REQ', 'keypackages:low', packagesOf(alice)])
      }
    })
  })

  describe('with other settings', () => {
    afterEach(async () => {
      await scene.stop()
      await scene.backend.clear()
    })

    it('stores key packages too with custody relay, and sends them live only to their author (I4)', async () => {
      await scene.start({ register: true, workers: 2, env: { KPG_CUSTODY: 'relay' } })
      const [alice, bob] = [newPerson(), newPerson()]
      const listeners = await scene.connectToEach(2, 2)
      for (const listener of listeners) await listener.request('live', {})
      const author = await scene.connect(alice)
      await author.request('live', { authors: [alice.pubkey] })
      const [event] = await scene.publish(alice, 1)
      const note = noteOf(bob)
      await (await scene.connect()).publish(note)
      expect(await author.until('EVENT')).toContainEqual(['EVENT', 'live', event])
      for (const listener of listeners) {
        const heard = (await listener.until('EVENT')).filter(([verb]) => verb === 'EVENT')
        expect(heard).toEqual([['EVENT', 'live', note]])
      }
      expect(await scene.backend.countEvents(443)).toBe(1)
    })

    it('refuses pubkeys on its own block list, in its own words, before the gateway', async () => {
      const alice = newPerson()
      const limits = { ...UNLIMITED, event: { rateLimits: [], pubkey: { blacklist: [alice.pubkey] } } }
      await scene.start({ register: true, settings: { limits } })
      const client = await scene.connect()
      const event = await newEvent(scene, alice)
      expect(await client.publish(event)).toEqual([false, 'blocked: pubkey not allowed'])
      expect((await client.request('claim', packagesOf(alice))).events).toEqual([])
    })

    it('starts without the store: key packages fail closed, everything else works (I7)', async () => {
      await scene.start({ register: true, env: { KPG_STORE: `redis://127.0.0.1:${await freePort()}` } })
      const [alice, client] = [newPerson(), await scene.connect()]
      expect(await client.publish(await newEvent(scene, alice))).toEqual([false, UNAVAILABLE])
      expect((await client.request('claim', packagesOf(alice))).closed).toBe(UNAVAILABLE)
      const note = noteOf(alice)
      expect(await client.publish(note)).toEqual([true, ''])
      expect((await client.request('notes', { authors: [alice.pubkey] })).events).toEqual([note])
    })
  })

  it('does not start with an invalid setting, and names it', async () => {
    const started = scene.start({ register: true, env: { KPG_STOCK_MAX: 'many' } })
    await expect(started).rejects.toThrow(/stock\.max: .*many.* \(environment variable KPG_STOCK_MAX\)/)
  })
})

let people = 0
function newPerson(): Person {
  people += 1
  return person(`number ${people}`)
}

function noteOf({ secretKey }: Person): SignedEvent {
  const created_at = Math.floor(Date.now() / 1000)
  return signEvent(secretKey, { kind: 1, created_at, tags: [], content: 'hello' })
}
