/** Asks authors who are connected for more packages when they run low, and takes that back once they have enough. */

import type { GatewayContext } from '../context.ts'
import type { Pubkey, RelayMessage } from '../nostr/messages.ts'
import { isSlot } from '../stock/selection.ts'
import { hit, isOver, type KeptWindow } from '../stock/windows.ts'
import type { Removal } from '../store.ts'
import { requestMore, withdrawRequest } from './low-stock.ts'

/** A connection that is authenticated as an author. */
interface Reach {
  readonly send: (message: RelayMessage) => void
  isAsked: boolean
}

/** How much an author has; `unheard`: the store has never heard of them, or has forgotten them. */
type Level = 'enough' | 'few' | 'none' | 'unheard'

/** How often an author is asked on authenticating in one interval: for several devices, not for each time one flaps. */
const MOST_GREETED = 10
/** Processes that share a store hear of one claim within so many seconds, their clocks' difference included. */
const ONE_SIGNAL_SECONDS = 5

export class Replenisher {
  readonly #context: GatewayContext
  readonly #intervalSeconds: number
  readonly #connected = new Map<Pubkey, Set<Reach>>()
  /** Until when this process asks an author no more after a claim, in seconds since the epoch. */
  readonly #quietUntil = new Map<Pubkey, number>()
  readonly #greeted = new Map<Pubkey, KeptWindow>()

  constructor(context: GatewayContext) {
    this.#context = context
    this.#intervalSeconds = context.options.replenish.intervalSeconds
  }

  /** An author has authenticated, and can be reached through `send` until the returned function is called. */
  join(author: Pubkey, send: Reach['send']): () => void {
    const reach: Reach = { send, isAsked: false }
    const reaches = this.#connected.get(author) ?? new Set()
    this.#connected.set(author, reaches.add(reach))
    this.#start(this.#greet(author, reach))
    return () => {
      reaches.delete(reach)
      if (reaches.size === 0 && this.#connected.get(author) === reaches) this.#connected.delete(author)
    }
  }

  /** A claim has left few: every connection of the author is asked, at most once in an interval. */
  ranLow(author: Pubkey): void {
    if (this.#connected.has(author)) this.#start(this.#askAll(author))
  }

  /** Time has taken packages. Of what an author deletes they need not be told: who rotates publishes next. */
  lost(removals: readonly Removal[]): void {
    const byTime = removals.filter(({ why }) => why === 'expired' || why === 'retired')
    for (const author of new Set(byTime.map(({ author }) => author))) {
      if (this.#connected.has(author)) this.#start(this.#askIfLow(author))
    }
  }

  /** A package has come in, or is back from a claim that was undone; by that there may be enough. */
  gained(author: Pubkey): void {
    const asked = this.#reaches(author).filter(({ isAsked }) => isAsked)
    if (asked.length > 0) this.#start(this.#withdrawIfEnough(author, asked))
  }

  async #greet(author: Pubkey, reach: Reach): Promise<void> {
    const level = await this.#level(author)
    if (level === 'enough' || (level === 'unheard' && !(await this.#hasRelayList(author)))) return
    if (!this.#mayGreet(author)) return
    this.#keepQuiet(author, this.#intervalSeconds)
    this.#ask(author, [reach])
  }

  /** Counted in this process alone: whoever authenticates has to be answered without a further word to the store. */
  #mayGreet(author: Pubkey): boolean {
    const now = this.#context.now()
    const quota = { max: MOST_GREETED, windowSeconds: this.#intervalSeconds }
    const { window, outcome } = hit(this.#greeted.get(author), 1, quota, now)
    this.#greeted.delete(author)
    if (window !== undefined) this.#greeted.set(author, window)
    for (const [oldest, { keptUntil }] of this.#greeted) {
      if (!isOver(keptUntil, now)) break
      this.#greeted.delete(oldest)
    }
    return outcome.granted > 0
  }

  async #askIfLow(author: Pubkey): Promise<void> {
    if ((await this.#level(author)) !== 'enough') await this.#askAll(author)
  }

  async #askAll(author: Pubkey): Promise<void> {
    const now = this.#context.now()
    if (now < (this.#quietUntil.get(author) ?? now)) return
    this.#keepQuiet(author, this.#intervalSeconds)
    try {
      const quota = { max: 1, windowSeconds: this.#intervalSeconds }
      const { granted, retryAfterSeconds } = await this.#context.store.hit(`asked ${author}`, 1, quota, now)
      const isOneSignal = this.#intervalSeconds - retryAfterSeconds <= ONE_SIGNAL_SECONDS
      if (granted > 0 || isOneSignal) this.#ask(author, this.#reaches(author))
      else this.#keepQuiet(author, retryAfterSeconds)
    } catch (error) {
      this.#quietUntil.delete(author)
      throw error
    }
  }

  async #withdrawIfEnough(author: Pubkey, asked: readonly Reach[]): Promise<void> {
    if ((await this.#level(author)) !== 'enough') return
    for (const reach of asked) {
      if (!reach.isAsked) continue
      reach.isAsked = false
      reach.send(withdrawRequest())
    }
  }

  async #level(author: Pubkey): Promise<Level> {
    const { store, options, now } = this.#context
    const [count] = await store.count([author], now())
    if ((count ?? 0) >= options.stock.low) return 'enough'
    if (count === undefined) return 'unheard'
    if (count === 0) return 'none'
    // Slots are never used up.
    return (await store.list(author, now())).every(isSlot) ? 'enough' : 'few'
  }

  /** Who has no packages here, but says where they are, uses them. */
  async #hasRelayList(author: Pubkey): Promise<boolean> {
    const [list] = await this.#context.store.getRelayLists([author])
    return list !== undefined
  }

  #ask(author: Pubkey, reaches: readonly Reach[]): void {
    for (const reach of reaches) {
      reach.isAsked = true
      reach.send(requestMore(author, this.#context.options.kinds))
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

  #reaches(author: Pubkey): Reach[] {
    return [...(this.#connected.get(author) ?? [])]
  }

  /** What nobody waits for. A store that fails keeps nobody from claiming or authenticating (I7). */
  #start(work: Promise<void>): void {
    work.catch((error: unknown) =>
      this.#context.log.error({ err: error }, 'failed to ask an author for more key packages'),
    )
  }
}
