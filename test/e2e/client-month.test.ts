/**
 * A simulated month: forty people claim packages of three authors, one of each generation, and reach them, while the
 * authors leave, return and rotate.
 */

import { describe, expect, it } from '@jest/globals'
import type { MLSMessage, Welcome } from 'ts-mls'
import { createSlotId, getKeyPackage } from '../../adapters/client/events.ts'
import type { Generation } from '../../adapters/client/generation.ts'
import type { Ask } from '../../adapters/client/settings.ts'
import { byOutcome, ClientScene, type Someone } from '../support/client-scene.ts'
import { eventually } from '../support/eventually.ts'
import { everyStore } from '../support/every-store.ts'
import { GroupMember } from '../support/group-member.ts'
import type { TestServer } from '../support/server.ts'

const HOUR = 3600
const DAY = 24 * HOUR
/** Every 18 hours for thirty days. */
const REQUESTERS = 40
/** One-time packages of each author. */
const STOCK = 10
const LOW = 3

/** Before which requester, by number, something happens. */
const LEAVES = 11
const RETURNS = 24
const ROTATES = 30
const PUBLISHES_SHORT_LIVED = 34
/** After each fifth requester comes somebody with a newer client, which knows slots alone. */
const NEWER_CLIENT_EVERY = 5

const GENERATIONS: readonly Generation[] = ['nip-ee', 'mip-00', 'marmot']

describe.each(everyStore())('a month on %s', (_name, open) => {
  const scene = new ClientScene(open)

  it('authors of all generations can always be reached, and only a slot or a last package goes to more than one requester (I1, I2)', async () => {
    const server = await scene.serve({ stock: { max: STOCK + 1, low: LOW } })
    const authors = GENERATIONS.map((generation) => new Author(scene, server, generation))
    const all = (act: (author: Author) => unknown) => Promise.all(authors.map(act))
    const withSlots = authors.filter(({ slot }) => slot !== undefined)

    await all((author) => author.begin())
    for (let number = 0; number < REQUESTERS; number++) {
      scene.advance(18 * HOUR)
      if (number === LEAVES) await all((author) => author.leave())
      if (number === RETURNS) await all((author) => author.comeBack())
      if (number === ROTATES) await all((author) => author.rotate())
      if (number === PUBLISHES_SHORT_LIVED) await all((author) => author.publishShortLived())
      await claim(scene, server, { name: `requester ${number}`, authors, ask: 'one-time-first' })
      if (number % NEWER_CLIENT_EVERY === 0) {
        await claim(scene, server, { name: `newer client ${number}`, authors: withSlots, ask: 'slots' })
      }
      await all((author) => author.catchUp())
    }

    expect(authors.some(({ expired }) => expired > 0)).toBe(true)
    for (const author of authors) {
      expect(author.read).toEqual(messagesTo(author))
      expect(author.requests).toBeGreaterThanOrEqual(3)
      expect(author.leastStock).toBe(1)
      expect(author.expired).toBeLessThanOrEqual(2)
      // Only the last ones who came while the author was away, when one package was left.
      const [people = [], ...others] = [...author.seenBy.values()].filter((shared) => shared.length > 1)
      expect(others).toEqual([])
      expect(people).toEqual(people.map((_, index) => `requester ${RETURNS - people.length + index}`))
      expect(people.length).toBeGreaterThan(1)
      expect(people.length).toBeLessThan(RETURNS - LEAVES)
      // Each of the two packages of the slot went to several.
      const slots = [...author.slotSeenBy.values()].map((people) => people.length)
      expect(slots).toEqual(author.slot === undefined ? [] : [6, 2])
    }
  })
})

/** What everybody who claimed a package wrote to an author, in order. */
function messagesTo({ slot }: Author): string[] {
  return Array.from({ length: REQUESTERS }, (_, number) => number).flatMap((number) => {
    const hasNewer = slot !== undefined && number % NEWER_CLIENT_EVERY === 0
    return [`hello from requester ${number}`, ...(hasNewer ? [`hello from newer client ${number}`] : [])]
  })
}

interface Claim {
  readonly name: string
  readonly authors: readonly Author[]
  readonly ask: Ask
}

/** Somebody asks for one package of each author, adds each to a group, and writes a message. */
async function claim(scene: ClientScene, server: TestServer, { name, authors, ask }: Claim): Promise<void> {
  const left = new Map<Author, number>()
  for (const author of authors) left.set(author, await author.stock())
  const requester = scene.connect(name, server, { ask })
  const answer = await requester.client.queryKeyPackages(authors.map(({ pubkey }) => pubkey))
  requester.client.close()
  const [own] = await requester.generate(1)
  if (own === undefined) throw new Error('no key package was generated')
  for (const author of authors) {
    const [received, ...more] = byOutcome(answer).packages.get(author.pubkey) ?? []
    if (received === undefined) throw new Error(`no package for ${name}: ${JSON.stringify(answer)}`)
    expect(more).toEqual([])
    expect(received.event.kind).toBe(ask === 'slots' ? 30443 : 443)
    author.noteClaim(received, name, left.get(author))

    const group = await GroupMember.open(own)
    const { welcome } = await group.add([getKeyPackage(received.event)])
    author.invite({ ref: received.ref, welcome, message: await group.say(`hello from ${name}`) })
  }
}

interface Invitation {
  readonly ref: string
  readonly welcome: Welcome
  readonly message: MLSMessage
}

class Author {
  readonly pubkey: string
  /** Their slot, where their generation has any. */
  readonly slot: string | undefined
  /** Who was handed which one-time package, by KeyPackageRef. */
  readonly seenBy = new Map<string, string[]>()
  /** Who was handed which package of the slot, by KeyPackageRef. */
  readonly slotSeenBy = new Map<string, string[]>()
  /** What they read in the groups they were added to, in order. */
  readonly read: string[] = []
  /** How often the relay asked them for more. */
  requests = 0
  leastStock = STOCK
  /** How many of their packages expired before anybody asked for them. */
  expired = 0
  readonly #scene: ClientScene
  readonly #server: TestServer
  readonly #generation: Generation
  /** A second device that only counts packages. */
  readonly #observer: Someone
  #someone: Someone
  #isOnline = true
  #invitations: Invitation[] = []
  #shortLived: readonly string[] = []
  /** The package that is in the slot. */
  #slotRef: string | undefined
  /** The last answer to the relay's request for more. */
  #answer: Promise<void> = Promise.resolve()

  constructor(scene: ClientScene, server: TestServer, generation: Generation) {
    this.#scene = scene
    this.#server = server
    this.#generation = generation
    this.slot = generation === 'nip-ee' ? undefined : createSlotId()
    this.#someone = this.#connect()
    this.#observer = this.#connect()
    this.pubkey = this.#someone.pubkey
  }

  async begin(): Promise<void> {
    await this.#someone.publish(STOCK)
    await this.#rotateSlot()
    this.#listen()
  }

  leave(): void {
    this.#someone.client.close()
    this.#isOnline = false
  }

  /** They connect, and the relay asks for more at once. */
  async comeBack(): Promise<void> {
    this.#someone = this.#connect(this.#someone.own)
    this.#isOnline = true
    this.#listen()
    await this.#replenished()
  }

  /** They delete one half of their one-time packages and publish new ones, and rotate the slot. */
  async rotate(): Promise<void> {
    const [stock] = await this.#someone.client.listKeyPackages()
    if (stock?.outcome !== 'listed') throw new Error('the relay did not list the packages')
    const oneTime = stock.packages.filter(({ event }) => event.kind === 443)
    const old = oneTime.slice(0, Math.floor(oneTime.length / 2))
    const { outcome } = await this.#someone.client.deleteKeyPackages(old.map(({ event }) => event))
    expect(outcome).toBe('accepted')
    for (const { ref } of old) this.#someone.own.delete(ref)
    await this.#someone.publish(STOCK - (await this.stock()))
    expect(await this.stock()).toBe(STOCK)
    await this.#rotateSlot()
  }

  /** Two packages that expire after a day, in which few of the author's are handed out. */
  async publishShortLived(): Promise<void> {
    const expiration = String(this.#server.now() + DAY)
    this.#shortLived = await this.#someone.publish(2, { tags: [['expiration', expiration]] })
  }

  /** @param left how many one-time packages there were before the claim */
  noteClaim(
    { ref, event }: { readonly ref: string; readonly event: { readonly kind: number } },
    name: string,
    left: number | undefined,
  ): void {
    const seenBy = event.kind === 443 ? this.seenBy : this.slotSeenBy
    const people = seenBy.get(ref) ?? []
    if (event.kind === 443 && people.length > 0) expect(left).toBe(1)
    seenBy.set(ref, [...people, name])
  }

  invite(invitation: Invitation): void {
    this.#invitations.push(invitation)
  }

  /** If they are online they replenish, join the groups, and delete the one-time packages they joined with. */
  async catchUp(): Promise<void> {
    await this.stock()
    if (!this.#isOnline) return
    await this.#replenished()
    const joined = new Set<string>()
    for (const { ref, welcome, message } of this.#invitations.splice(0)) {
      const own = this.#someone.own.get(ref)
      if (own === undefined) throw new Error('there are no private keys for this package')
      this.read.push(await (await GroupMember.join(welcome, own)).read(message))
      if (own.event.kind === 443) joined.add(ref)
    }
    for (const ref of joined) await this.#delete(ref)
    this.#noteExpired()
    // The relay has exactly the packages that they still know: unused and not expired.
    expect((await this.stock()) + this.#slots).toBe(this.#someone.own.size)
  }

  /** How many one-time packages the relay has; always at least one. */
  async stock(): Promise<number> {
    const [stock] = await this.#observer.client.countKeyPackages()
    if (stock?.outcome !== 'counted') throw new Error('the relay did not count')
    const oneTime = stock.count - this.#slots
    expect(oneTime).toBeGreaterThan(0)
    this.leastStock = Math.min(this.leastStock, oneTime)
    return oneTime
  }

  /** How many packages of theirs are in slots. */
  get #slots(): number {
    return this.#slotRef === undefined ? 0 : 1
  }

  #connect(own?: Someone['own']): Someone {
    return this.#scene.connect(
      `author of ${this.#generation}`,
      this.#server,
      { generation: this.#generation },
      own,
    )
  }

  #listen(): void {
    const someone = this.#someone
    someone.client.onLowStock(() => {
      this.requests += 1
      this.#answer = this.stock().then(async (stock) => void (await someone.publish(STOCK - stock)))
      return this.#answer
    })
  }

  /** Resolves when the answer to the relay's request is complete. */
  async #replenished(): Promise<void> {
    await eventually('more has been published', async () => (await this.stock()) + this.#slots >= LOW)
    await this.#answer
  }

  /** The private keys of the older package are not needed any more: its invitations have been answered. */
  async #rotateSlot(): Promise<void> {
    if (this.slot === undefined) return
    const older = this.#slotRef
    this.#slotRef = await this.#someone.publishSlot(this.slot)
    if (older !== undefined) this.#someone.own.delete(older)
  }

  async #delete(ref: string): Promise<void> {
    const own = this.#someone.own.get(ref)
    if (own === undefined) return
    const { outcome } = await this.#someone.client.deleteKeyPackages([own.event])
    expect(outcome).toBe('accepted')
    this.#someone.own.delete(ref)
  }

  #noteExpired(): void {
    const now = this.#server.now()
    const gone = this.#shortLived.filter((ref) => {
      const expiration = this.#someone.own.get(ref)?.event.tags.find(([name]) => name === 'expiration')?.[1]
      return !this.seenBy.has(ref) && expiration !== undefined && Number(expiration) <= now
    })
    for (const ref of gone) this.#someone.own.delete(ref)
    this.expired += gone.length
  }
}
