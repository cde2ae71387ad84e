/** A store that is opened when it is first needed, again after it could not be, and waited for only so long. */

import { Listeners } from '../../plugin/listeners.ts'
import type {
  KeyPackageStore,
  LowStockListener,
  PublishedListener,
  RemovedListener,
} from '../../plugin/store.ts'
import { StoreError } from '../../plugin/store-error.ts'

/** How the store behind it is opened, and how long anybody waits for it. */
export interface LateStoreSettings {
  /** Opens a durable store. */
  readonly open: () => Promise<KeyPackageStore>
  /** How long a call may take, opening included, until it rejects. What it asked for may happen all the same. */
  readonly patienceMs: number
}

/**
 * For where a store cannot be waited for, or must not keep anything from starting. A call that has no answer in time rejects
 * with a StoreError, one that finds nothing to open with what `open` throws; the next one tries again.
 */
export function lateStore(settings: LateStoreSettings): KeyPackageStore {
  return new LateStore(settings)
}

class LateStore implements KeyPackageStore {
  readonly durable = true
  readonly #settings: LateStoreSettings
  readonly #lowStock = new Listeners<Parameters<LowStockListener>>()
  readonly #published = new Listeners<Parameters<PublishedListener>>()
  readonly #removed = new Listeners<Parameters<RemovedListener>>()
  #opened: Promise<KeyPackageStore> | undefined
  #isClosed = false

  constructor(settings: LateStoreSettings) {
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

  dropRelayList(...call: Parameters<KeyPackageStore['dropRelayList']>) {
    return this.#reach((store) => store.dropRelayList(...call))
  }

  stats(...call: Parameters<KeyPackageStore['stats']>) {
    return this.#reach((store) => store.stats(...call))
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
    const { patienceMs } = this.#settings
    if (this.#opened !== undefined)
      await within(
        patienceMs,
        this.#opened.then((store) => store.close()),
      )
  }

  /** @throws StoreError where it cannot be opened, is closed, or takes too long */
  async #reach<Result>(call: (store: KeyPackageStore) => Promise<Result>): Promise<Result> {
    if (this.#isClosed) throw new StoreError('the store is closed')
    this.#opened ??= this.#open()
    return within(this.#settings.patienceMs, this.#opened.then(call))
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

async function within<Result>(patienceMs: number, work: Promise<Result>): Promise<Result> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    const error = new StoreError(`the store did not answer within ${patienceMs} ms`)
    timer = setTimeout(reject, patienceMs, error)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
