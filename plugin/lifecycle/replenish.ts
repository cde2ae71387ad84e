/** Asks connected authors for more packages when few fresh ones are left, and withdraws the request once they have enough. */

import type { GatewayContext } from '../context.ts'
import { LocalQuota } from '../local-quota.ts'
import type { GatewayMessage, Pubkey } from '../nostr/messages.ts'
import { isFresh, isOneTime } from '../stock/selection.ts'
import type { Removal } from '../store.ts'
import { requestMore, withdrawRequest } from './low-stock.ts'
import { RELAY_LIST_KIND } from './relay-list.ts'

/** A connection that is authenticated as an author. */
interface AuthorConnection {
  readonly send: (message: GatewayMessage) => void
  isAsked: boolean
}

/**
 * How much stock an author has. `enough`: enough fresh packages, or slots alone, which are never used up. `unknown`: the store
 * has never heard of them, or has forgotten them.
 */
type Level = 'enough' | 'few' | 'none' | 'unknown'

/** Maximum requests on authenticating, to one author in one interval: enough for several devices, not for one that reconnects all the time. */
const MAX_GREETINGS = 10
/** All processes that share a store hear of a claim within this time, including the difference of their clocks. */
const ONE_SIGNAL_SECONDS = 5

export class Replenisher {
  readonly #context: GatewayContext
  readonly #intervalSeconds: number
  readonly #connected = new Map<Pubkey, Set<AuthorConnection>>()
  /** Until when this process does not ask an author again (seconds since the epoch). */
  readonly #quietUntil = new Map<Pubkey, number>()
  /** Counted in this process alone: authenticating must not cost another call to the store. */
  readonly #greetings: LocalQuota

  constructor(context: GatewayContext) {
    this.#context = context
    this.#intervalSeconds = context.options.replenish.intervalSeconds
    this.#greetings = new LocalQuota({ max: MAX_GREETINGS, windowSeconds: this.#intervalSeconds })
  }

  /** An author has authenticated. `send` is used to ask them until the returned function is called. */
  join(author: Pubkey, send: AuthorConnection['send']): () => void {
    if (!this.#context.options.replenish.enabled) return () => {}
    const connection: AuthorConnection = { send, isAsked: false }
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
    if (this.#connected.has(author)) this.#start(this.#askAll(author))
  }

  /** Packages have expired or retired. Deletions do not count: an author who deletes a package publishes the next one anyway. */
  lost(removals: readonly Removal[]): void {
    const byTime = removals.filter(({ why }) => why === 'expired' || why === 'retired')
    for (const author of new Set(byTime.map(({ author }) => author))) {
      if (this.#connected.has(author)) this.#start(this.#askIfLow(author))
    }
  }

  /** A package was published, or put back by a released claim; now there may be enough. */
  gained(author: Pubkey): void {
    const asked = this.#connectionsOf(author).filter(({ isAsked }) => isAsked)
    if (asked.length > 0) this.#start(this.#withdrawIfEnough(author, asked))
  }

  async #greet(author: Pubkey, connection: AuthorConnection): Promise<void> {
    if (!(await this.#context.access.pushes(author))) return
    const level = await this.#level(author)
    if (level === 'enough' || (level === 'unknown' && !(await this.#hasRelayList(author)))) return
    if (!this.#greetings.take(author, this.#context.now())) return
    this.#keepQuiet(author, this.#intervalSeconds)
    this.#ask(author, [connection])
  }

  async #askIfLow(author: Pubkey): Promise<void> {
    if ((await this.#level(author)) !== 'enough') await this.#askAll(author)
  }

  async #askAll(author: Pubkey): Promise<void> {
    const now = this.#context.now()
    if (now < (this.#quietUntil.get(author) ?? now) || this.#context.access.hasBanned(author)) return
    this.#keepQuiet(author, this.#intervalSeconds)
    try {
      const quota = { max: 1, windowSeconds: this.#intervalSeconds }
      const { granted, retryAfterSeconds } = await this.#context.store.hit(`asked ${author}`, 1, quota, now)
      const isOneSignal = this.#intervalSeconds - retryAfterSeconds <= ONE_SIGNAL_SECONDS
      if (granted > 0 || isOneSignal) this.#ask(author, this.#connectionsOf(author))
      else this.#keepQuiet(author, retryAfterSeconds)
    } catch (error) {
      this.#quietUntil.delete(author)
      throw error
    }
  }

  async #withdrawIfEnough(author: Pubkey, asked: readonly AuthorConnection[]): Promise<void> {
    if ((await this.#level(author)) !== 'enough') return
    for (const connection of asked) {
      if (!connection.isAsked) continue
      connection.isAsked = false
      connection.send(withdrawRequest())
    }
  }

  async #level(author: Pubkey): Promise<Level> {
    const { store, options, now } = this.#context
    if (options.stock.low === 0) return 'enough'
    const [count] = await store.count([author], now())
    if (count === undefined) return 'unknown'
    if (count === 0) return 'none'
    const packages = await store.list(author, now())
    const isEnough = packages.filter(isFresh).length >= options.stock.low
    return isEnough || !packages.some(isOneTime) ? 'enough' : 'few'
  }

  /** An author with a key package relay list but without packages uses key packages, and is asked for some. */
  async #hasRelayList(author: Pubkey): Promise<boolean> {
    const lists = await this.#context.store.getRelayLists([author], [RELAY_LIST_KIND])
    return lists.length > 0
  }

  #ask(author: Pubkey, connections: readonly AuthorConnection[]): void {
    for (const connection of connections) {
      connection.isAsked = true
      connection.send(requestMore(author, this.#context.options.kinds))
    }
  }

  #keepQuiet(author: Pubkey, seconds: number): void {
    const now = this.#context.now()
    this.#quietUntil.delete(author)
    this.#quietUntil.set(author, now + seconds)
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
