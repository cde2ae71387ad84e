/** A month in the life of a client, on a clock of its own: forty people reach Alice, whatever she does (issue 6). */

import { describe, expect, it } from '@jest/globals'
import type { MLSMessage, Welcome } from 'ts-mls'
import { ClientScene, type Someone } from '../support/client-scene.ts'
import { eventually } from '../support/eventually.ts'
import { everyStore } from '../support/every-store.ts'
import { GroupMember } from '../support/group-member.ts'
import type { TestServer } from '../support/server.ts'

const HOUR = 3600
const DAY = 24 * HOUR
/** Every 18 hours for thirty days. */
const REQUESTERS = 40
const STOCK = 10
const LOW = 3

/** What happens before somebody asks, by their number. */
const LEAVES = 11
const RETURNS = 24
const ROTATES = 30
const PUBLISHES_SHORT_LIVED = 34

describe.each(everyStore())('a month on %s', (_name, open) => {
  const scene = new ClientScene(open)

  it('Alice is always reachable, and no package but her last is seen by two (I1, I2)', async () => {
    const month = new Month(scene, await scene.serve({ stock: { max: STOCK, low: LOW } }))
    await month.begin()
    for (let number = 0; number < REQUESTERS; number++) {
      scene.advance(18 * HOUR)
      if (number === LEAVES) month.leave()
      if (number === RETURNS) await month.comeBack()
      if (number === ROTATES) await month.rotate()
      if (number === PUBLISHES_SHORT_LIVED) await month.publishShortLived()
      await month.claim(`requester ${number}`)
      await month.settle()
    }

    expect(month.read).toEqual(
      Array.from({ length: REQUESTERS }, (_, index) => `hello from requester ${index}`),
    )
    expect(month.requests).toBeGreaterThanOrEqual(3)
    expect(month.leastStock).toBe(1)
    // Those who came while she was away and but one was left, and nobody else.
    const shared = [...month.seenBy.values()].filter((people) => people.length > 1)
    expect(shared).toEqual([
      [
        'requester 17',
        'requester 18',
        'requester 19',
        'requester 20',
        'requester 21',
        'requester 22',
        'requester 23',
      ],
    ])
    expect(month.expired).toBe(2)
  })
})

interface Invitation {
  readonly ref: string
  readonly welcome: Welcome
  readonly message: MLSMessage
}

class Month {
  /** Who was handed which package, by KeyPackageRef. */
  readonly seenBy = new Map<string, string[]>()
  /** What Alice read in the groups she was added to, in order. */
  readonly read: string[] = []
  /** How often the relay asked her for more. */
  requests = 0
  leastStock = STOCK
  /** How many of her packages expired before anybody asked for them. */
  expired = 0
  readonly #scene: ClientScene
  readonly #server: TestServer
  /** Alice on a device that only looks: she may count her packages at any time. */
  readonly #observer: Someone
  #alice: Someone
  #isThere = true
  #invitations: Invitation[] = []
  #shortLived: readonly string[] = []
  /** All that she publishes because the relay asked. */
  #answer: Promise<void> = Promise.resolve()

  constructor(scene: ClientScene, server: TestServer) {
    this.#scene = scene
    this.#server = server
    this.#alice = scene.connect('alice', server)
    this.#observer = scene.connect('alice', server)
  }

  async begin(): Promise<void> {
    await this.#alice.publish(STOCK)
    this.#listen()
  }

  leave(): void {
    this.#alice.client.close()
    this.#isThere = false
  }

  /** She connects, the relay asks for more at once, and she answers before anything else. */
  async comeBack(): Promise<void> {
    this.#alice = this.#scene.connect('alice', this.#server, {}, this.#alice.own)
    this.#isThere = true
    this.#listen()
    await this.#replenished()
  }

  /** One half of what she has left goes, and new ones take its place: there is never nothing. */
  async rotate(): Promise<void> {
    const [stock] = await this.#alice.client.listKeyPackages()
    if (stock === undefined || !('packages' in stock)) throw new Error('she does not see what she has')
    const old = stock.packages.slice(0, Math.floor(stock.packages.length / 2))
    const { acceptedBy } = await this.#alice.client.deleteKeyPackages(old.map(({ event }) => event))
    expect(acceptedBy).toHaveLength(1)
    for (const { ref } of old) this.#alice.own.delete(ref)
    await this.#alice.publish(STOCK - (await this.stock()))
    expect(await this.stock()).toBe(STOCK)
  }

  /** Two that last a day: the newest, so that older ones are asked for first. */
  async publishShortLived(): Promise<void> {
    const expiration = String(this.#server.now() + DAY)
    this.#shortLived = await this.#alice.publish(2, { tags: [['expiration', expiration]] })
  }

  /** Somebody gets a package, opens a group with it, and writes. */
  async claim(name: string): Promise<void> {
    const left = await this.stock()
    const requester = this.#scene.connect(name, this.#server)
    const { packages } = await requester.client.queryKeyPackages([this.#alice.pubkey])
    const [received, ...more] = packages.get(this.#alice.pubkey) ?? []
    requester.client.close()
    if (received === undefined) throw new Error(`${name} cannot reach Alice`)
    expect(more).toEqual([])
    const people = this.seenBy.get(received.ref) ?? []
    if (people.length > 0) expect(left).toBe(1)
    this.seenBy.set(received.ref, [...people, name])

    const [own] = await requester.generate(1)
    if (own === undefined) throw new Error('nothing was made')
    const group = await GroupMember.open(own)
    const { welcome } = await group.add([received.keyPackage])
    this.#invitations.push({ ref: received.ref, welcome, message: await group.say(`hello from ${name}`) })
  }

  /** What Alice does if she is there: sees to her stock, joins, and deletes what she joined with. */
  async settle(): Promise<void> {
    await this.stock()
    if (!this.#isThere) return
    await this.#replenished()
    const joined = new Set<string>()
    for (const { ref, welcome, message } of this.#invitations.splice(0)) {
      const own = this.#alice.own.get(ref)
      if (own === undefined) throw new Error('she has not kept what she was invited with')
      this.read.push(await (await GroupMember.join(welcome, own)).read(message))
      joined.add(ref)
    }
    for (const ref of joined) await this.#delete(ref)
    this.#noteExpired()
    // What the relay has is what she knows of: unused, and not expired.
    expect(await this.stock()).toBe(this.#alice.own.size)
  }

  /** How many packages she has; never none. */
  async stock(): Promise<number> {
    const [stock] = await this.#observer.client.countKeyPackages()
    if (stock === undefined || !('count' in stock)) throw new Error('there is no count')
    expect(stock.count).toBeGreaterThan(0)
    this.leastStock = Math.min(this.leastStock, stock.count)
    return stock.count
  }

  #listen(): void {
    const alice = this.#alice
    alice.client.onLowStock(() => {
      this.requests += 1
      this.#answer = this.stock().then(async (stock) => void (await alice.publish(STOCK - stock)))
      return this.#answer
    })
  }

  /** She answers in her own time. */
  async #replenished(): Promise<void> {
    await eventually('she has published more', async () => (await this.stock()) >= LOW)
    await this.#answer
  }

  async #delete(ref: string): Promise<void> {
    const own = this.#alice.own.get(ref)
    if (own === undefined) return
    const { acceptedBy } = await this.#alice.client.deleteKeyPackages([own.event])
    expect(acceptedBy).toHaveLength(1)
    this.#alice.own.delete(ref)
  }

  #noteExpired(): void {
    const now = this.#server.now()
    const gone = this.#shortLived.filter((ref) => {
      const expiration = this.#alice.own.get(ref)?.event.tags.find(([name]) => name === 'expiration')?.[1]
      return !this.seenBy.has(ref) && expiration !== undefined && Number(expiration) <= now
    })
    for (const ref of gone) this.#alice.own.delete(ref)
    this.expired += gone.length
  }
}
