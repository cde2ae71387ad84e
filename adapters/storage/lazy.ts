/** A store that opens another on the first call, retries after a failed attempt, and limits how long calls take. */

import { Listeners } from '../../plugin/listeners.ts'
import type { Pubkey } from '../../plugin/nostr/messages.ts'
import {
  type KeyPackageStore,
  type LowStockListener,
  type PublishedListener,
  type RemovedListener,
  StoreError,
} from '../../plugin/store.ts'

/** How the underlying store is opened, and how long a call may take. */
export interface LazyStoreSettings {
  /** Opens a durable store. */
  readonly open: () => Promise<KeyPackageStore>
  /** Timeout of a call in milliseconds, including opening. The operation may still complete after the call rejects. */
  readonly timeoutMs: number
}

/**
 * For callers that must start without waiting for the store. A call that times out rejects with a StoreError. If the store
 * cannot be opened, calls reject with the error of `open`, and the next call tries again.
 */
export function lazyStore(settings: LazyStoreSettings): KeyPackageStore {
  return new LazyStore(settings)
}

class LazyStore implements KeyPackageStore {
  readonly durable = true
  readonly #settings: LazyStoreSettings
  readonly #lowStock = new Listeners<Parameters<LowStockListener>>()
  readonly #published = new Listeners<Parameters<PublishedListener>>()
  readonly #removed = new Listeners<Parameters<RemovedListener>>()
  #opened: Promise<KeyPackageStore> | undefined
  #isClosed = false

  constructor(settings: LazyStoreSettings) {
    this.#settings = settings
  }

  put(...call: Parameters<KeyPackageStore['put']>) {
    return this.#reach((store) => store.put(...call))
  }

  claim(...call: Parameters<KeyPackageStore['claim']>) {
    return this.#reach((store) => store.claim(...call))
  }

  list(...call: Parameters<KeyPackageStore['list']>) {
    return this.#reach((store) => store.list(...call))
  }

  count(...call: Parameters<KeyPackageStore['count']>) {
    return this.#reach((store) => store.count(...call))
  }

  drop(...call: Parameters<KeyPackageStore['drop']>) {
    return this.#reach((store) => store.drop(...call))
  }

  release(...call: Parameters<KeyPackageStore['release']>) {
    return this.#reach((store) => store.release(...call))
  }

  sweep(...call: Parameters<KeyPackageStore['sweep']>) {
    return this.#reach((store) => store.sweep(...call))
  }

  hit(...call: Parameters<KeyPackageStore['hit']>) {
    return this.#reach((store) => store.hit(...call))
  }

  refund(...call: Parameters<KeyPackageStore['refund']>) {
    return this.#reach((store) => store.refund(...call))
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

  onLowStock(listener: LowStockListener): () => void {
    return this.#lowStock.add(listener)
  }

  onPublished(listener: PublishedListener): () => void {
    return this.#published.add(listener)
  }

  onRemoved(listener: RemovedListener): () => void {
    return this.#removed.add(listener)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    const { timeoutMs } = this.#settings
    if (this.#opened !== undefined)
      await within(
        timeoutMs,
        this.#opened.then((store) => store.close()),
      )
  }

  /** @throws StoreError if the store is closed or takes too long; the error of `open` if it cannot be opened */
  async #reach<Result>(call: (store: KeyPackageStore) => Promise<Result>): Promise<Result> {
    if (this.#isClosed) throw new StoreError('the store is closed')
    this.#opened ??= this.#open()
    return within(this.#settings.timeoutMs, this.#opened.then(call))
  }

  async #open(): Promise<KeyPackageStore> {
    try {
      const store = await this.#settings.open()
      store.onLowStock((...told) => this.#lowStock.tell(...told))
      store.onPublished((...told) => this.#published.tell(...told))
      store.onRemoved((...told) => this.#removed.tell(...told))
      return store
    } catch (error) {
      this.#opened = undefined
      throw error
    }
  }
}

async function within<Result>(timeoutMs: number, work: Promise<Result>): Promise<Result> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    const error = new StoreError(`the store did not answer within ${timeoutMs} ms`)
    timer = setTimeout(reject, timeoutMs, error)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
