/**
 * The real nostream, unchanged, with the register hook. It needs NOSTREAM_DIR, a built checkout, and a Node.js that it
 * runs on, as in `NOSTREAM_DIR=~/nostream NOSTREAM_NODE=~/node24/bin/node npm run jest -- test/e2e/nostream`.
 */

import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals'
import type { SignedEvent } from '../../plugin/nostr/messages.ts'
import { signEvent } from '../support/key-packages.ts'
import { type Person, person } from '../support/people.ts'
import { freePort } from '../support/redis.ts'
import { eventOf, idsOf, newEvent, packagesOf, type Target } from './behaviour/scene.ts'
import { Client } from './client.ts'
import {
  hasNostream,
  NostreamBackend,
  NostreamRelay,
  type NostreamSettings,
  UNLIMITED,
} from './nostream-relay.ts'

jest.setTimeout(60_000)

const describeNostream = hasNostream ? describe : describe.skip
const UNAVAILABLE = 'error: key packages are unavailable, try again'
const now = () => Math.floor(Date.now() / 1000)

let backend: NostreamBackend
let nostream: NostreamRelay
let target: Target
let clients: Client[] = []

describeNostream('the real nostream', () => {
  beforeAll(async () => {
    backend = await NostreamBackend.start()
  })
  afterEach(async () => {
    await Promise.all(clients.map((client) => client.close()))
    clients = []
  })
  afterAll(() => backend.stop())

  describe.each([1, 2])('with the register hook in %i worker(s)', (workers) => {
    const old = person(`old ${workers}`)
    let oldEvents: SignedEvent[]

    beforeAll(async () => {
      await run({ register: false })
      oldEvents = await publish(old, 2)
      expect(await backend.countEvents(443)).toBe(2)
      await nostream.stop()
      await run({ register: true, workers, env: { KPG_QUOTA_PER_AUTHOR_MAX: '3' } })
    })
    afterAll(async () => {
      await nostream.stop()
      await backend.clear()
    })

    it('says once what it is: version, profile and store', () => {
      const lines = nostream.log.split('\n').filter((line) => line.includes('nostream has key packages'))
      expect(lines.map((line) => JSON.parse(line))).toEqual([
        expect.objectContaining({
          version: expect.stringMatching(/^\d+\.\d+\.\d+/),
          profile: 'nip-ee-relay',
          store: backend.redis.url,
        }),
      ])
    })

    it("takes key packages in instead of nostream's database, and hands each out once (I1)", async () => {
      const alice = newPerson()
      const before = await backend.countEvents(443)
      const events = await publish(alice, 3)
      expect(await backend.countEvents(443)).toBe(before)
      const publisher = await connect()
      const [again] = events
      expect(again && (await publisher.publish(again))).toEqual([
        true,
        'duplicate: already have this key package',
      ])
      const claimed: string[] = []
      for (const requester of await onEachWorker(workers, 2)) {
        claimed.push(...idsOf((await requester.request('claim', packagesOf(alice))).events))
      }
      expect(claimed).toEqual(idsOf(events.slice(0, 2)))
    })

    it('counts the quota of a requester over all workers (I5)', async () => {
      const [alice, bob] = [newPerson(), newPerson()]
      await publish(alice, 6)
      const closed: unknown[] = []
      for (const client of await onEachWorker(workers, 4)) {
        await client.authenticate(bob, now())
        closed.push((await client.request('claim', packagesOf(alice))).closed)
      }
      expect(closed).toEqual([undefined, undefined, undefined, expect.stringMatching(/^rate-limited: 3 /)])
    })

    it('shows an owner all of its own, counts them, and takes them out by a deletion', async () => {
      const alice = newPerson()
      const events = await publish(alice, 3)
      const owner = await connect(alice)
      expect((await owner.request('own', packagesOf(alice))).events).toEqual(events.toReversed())
      expect(await owner.count('own', packagesOf(alice))).toEqual({ count: 3 })
      expect(await (await connect()).count('others', packagesOf(alice))).toMatch(/^restricted: /)
      const [first] = idsOf(events)
      const deletion = eventOf(target, alice, 5, [['e', first ?? '']])
      expect(await owner.publish(deletion)).toEqual([true, ''])
      expect(await owner.count('left', packagesOf(alice))).toEqual({ count: 2 })
      expect((await owner.request('deletions', { kinds: [5], authors: [alice.pubkey] })).events).toEqual([
        deletion,
      ])
    })

    it('leaves other kinds as they were: stored, found, counted, and shown live by every worker', async () => {
      const alice = newPerson()
      const listeners = await onEachWorker(workers, 2)
      const live = { kinds: [1], authors: [alice.pubkey] }
      for (const listener of listeners) await listener.request('live', live)
      const note = noteOf(alice)
      expect(await (await connect()).publish(note)).toEqual([true, ''])
      for (const listener of listeners) {
        expect(await listener.until('EVENT')).toContainEqual(['EVENT', 'live', note])
        expect(await listener.count('notes', live)).toEqual({ count: 1 })
      }
    })

    it('shows nobody but their author the key packages that its database has from earlier (I4)', async () => {
      const note = noteOf(old)
      await (await connect()).publish(note)
      const [stranger, author] = [await connect(newPerson()), await connect(old)]
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

    it('asks an author for more on every worker when a claim leaves too few', async () => {
      const alice = newPerson()
      await publish(alice, 3)
      const devices = await onEachWorker(workers, 2)
      for (const device of devices) await device.authenticate(alice, now())
      await (await connect()).request('claim', packagesOf(alice))
      for (const device of devices) {
        expect(await device.until('REQ')).toContainEqual(['REQ', 'keypackages:low', packagesOf(alice)])
      }
    })
  })

  describe('set up otherwise', () => {
    afterEach(async () => {
      await nostream.stop()
      await backend.clear()
    })

    it('with custody relay keeps key packages too, and shows them live to their author alone (I4)', async () => {
      await run({ register: true, workers: 2, env: { KPG_CUSTODY: 'relay' } })
      const [alice, bob] = [newPerson(), newPerson()]
      const listeners = await onEachWorker(2, 2)
      for (const listener of listeners) await listener.request('live', {})
      const author = await connect(alice)
      await author.request('live', { authors: [alice.pubkey] })
      const [event] = await publish(alice, 1)
      const note = noteOf(bob)
      await (await connect()).publish(note)
      expect(await author.until('EVENT')).toContainEqual(['EVENT', 'live', event])
      for (const listener of listeners) {
        const heard = (await listener.until('EVENT')).filter(([verb]) => verb === 'EVENT')
        expect(heard).toEqual([['EVENT', 'live', note]])
      }
      expect(await backend.countEvents(443)).toBe(1)
    })

    it('refuses whom it refuses, in its own words, and the gateway never hears of it', async () => {
      const alice = newPerson()
      const limits = { ...UNLIMITED, event: { rateLimits: [], pubkey: { blacklist: [alice.pubkey] } } }
      await run({ register: true, settings: { limits } })
      const client = await connect()
      const event = await newEvent(target, alice)
      expect(await client.publish(event)).toEqual([false, 'blocked: pubkey not allowed'])
      expect((await client.request('claim', packagesOf(alice))).events).toEqual([])
    })

    it('starts without the store: key packages fail closed, all else goes on (I7)', async () => {
      await run({ register: true, env: { KPG_STORE: `redis://127.0.0.1:${await freePort()}` } })
      const [alice, client] = [newPerson(), await connect()]
      expect(await client.publish(await newEvent(target, alice))).toEqual([false, UNAVAILABLE])
      expect((await client.request('claim', packagesOf(alice))).closed).toBe(UNAVAILABLE)
      const note = noteOf(alice)
      expect(await client.publish(note)).toEqual([true, ''])
      expect((await client.request('notes', { authors: [alice.pubkey] })).events).toEqual([note])
    })
  })

  it('does not start with a setting that is wrong, and says which', async () => {
    const started = run({ register: true, env: { KPG_STOCK_MAX: 'many' } })
    await expect(started).rejects.toThrow(/stock\.max: .*many.* \(environment variable KPG_STOCK_MAX\)/)
  })
})

async function run(settings: NostreamSettings): Promise<void> {
  nostream = await NostreamRelay.start(backend, settings)
  target = { url: nostream.url, now, stop: () => nostream.stop() }
}

async function connect(as?: Person): Promise<Client> {
  const client = await Client.connect(nostream.url)
  clients.push(client)
  if (as !== undefined) await client.authenticate(as, now())
  return client
}

/** So many connections, spread over all of the workers. */
async function onEachWorker(workers: number, count: number): Promise<Client[]> {
  for (;;) {
    const connected = await Promise.all(Array.from({ length: count }, () => connect()))
    const theirs = new Set(connected.map((client) => nostream.workerOf(client)))
    if (theirs.size === workers) return connected
  }
}

async function publish(author: Person, count: number): Promise<SignedEvent[]> {
  const client = await connect()
  const events: SignedEvent[] = []
  for (let index = 0; index < count; index++) {
    const event = await newEvent(target, author, { createdAt: now() - 60 - count + index })
    expect(await client.publish(event)).toEqual([true, ''])
    events.push(event)
  }
  return events
}

let people = 0
function newPerson(): Person {
  people += 1
  return person(`number ${people}`)
}

function noteOf({ secretKey }: Person): SignedEvent {
  return signEvent(secretKey, { kind: 1, created_at: now(), tags: [], content: 'hello' })
}
