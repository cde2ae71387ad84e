/** Notifies the listeners of this process, and of all others on the same path, of what happened to an author. */

import { randomUUID } from 'node:crypto'
import { Listeners } from '../../../plugin/listeners.ts'
import type {
  AccessListener,
  LowStockListener,
  PublishedListener,
  RotationDueListener,
} from '../../../plugin/store.ts'
import type { Change, Environment, RecordedChange } from './environment.ts'

/** How many of the newest changes are kept: more than all processes publish together between two readings. */
export const KEPT_CHANGES = 20_000

const READ_EVERY_MS = 1000
/** Maximum number of changes told in one turn of the event loop. */
const CHUNK = 500

/**
 * An append-only table, numbered from 1. A change is recorded in its own transaction, and its listeners in this process
 * are told once that is committed. Every other process with listeners reads the table each second, from where it began to
 * listen. One that falls more than `KEPT_CHANGES` behind misses the oldest: reminders and live feeds, and for the rest it is told
 * that the access rules may have changed.
 */
export class Changes {
  readonly lowStock = new Listeners<Parameters<LowStockListener>>()
  readonly rotationDue = new Listeners<Parameters<RotationDueListener>>()
  readonly published = new Listeners<Parameters<PublishedListener>>()
  readonly access = new Listeners<Parameters<AccessListener>>()
  readonly #environment: Environment
  readonly #origin = randomUUID()
  /** The number of the last change that was read. */
  #seen = 0
  #timer: NodeJS.Timeout | undefined
  #isStopped = false

  constructor(environment: Environment) {
    this.#environment = environment
  }

  /** Adds a listener. Returns a function that removes it; the table is read while there is any. */
  listen<Told extends readonly unknown[]>(
    listeners: Listeners<Told>,
    listener: (...told: Told) => void,
  ): () => void {
    const remove = listeners.add(listener)
    if (this.#timer === undefined && !this.#isStopped) {
      this.#seen = this.#last()
      this.#readIn(READ_EVERY_MS)
    }
    return () => {
      remove()
      const all = [this.lowStock, this.rotationDue, this.published, this.access]
      if (all.every(({ isEmpty }) => isEmpty)) this.#pause()
    }
  }

  /** Appends changes, within the transaction that makes them, and removes as many of the oldest. */
  record(made: readonly Change[]): void {
    const { changes, meta } = this.#environment
    if (made.length === 0) return
    let number = meta.get('changes') ?? 0
    for (const change of made) {
      number += 1
      changes.put(number, { ...change, origin: this.#origin })
      changes.remove(number - KEPT_CHANGES)
    }
    meta.put('changes', number)
  }

  /** Tells the listeners of this process. */
  tell(change: Change): void {
    if (change.what === 'published') this.published.tell(change.author, change.id)
    if (change.what === 'low') this.lowStock.tell(change.author, change.remaining)
    if (change.what === 'rotate') this.rotationDue.tell(change.author, change.slot)
    if (change.what === 'access') this.access.tell()
  }

  stop(): void {
    this.#isStopped = true
    this.#pause()
  }

  #pause(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #readIn(milliseconds: number): void {
    this.#timer = setTimeout(() => this.#read(), milliseconds).unref()
  }

  #read(): void {
    let pending: RecordedChange[] = []
    try {
      pending = this.#next()
    } catch {
      // The next reading finds the same changes. Calls to the store report what is wrong with it (I7).
    }
    this.#readIn(pending.length === CHUNK ? 0 : READ_EVERY_MS)
    for (const change of pending) if (change.origin !== this.#origin) this.tell(change)
  }

  #next(): RecordedChange[] {
    const last = this.#last()
    if (last === this.#seen) return []
    const range = this.#environment.changes.getRange({
      start: this.#seen + 1,
      end: last + 1,
      limit: CHUNK,
    })
    const pending = [...range]
    if (pending[0]?.key !== this.#seen + 1) this.access.tell()
    this.#seen = pending.at(-1)?.key ?? last
    return pending.map(({ value }) => value)
  }

  /** The number of the last change that is committed. */
  #last(): number {
    const { root, meta } = this.#environment
    root.resetReadTxn()
    return meta.get('changes') ?? 0
  }
}
