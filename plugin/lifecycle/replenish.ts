/**
 * Asks connected authors for more packages when few fresh ones are left, and to rotate slots that many have claimed; withdraws the
 * request once they have (DESIGN section 8).
 */

import type { GatewayContext } from '../context.ts'
import type { KeyPackageRef } from '../key-package/decode.ts'
import { SLOT_KIND } from '../key-package/kinds.ts'
import type { GatewayMessage, Pubkey } from '../nostr/messages.ts'
import type { Channel, CountedQuota, Siblings } from '../siblings.ts'
import { isFresh, isOneTime } from '../stock/selection.ts'
import type { Removal } from '../store.ts'
import { DueRotations } from './due-rotations.ts'
import { requestFor, type Want, withdrawRequest } from './low-stock.ts'
import { RELAY_LIST_KIND } from './relay-list.ts'

/** A connection that is authenticated as an author. */
interface AuthorConnection {
  readonly send: (message: GatewayMessage) => void
  /** What was asked for on it and is not there yet. */
  readonly asked: Set<Want>
}

/** What an author has lost. Their connections may be with another process of the server. */
type Loss = Pick<Removal, 'author' | 'kind' | 'why'>

/**
 * How much stock an author has. `enough`: enough fresh packages, or slots alone, which are never used up. `unknown`: the store
 * has never heard of them, or has forgotten them.
 */
type Level = 'enough' | 'few' | 'none' | 'unknown'

/** Maximum requests on authenticating, to one author in one interval: enough for several devices, not for one that reconnects all the time. */
const MAX_GREETINGS = 10
/**
 * Maximum requests to rotate on authenticating, to one author in a day. A request does not say which device's slot it is about, and
 * the slot of a device that is gone must not make the others rotate whenever they connect.
 */
const MAX_ROTATION_GREETINGS = 10
const DAY_SECONDS = 86_400
/** All processes that share a store hear of a claim within this time, including the difference of their clocks. */
const ONE_SIGNAL_SECONDS = 5

export class Replenisher {
  readonly #context: GatewayContext
  readonly #intervalSeconds: number
  readonly #connected = new Map<Pubkey, Set<AuthorConnection>>()
  readonly #dueRotations: DueRotations
  /** By author and want, until when this process does not ask again (seconds since the epoch). */
  readonly #quietUntil = new Map<string, number>()
  /** Counted in memory: authenticating must not cost another call to the store. */
  readonly #greetings: CountedQuota
  readonly #rotationGreetings: CountedQuota
  readonly #losses: Channel<readonly Loss[]>

  constructor(context: GatewayContext, siblings: Siblings) {
    this.#context = context
    this.#dueRotations = new DueRotations(context.store)
    this.#intervalSeconds = context.options.replenish.intervalSeconds
    this.#greetings = siblings.quota('greetings', {
      max: MAX_GREETINGS,
      windowSeconds: this.#intervalSeconds,
    })
    this.#rotationGreetings = siblings.quota('rotation greetings', {
      max: MAX_ROTATION_GREETINGS,
      windowSeconds: DAY_SECONDS,
    })
    this.#losses = siblings.channel('losses')
    this.#losses.hear((losses) => this.#lost(losses))
  }

  /** An author has authenticated. `send` is used to ask them until the returned function is called. */
  join(author: Pubkey, send: AuthorConnection['send']): () => void {
    if (!this.#context.options.replenish.enabled) return () => {}
    const connection: AuthorConnection = { send, asked: new Set() }
    const connections = this.#connected.get(author) ?? new Set()
    this.#connected.set(author, connections.add(connection))
    this.#start(this.#greet(author, connection))
    return () => {
      connections.delete(connection)
      if (connections.size === 0 && this.#connected.get(author) === connections)
        this.#connected.delete(author)
    }
  }

  /** A claim has left few packages: every connection of the author is asked, at most once in an interval. */
  ranLow(author: Pubkey): void {
    if (this.#connected.has(author)) this.#start(this.#askAll(author, 'packages'))
  }

  /** A slot was claimed from many addresses: every connection of its author is asked, and those that authenticate later. */
  rotationDue(author: Pubkey, slot: KeyPackageRef): void {
    this.#dueRotations.add(author, slot)
    if (this.#connected.has(author)) this.#start(this.#askIfDue(author))
  }

  /**
   * Packages have expired or retired. Deletions do not count: an author who deletes a package publishes the next one anyway. A slot
   * that is gone need not be rotated any more.
   */
  lost(removals: readonly Removal[]): void {
    const losses = removals.filter(matters).map(({ author, kind, why }): Loss => ({ author, kind, why }))
    if (losses.length === 0) return
    this.#lost(losses)
    this.#losses.tell(losses)
  }

  #lost(losses: readonly Loss[]): void {
    const byTime = losses.filter(isByTime)
    for (const author of new Set(byTime.map(({ author }) => author))) {
      if (this.#connected.has(author)) this.#start(this.#askIfLow(author))
    }
    const slots = losses.filter(isSlotGone)
    for (const author of new Set(slots.map(({ author }) => author))) this.gained(author)
  }

  /** A package was published, or put back by a released claim; now there may be what the author was asked for. */
  gained(author: Pubkey): void {
    const asked = this.#connectionsOf(author).filter(({ asked }) => asked.size > 0)
    if (asked.length > 0) this.#start(this.#withdrawIfDone(author, asked))
  }

  async #greet(author: Pubkey, connection: AuthorConnection): Promise<void> {
    if (!(await this.#context.access.pushes(author))) return
    const now = this.#context.now()
    const wants: Want[] = []
    if (await this.#isLow(author)) wants.push('packages')
    if ((await this.#dueRotations.has(author, now)) && (await this.#rotationGreetings.take(author, now)))
      wants.push('rotation')
    if (wants.length === 0 || !(await this.#greetings.take(author, now))) return
    for (const want of wants) this.#keepQuiet(askedKey(author, want), this.#intervalSeconds)
    this.#ask(author, [connection], wants)
  }

  async #askIfLow(author: Pubkey): Promise<void> {
    if ((await this.#level(author)) !== 'enough') await this.#askAll(author, 'packages')
  }

  /** The signal of another process may come when the author has already rotated the slot. */
  async #askIfDue(author: Pubkey): Promise<void> {
    if (await this.#dueRotations.has(author, this.#context.now())) await this.#askAll(author, 'rotation')
  }

  async #askAll(author: Pubkey, want: Want): Promise<void> {
    const now = this.#context.now()
    const key = askedKey(author, want)
    if (now < (this.#quietUntil.get(key) ?? now) || this.#context.access.hasBanned(author)) return
    this.#keepQuiet(key, this.#intervalSeconds)
    try {
      const quota = { max: 1, windowSeconds: this.#intervalSeconds }
      const { granted, retryAfterSeconds } = await this.#context.store.hit(key, 1, quota, now)
      const isOneSignal = this.#intervalSeconds - retryAfterSeconds <= ONE_SIGNAL_SECONDS
      if (granted > 0 || isOneSignal) this.#ask(author, this.#connectionsOf(author), [want])
      else this.#keepQuiet(key, retryAfterSeconds)
    } catch (error) {
      this.#quietUntil.delete(key)
      throw error
    }
  }

  /** A connection that was asked for two things keeps its request until both are there. */
  async #withdrawIfDone(author: Pubkey, connections: readonly AuthorConnection[]): Promise<void> {
    for (const want of new Set(connections.flatMap(({ asked }) => [...asked]))) {
      if (!(await this.#isDone(author, want))) continue
      for (const { asked, send } of connections)
        if (asked.delete(want) && asked.size === 0) send(withdrawRequest())
    }
  }

  async #isDone(author: Pubkey, want: Want): Promise<boolean> {
    if (want === 'packages') return (await this.#level(author)) === 'enough'
    return !(await this.#dueRotations.has(author, this.#context.now()))
  }

  /** Whether an author who authenticates is asked for packages. */
  async #isLow(author: Pubkey): Promise<boolean> {
    const level = await this.#level(author)
    return level === 'unknown' ? this.#hasRelayList(author) : level !== 'enough'
  }

  async #level(author: Pubkey): Promise<Level> {
    const { store, options, now } = this.#context
    if (options.stock.low === 0) return 'enough'
    const packages = await store.list(author, now())
    if (packages.length === 0) {
      const [count] = await store.count([author], now())
      return count === undefined ? 'unknown' : 'none'
    }
    const isEnough = packages.filter(isFresh).length >= options.stock.low
    return isEnough || !packages.some(isOneTime) ? 'enough' : 'few'
  }

  /** An author with a key package relay list but without packages uses key packages, and is asked for some. */
  async #hasRelayList(author: Pubkey): Promise<boolean> {
    const lists = await this.#context.store.getRelayLists([author], [RELAY_LIST_KIND])
    return lists.length > 0
  }

  #ask(author: Pubkey, connections: readonly AuthorConnection[], wants: readonly Want[]): void {
    for (const { asked, send } of connections) {
      for (const want of wants) asked.add(want)
      send(requestFor(author, asked, this.#context.options.kinds))
    }
  }

  #keepQuiet(key: string, seconds: number): void {
    const now = this.#context.now()
    this.#quietUntil.delete(key)
    this.#quietUntil.set(key, now + seconds)
    for (const [oldest, until] of this.#quietUntil) {
      if (now < until) return
      this.#quietUntil.delete(oldest)
    }
  }

  #connectionsOf(author: Pubkey): AuthorConnection[] {
    return [...(this.#connected.get(author) ?? [])]
  }

  /** Runs work that nobody waits for. A store that fails must not stop anybody from claiming or authenticating (I7). */
  #start(work: Promise<void>): void {
    work.catch((error: unknown) =>
      this.#context.log.error({ err: error }, 'failed to ask an author for more key packages'),
    )
  }
}

/** Whether their author is to be asked for more, or need not be any more. */
function matters(loss: Loss): boolean {
  return isByTime(loss) || isSlotGone(loss)
}

function isByTime({ why }: Loss): boolean {
  return why === 'expired' || why === 'retired'
}

function isSlotGone({ kind, why }: Loss): boolean {
  return kind === SLOT_KIND && why !== 'replaced'
}

/** The window in the store that counts how often an author was asked. */
function askedKey(author: Pubkey, want: Want): string {
  return want === 'packages' ? `asked ${author}` : `asked to rotate ${author}`
}
