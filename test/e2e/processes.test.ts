/** Real `serve` processes: killed while busy, two on one store, and stopped. */

import { basename } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import type { SignedEvent } from '../../plugin/nostr/messages.ts'
import type { OptionsInput } from '../../plugin/options.ts'
import type { Client, Reply } from '../support/client.ts'
import { STORE_URL } from '../support/delivery-order.ts'
import { type Person, person } from '../support/people.ts'
import { seededRandom } from '../support/random.ts'
import { type RedisServer, startRedis } from '../support/redis.ts'
import { scratch } from '../support/scratch.ts'
import { alice, bob, EACH_ANEW, idsOf, newEvent, packagesOf, Scene, type Target } from './behaviour/scene.ts'
import { claimSlots, publishSlot, ROTATE, TRUSTED } from './life/rotation.ts'
import { type ServeProcess, startServe } from './serve-process.ts'

/** Limits that these tests do not reach. */
const PLENTY = {
  quota: {
    perAuthor: { max: 10_000 },
    perAddress: { max: 100_000 },
    perRequester: { max: 1_000_000 },
    publish: { max: 100_000 },
    publishPerAddress: { max: 1_000_000 },
  },
  stock: { max: 1000 },
} as const

const USED = 'duplicate: already received; it is not taken in again'
const IN_STOCK = 'duplicate: already received; it is not taken in again'

let directory: string
beforeEach(() => {
  directory = scratch()
})

const scene = new Scene<ServeProcess>((options) => startServe(directory, { ...EACH_ANEW, ...options }))

describe('kill -9 while publishing and claiming', () => {
  const AUTHORS = [alice, bob]
  const EACH_ROUND = 6

  it('loses no acknowledged package, and hands none out twice (I1, I3, I6)', async () => {
    const random = seededRandom(20_231_114)
    const acknowledged = new Map<string, SignedEvent>()
    const delivered: string[] = []
    let unanswered = 0

    for (let round = 0; round < 5; round++) {
      const target = await scene.start(PLENTY)
      // Claims of a round may be faster than its publications, so there are enough packages beforehand.
      for (const author of AUTHORS) {
        for (const event of await scene.publish(target, author, EACH_ROUND + 1))
          acknowledged.set(event.id, event)
      }
      const events: SignedEvent[] = []
      for (let index = 0; index < EACH_ROUND; index++) {
        for (const author of AUTHORS) events.push(await newEvent(target, author, { createdAt: target.now() }))
      }
      const [publisher, claimer] = [await scene.connect(target), await scene.connect(target)]
      publisher.send(...events.map((event) => ['EVENT', event]))
      const claims = events.map(({ pubkey }, index) => [
        'REQ',
        `${index}`,
        { kinds: [443], authors: [pubkey] },
      ])
      claimer.send(...claims)

      await answers(random(2) === 0 ? publisher : claimer, 1 + random(events.length - 1))
      target.kill('SIGKILL')
      await Promise.all([target.finished, publisher.ended, claimer.ended])

      for (const event of events) if (wasAcknowledged(publisher, event)) acknowledged.set(event.id, event)
      delivered.push(...deliveredTo(claimer))
      unanswered += claims.length - claimer.history.filter(([verb]) => verb === 'EOSE').length
    }

    const target = await scene.start(PLENTY)
    const inStock = new Map<Person, string[]>()
    for (const author of AUTHORS) {
      const owner = await scene.connect(target, author)
      inStock.set(author, idsOf((await owner.request('own', packagesOf(author))).events))
    }
    const remaining = new Set([...inStock.values()].flat())
    expect(delivered.length).toBeGreaterThan(0)
    expect(new Set(delivered).size).toBe(delivered.length)
    expect(delivered.filter((id) => remaining.has(id))).toEqual([])

    const client = await scene.connect(target)
    for (const [id, event] of acknowledged) {
      expect(await client.publish(event)).toEqual([true, remaining.has(id) ? IN_STOCK : USED])
    }
    // A claim that was committed before the process died, but not yet answered, has spent a package.
    const unseen = [...acknowledged.keys()].filter((id) => !remaining.has(id) && !delivered.includes(id))
    expect(unseen.length).toBeLessThanOrEqual(unanswered)

    for (const [author, ids] of inStock) {
      const claimed: string[] = []
      for (let turn = 0; turn < ids.length; turn++)
        claimed.push(...idsOf((await client.request('claim', packagesOf(author))).events))
      expect(claimed.sort()).toEqual(ids.sort())
    }
  })
})

/** Packages are delivered in the order in which a scene publishes them. */
const IN_ORDER: OptionsInput = { ...PLENTY, publicUrl: STORE_URL }

describe.each(['LMDB path', 'Redis'])('two serve processes on one %s', (kind) => {
  let redis: RedisServer | undefined
  beforeAll(async () => {
    if (kind === 'Redis') redis = await startRedis()
  })
  afterAll(() => redis?.stop())

  /** All processes of a test share a store; each test has its own. */
  function start(options: OptionsInput): Promise<ServeProcess> {
    const shared = redis && { store: `${redis.url}?prefix=${basename(directory)}:` }
    return scene.start({ ...options, ...shared })
  }

  it('keep I1, I2 and I5 under a race of many requesters for one author', async () => {
    const options = { ...PLENTY, quota: { ...PLENTY.quota, perAuthor: { max: 2 } } }
    const targets = [await start(options), await start(options)]
    const [first, second] = targets
    if (first === undefined || second === undefined) throw new Error('expected two')
    const packages = [...(await scene.publish(first, alice, 5)), ...(await scene.publish(second, alice, 5))]

    const racers = await Promise.all(
      Array.from({ length: 24 }, (_, index) => connectToBoth(targets, person(`requester ${index}`))),
    )
    for (const clients of racers) {
      for (const client of clients)
        client.send(...[1, 2, 3].map((turn) => ['REQ', `${turn}`, packagesOf(alice)]))
    }
    const perRacer = await Promise.all(
      racers.map(async (clients) => (await Promise.all(clients.map(threeReplies))).flat()),
    )

    const [last] = await remainingOf(first)
    expect(await remainingOf(second)).toEqual([last])
    for (const replies of perRacer) {
      const served = replies.filter(({ closed }) => closed === undefined)
      expect(served.map(({ events }) => events.length)).toEqual([1, 1])
      expect(replies.filter(({ closed }) => closed?.startsWith('rate-limited: '))).toHaveLength(4)
    }
    const spent = perRacer
      .flat()
      .flatMap(({ events }) => idsOf(events))
      .filter((id) => id !== last)
    expect(spent.sort()).toEqual(
      idsOf(packages)
        .filter((id) => id !== last)
        .sort(),
    )
  })

  it('know at once what the other stored and handed out (I3)', async () => {
    const [first, second] = [await start(IN_ORDER), await start(IN_ORDER)]
    const [older, newer] = await scene.publish(first, alice, 2)
    if (older === undefined || newer === undefined) throw new Error('expected two')
    const [here, there] = [await scene.connect(first), await scene.connect(second)]
    expect(await there.publish(older)).toEqual([true, IN_STOCK])
    expect(idsOf((await there.request('claim', packagesOf(alice))).events)).toEqual([older.id])
    expect(await here.publish(older)).toEqual([true, USED])
    expect(idsOf((await here.request('claim', packagesOf(alice))).events)).toEqual([newer.id])
  })

  it('show owners what the other stored, and ask them for more when the other has handed out too much', async () => {
    const options = { ...PLENTY, stock: { ...PLENTY.stock, low: 2 } }
    const [first, second] = [await start(options), await start(options)]
    const owner = await scene.connect(first, alice)
    await owner.request('own', packagesOf(alice))
    const events = await scene.publish(second, alice, 2)
    for (const event of events) expect(await owner.until('EVENT')).toEqual([['EVENT', 'own', event]])
    await (await scene.connect(second)).request('claim', packagesOf(alice))
    expect(await owner.until('REQ')).toEqual([['REQ', 'keypackages:low', packagesOf(alice)]])
    await scene.publish(second, alice, 1)
    await owner.until('CLOSED', 'keypackages:low')
  })

  it('ask authors to rotate a slot that many have claimed at the other, until it is replaced there', async () => {
    const options = { replenish: { rotateAfter: 3 }, proxy: TRUSTED }
    const [first, second] = [await start(options), await start(options)]
    await publishSlot(scene, second, 60)
    const owner = await scene.connect(first, alice)
    await claimSlots(second, 1, 3)
    expect((await owner.until('REQ')).at(-1)).toEqual(ROTATE)
    const late = await scene.connect(first, alice)
    expect((await late.until('REQ')).at(-1)).toEqual(ROTATE)
    await publishSlot(scene, second, 50)
    for (const device of [owner, late]) await device.until('CLOSED', 'keypackages:low')
  })

  it('keep working when the other is killed', async () => {
    const [first, second] = [await start(IN_ORDER), await start(IN_ORDER)]
    const events = await scene.publish(first, alice, 3)
    first.kill('SIGKILL')
    await first.finished
    const client = await scene.connect(second)
    expect(idsOf((await client.request('claim', packagesOf(alice))).events)).toEqual([events[0]?.id])
    expect(await client.publish(await newEvent(second, alice))).toEqual([true, ''])
  })

  async function connectToBoth(targets: readonly Target[], someone: Person): Promise<Client[]> {
    return Promise.all(targets.map((target) => scene.connect(target, someone)))
  }

  async function remainingOf(target: Target): Promise<string[]> {
    const owner = await scene.connect(target, alice)
    return idsOf((await owner.request('own', packagesOf(alice))).events)
  }
})

describe('SIGTERM', () => {
  it('drains: earlier messages are answered, claims included, then 1001 and exit 0', async () => {
    const target = await scene.start(PLENTY)
    await scene.publish(target, bob, 10)
    const events = await Promise.all(Array.from({ length: 10 }, () => newEvent(target, alice)))
    const client = await scene.connect(target)
    client.together(() => {
      for (const [index, event] of events.entries()) {
        client.send(['EVENT', event], ['REQ', `${index}`, packagesOf(bob)])
      }
    })
    await client.until('OK')
    target.kill('SIGTERM')
    expect(await client.ended).toBe(1001)
    expect((await target.finished).code).toBe(0)
    expect(events.filter((event) => wasAcknowledged(client, event))).toHaveLength(10)
    expect(new Set(deliveredTo(client)).size).toBe(10)
  })
})

async function threeReplies(client: Client): Promise<Reply[]> {
  return [await client.reply('1'), await client.reply('2'), await client.reply('3')]
}

/** Waits until a client has received `count` answers. */
async function answers(client: Client, count: number): Promise<void> {
  for (let index = 0; index < count; index++) {
    await client.untilAny('OK', 'EOSE')
  }
}

function wasAcknowledged({ history }: Client, { id }: SignedEvent): boolean {
  return history.some(([verb, subject, accepted]) => verb === 'OK' && subject === id && accepted === true)
}

function deliveredTo({ history }: Client): string[] {
  return history.flatMap(([verb, , event]) => (verb === 'EVENT' ? [(event as SignedEvent).id] : []))
}
