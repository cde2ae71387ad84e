/** A simulated month: forty people claim a package of Alice and reach her, while she leaves, returns and rotates. */

import { describe, expect, it } from '@jest/globals'
import type { MLSMessage, Welcome } from 'ts-mls'
import { getKeyPackage } from '../../adapters/client/events.ts'
import { byOutcome, ClientScene, type Someone } from '../support/client-scene.ts'
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

/** Before which requester, by number, something happens. */
const LEAVES = 11
const RETURNS = 24
const ROTATES = 30
const PUBLISHES_SHORT_LIVED = 34

describe.each(everyStore())('a month on %s', (_name, open) => {
  const scene = new ClientScene(open)

  it('Alice can always be reached, and only her last package goes to more than one requester (I1, I2)', async () => {
    const month = new Month(scene, await scene.serve({ stock: { max: STOCK, low: LOW } }))
    await month.begin()
    for (let number = 0; number < REQUESTERS; number++) {
      scene.advance(18 * HOUR)
      if (number === LEAVES) month.leave()
      if (number === RETURNS) await month.comeBack()
      if (number === ROTATES) await month.rotate()
      if (number === PUBLISHES_SHORT_LIVED) await month.publishShortLived()
      await month.claim(`requester ${number}`)
      await month.catchUp()
    }

    expect(month.read).toEqual(
      Array.from({ length: REQUESTERS }, (_, index) => `hello from requester ${index}`),
    )
    expect(month.requests).toBeGreaterThanOrEqual(3)
    expect(month.leastStock).toBe(1)
    // Only those who came while she was away and one package was left.
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
  /** A second device of Alice that only counts her packages. */
  readonly #observer: Someone
  #alice: Someone
  #isOnline = true
  #invitations: Invitation[] = []
  #shortLived: readonly string[] = []
  /** The last answer to the relay's request for more. */
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
    this.#isOnline = false
  }

  /** She connects, and the relay asks for more at once. */
  async comeBack(): Promise<void> {
    this.#alice = this.#scene.connect('alice', this.#server, {}, this.#alice.own)
    this.#isOnline = true
    this.#listen()
    await this.#replenished()
  }

  /** She deletes one half of her packages and publishes new ones. There is always at least one. */
  async rotate(): Promise<void> {
    const [stock] = await this.#alice.client.listKeyPackages()
    if (stock?.outcome !== 'listed') throw new Error('the relay did not list her packages')
    const old = stock.packages.slice(0, Math.floor(stock.packages.length / 2))
    const { outcome } = await this.#alice.client.deleteKeyPackages(old.map(({ event }) => event))
    expect(outcome).toBe('accepted')
    for (const { ref } of old) this.#alice.own.delete(ref)
    await this.#alice.publish(STOCK - (await this.stock()))
    expect(await this.stock()).toBe(STOCK)
  }

  /** Two packages that expire after a day. They are the newest, so older ones are handed out first. */
  async publishShortLived(): Promise<void> {
    const expiration = String(this.#server.now() + DAY)
    this.#shortLived = await this.#alice.publish(2, { tags: [['expiration', expiration]] })
  }

  /** A requester claims a package, adds Alice to a group, and writes a message. */
  async claim(name: string): Promise<void> {
    const left = await this.stock()
    const requester = this.#scene.connect(name, this.#server)
    const { packages } = byOutcome(await requester.client.queryKeyPackages([this.#alice.pubkey]))
    const [received, ...more] = packages.get(this.#alice.pubkey) ?? []
    requester.client.close()
    if (received === undefined) throw new Error(`no package of Alice for ${name}`)
    expect(more).toEqual([])
    const people = this.seenBy.get(received.ref) ?? []
    if (people.length > 0) expect(left).toBe(1)
    this.seenBy.set(received.ref, [...people, name])

    const [own] = await requester.generate(1)
    if (own === undefined) throw new Error('no key package was generated')
    const group = await GroupMember.open(own)
    const { welcome } = await group.add([getKeyPackage(received.event)])
    this.#invitations.push({ ref: received.ref, welcome, message: await group.say(`hello from ${name}`) })
  }

  /** If Alice is online she replenishes, joins the groups, and deletes the packages she joined with. */
  async catchUp(): Promise<void> {
    await this.stock()
    if (!this.#isOnline) return
    await this.#replenished()
    const joined = new Set<string>()
    for (const { ref, welcome, message } of this.#invitations.splice(0)) {
      const own = this.#alice.own.get(ref)
      if (own === undefined) throw new Error('Alice has no private keys for this package')
      this.read.push(await (await GroupMember.join(welcome, own)).read(message))
      joined.add(ref)
    }
    for (const ref of joined) await this.#delete(ref)
    this.#noteExpired()
    // The relay has exactly the packages that she still knows: unused and not expired.
    expect(await this.stock()).toBe(this.#alice.own.size)
  }

  /** How many packages the relay has; always at least one. */
  async stock(): Promise<number> {
    const [stock] = await this.#observer.client.countKeyPackages()
    if (stock?.outcome !== 'counted') throw new Error('the relay did not count')
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

  /** Resolves when her answer to the relay's request is complete. */
  async #replenished(): Promise<void> {
    await eventually('Alice has published more', async () => (await this.stock()) >= LOW)
    await this.#answer
  }

  async #delete(ref: string): Promise<void> {
    const own = this.#alice.own.get(ref)
    if (own === undefined) return
    const { outcome } = await this.#alice.client.deleteKeyPackages([own.event])
    expect(outcome).toBe('accepted')
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
