/** A store that opens another later, tries again after a failed attempt, and limits how long calls take. */

import { type Logger, silent } from '../../plugin/context.ts'
import { Listeners } from '../../plugin/listeners.ts'
import type { Pubkey } from '../../plugin/nostr/messages.ts'
import {
  type AccessListener,
  type KeyPackageStore,
  type LowStockListener,
  type PublishedListener,
  type RemovedListener,
  type RotationDueListener,
  StoreError,
} from '../../plugin/store.ts'
import { ClockWatch } from './clock-watch.ts'

/** How the underlying store is opened, and how long a call may take. */
export interface LazyStoreSettings {
  /** Opens a durable store. */
  readonly open: () => Promise<KeyPackageStore>
  /**
   * Timeout of a call in milliseconds, including opening; a sweep may take longer once the store is open. A call that times
   * out while the store is opened is never made; one that times out later may still complete.
   */
  readonly timeoutMs: number
  /** Logs why the store cannot be opened, once for each reason, and that it is open then. Silent by default. */
  readonly log?: Logger
  /**
   * The clock of this process, in milliseconds since the epoch. It is compared with the store's, if that has one: while they
   * differ by more than a minute, calls that take the time reject. Without it they are not compared.
   */
  readonly clock?: () => number
  /** How often the clocks are compared, in milliseconds; a minute by default. */
  readonly compareClocksMs?: number
}

/** A store that is opened later: by the first call, or by `start`. */
export interface LazyStore extends KeyPackageStore {
  /**
   * Opens the store without waiting for a call, and tries again by itself until it is open or closed; meanwhile calls reject
   * at once. Resolves once it is open. Rejects, and tries no more, if the first attempt finds a fault of the configuration
   * (`StoreFault`), because a server that has just been started wrongly should say so and end. Later such faults are logged.
   */
  start(): Promise<void>
}

/**
 * For callers that must start without waiting for the store. A call that times out rejects with a StoreError. If the store
 * cannot be opened, calls reject with the error of `open`, and the next call tries again.
 */
export function lazyStore(settings: LazyStoreSettings): LazyStore {
  return new OpenedLater(settings)
}

const MINUTE_MS = 60_000
/** Between two attempts to open the store: doubled each time. */
const FIRST_PAUSE_MS = 250
const LONGEST_PAUSE_MS = 2_000

class OpenedLater implements LazyStore {
  readonly durable = true
  readonly #settings: LazyStoreSettings
  readonly #access = new Listeners<Parameters<AccessListener>>()
  readonly #log: Logger
  readonly #clocks: ClockWatch | undefined
  readonly #lowStock = new Listeners<Parameters<LowStockListener>>()
  readonly #published = new Listeners<Parameters<PublishedListener>>()
  readonly #removed = new Listeners<Parameters<RemovedListener>>()
  readonly #rotationDue = new Listeners<Parameters<RotationDueListener>>()
  readonly #logged = new Set<string>()
  #opened: Promise<KeyPackageStore> | undefined
  /** Why it is not open, while `start` tries again. */
  #failure: unknown
  #started: Promise<void> | undefined
  #isClosed = false
  #wake: () => void = () => undefined

  constructor(settings: LazyStoreSettings) {
    const { log = silent, clock, compareClocksMs = MINUTE_MS } = settings
    this.#settings = settings
    this.#log = log
    this.#clocks = clock && new ClockWatch({ own: clock, log, everyMs: compareClocksMs })
  }

  start(): Promise<void> {
    this.#started ??= this.#keepOpening()
    return this.#started
  }

  put(...call: Parameters<KeyPackageStore['put']>) {
    return this.#atTime((store) => store.put(...call))
  }

  claim(...call: Parameters<KeyPackageStore['claim']>) {
    return this.#atTime((store) => store.claim(...call))
  }

  list(...call: Parameters<KeyPackageStore['list']>) {
    return this.#atTime((store) => store.list(...call))
  }

  count(...call: Parameters<KeyPackageStore['count']>) {
    return this.#atTime((store) => store.count(...call))
  }

  drop(...call: Parameters<KeyPackageStore['drop']>) {
    return this.#atTime((store) => store.drop(...call))
  }

  release(...call: Parameters<KeyPackageStore['release']>) {
    return this.#atTime((store) => store.release(...call))
  }

  sweep(...call: Parameters<KeyPackageStore['sweep']>) {
    return this.#sweep(call)
  }

  hit(...call: Parameters<KeyPackageStore['hit']>) {
    return this.#atTime((store) => store.hit(...call))
  }

  refund(...call: Parameters<KeyPackageStore['refund']>) {
    return this.#atTime((store) => store.refund(...call))
  }

  putRelayList(...call: Parameters<KeyPackageStore['putRelayList']>) {
    return this.#reach((store) => store.putRelayList(...call))
  }

  getRelayLists(...call: Parameters<KeyPackageStore['getRelayLists']>) {
    return this.#reach((store) => store.getRelayLists(...call))
  }

  dropRelayLists(...call: Parameters<KeyPackageStore['dropRelayLists']>) {
    return this.#reach((store) => store.dropRelayLists(...call))
  }

  putFollowList(...call: Parameters<KeyPackageStore['putFollowList']>) {
    return this.#reach((store) => store.putFollowList(...call))
  }

  follows(...call: Parameters<KeyPackageStore['follows']>) {
    return this.#reach((store) => store.follows(...call))
  }

  dropFollowLists(...call: Parameters<KeyPackageStore['dropFollowLists']>) {
    return this.#reach((store) => store.dropFollowLists(...call))
  }

  putAccessRule(...call: Parameters<KeyPackageStore['putAccessRule']>) {
    return this.#reach((store) => store.putAccessRule(...call))
  }

  dropAccessRule(...call: Parameters<KeyPackageStore['dropAccessRule']>) {
    return this.#reach((store) => store.dropAccessRule(...call))
  }

  accessRules(...call: Parameters<KeyPackageStore['accessRules']>) {
    return this.#reach((store) => store.accessRules(...call))
  }

  putInformation(...call: Parameters<KeyPackageStore['putInformation']>) {
    return this.#reach((store) => store.putInformation(...call))
  }

  information(...call: Parameters<KeyPackageStore['information']>) {
    return this.#reach((store) => store.information(...call))
  }

  countAuthors(...call: Parameters<KeyPackageStore['countAuthors']>) {
    return this.#reach((store) => store.countAuthors(...call))
  }

  stats(...call: Parameters<KeyPackageStore['stats']>) {
    return this.#reach((store) => store.stats(...call))
  }

  keepUrl(...call: Parameters<KeyPackageStore['keepUrl']>) {
    return this.#reach((store) => store.keepUrl(...call))
  }

  changeUrl(...call: Parameters<KeyPackageStore['changeUrl']>) {
    return this.#reach((store) => store.changeUrl(...call))
  }

  rank(...call: Parameters<KeyPackageStore['rank']>) {
    return this.#reach((store) => store.rank(...call))
  }

  /** Only opening has a timeout. */
  async *authors(): AsyncGenerator<Pubkey> {
    yield* await this.#reach(async (store) => store.authors())
  }

  onAccessChanged(listener: AccessListener): () => void {
    return this.#access.add(listener)
  }

  onLowStock(listener: LowStockListener): () => void {
    return this.#lowStock.add(listener)
  }

  tellRotationDue(...call: Parameters<KeyPackageStore['tellRotationDue']>) {
    return this.#reach((store) => store.tellRotationDue(...call))
  }

  onRotationDue(listener: RotationDueListener): () => void {
    return this.#rotationDue.add(listener)
  }

  onPublished(listener: PublishedListener): () => void {
    return this.#published.add(listener)
  }

  onRemoved(listener: RemovedListener): () => void {
    return this.#removed.add(listener)
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#clocks?.stop()
    this.#wake()
    const opened = this.#opened?.catch(() => undefined)
    if (opened !== undefined)
      await within(
        this.#settings.timeoutMs,
        opened.then((store) => store?.close()),
      )
  }

  /** A call that takes the time. @throws what `#reach` throws; StoreError if the clocks are too far apart */
  #atTime<Result>(call: (store: KeyPackageStore) => Promise<Result>): Promise<Result> {
    return this.#reach(async (store) => {
      this.#clocks?.requireSame()
      return call(store)
    })
  }

  /** It visits everything, so it takes as long as it takes. */
  async #sweep(call: Parameters<KeyPackageStore['sweep']>): Promise<number> {
    const store = await this.#reach(async (opened) => opened)
    this.#clocks?.requireSame()
    return store.sweep(...call)
  }

  /** @throws StoreError if the store is closed or takes too long; the error of `open` if it cannot be opened */
  async #reach<Result>(call: (store: KeyPackageStore) => Promise<Result>): Promise<Result> {
    if (this.#isClosed) throw new StoreError('the store is closed')
    if (this.#failure !== undefined) throw this.#failure
    this.#opened ??= this.#open()
    let isOver = false
    const answered = this.#opened.then((store) => {
      if (isOver) throw new StoreError('nobody waits for this call any more')
      return call(store)
    })
    try {
      return await within(this.#settings.timeoutMs, answered)
    } finally {
      isOver = true
    }
  }

  async #open(): Promise<KeyPackageStore> {
    try {
      const store = await this.#settings.open()
      store.onAccessChanged((...told) => this.#access.tell(...told))
      if (store.clock !== undefined) await this.#clocks?.start(store.clock.bind(store))
      store.onLowStock((...told) => this.#lowStock.tell(...told))
      store.onRotationDue((...told) => this.#rotationDue.tell(...told))
      store.onPublished((...told) => this.#published.tell(...told))
      store.onRemoved((...told) => this.#removed.tell(...told))
      if (this.#isClosed) this.#clocks?.stop()
      if (this.#logged.size > 0) this.#log.info({}, 'key packages are available: the store is open')
      this.#logged.clear()
      return store
    } catch (error) {
      this.#opened = undefined
      if (this.#started === undefined) this.#note(error)
      throw error
    }
  }

  async #keepOpening(): Promise<void> {
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
      try {
        this.#opened ??= this.#open()
        await this.#opened
        this.#failure = undefined
        return
      } catch (error) {
        const isFirst = this.#failure === undefined
        this.#failure = error
        if (isFirst && error instanceof StoreError && error.fault === 'configuration') throw error
        this.#note(error)
      }
      if (!this.#isClosed) await this.#pause(pauseMs)
      if (this.#isClosed) return
    }
  }

  async #pause(milliseconds: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, milliseconds)
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  #note(error: unknown): void {
    const why = error instanceof Error ? error.message : String(error)
    if (this.#logged.has(why)) return
    this.#logged.add(why)
    this.#log.error({}, `key packages are unavailable: ${why}`)
  }
}

/** Settles as the work does, unless that takes too long. */
function within<Result>(timeoutMs: number, work: Promise<Result>): Promise<Result> {
  return new Promise((resolve, reject) => {
    const giveUp = () => reject(new StoreError(`the store did not answer within ${timeoutMs} ms`))
    const timer = setTimeout(giveUp, timeoutMs)
    const settle = <Value>(end: (value: Value) => void) => {
      return (value: Value) => {
        clearTimeout(timer)
        end(value)
      }
    }
    work.then(settle(resolve), settle(reject))
  })
}
