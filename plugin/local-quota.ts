/** A quota that this process counts alone: one that must not cost a call to the store. */

import { hit, isOver, type KeptWindow } from './stock/windows.ts'
import type { Quota } from './store.ts'

export class LocalQuota {
  readonly #quota: Quota
  /** By key, the one that was asked for longest ago first. */
  readonly #windows = new Map<string, KeptWindow>()

  constructor(quota: Quota) {
    this.#quota = quota
  }

  /**
   * Counts one more for this key, if there is room. Windows that are over are forgotten (I9).
   * @param now seconds since the epoch
   */
  take(key: string, now: number): boolean {
    const { window, outcome } = hit(this.#windows.get(key), 1, this.#quota, now)
    this.#windows.delete(key)
    if (window !== undefined) this.#windows.set(key, window)
    for (const [oldest, { keptUntil }] of this.#windows) {
      if (!isOver(keptUntil, now)) break
      this.#windows.delete(oldest)
    }
    return outcome.granted > 0
  }
}
