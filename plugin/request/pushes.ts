/** How much of other authors' rotations one connection hears of. */

import type { Pubkey } from '../nostr/messages.ts'
import { hit, isOver, type KeptWindow } from '../stock/windows.ts'

/** Pushed events of one author. */
const QUOTA = { max: 10, windowSeconds: 3600 }
/** Authors watched for one connection, counted once for each subscription: asking again for slots costs no quota (I9). */
const MAX_WATCHED = 5000

export class Pushes {
  readonly #windows = new Map<Pubkey, KeptWindow>()
  #watched = 0

  /** Whether there is room to watch one more author. */
  watch(): boolean {
    if (this.#watched >= MAX_WATCHED) return false
    this.#watched += 1
    return true
  }

  unwatch(): void {
    this.#watched -= 1
  }

  /** Whether an event of this author may be pushed now. */
  count(author: Pubkey, now: number): boolean {
    const { window, outcome } = hit(this.#windows.get(author), 1, QUOTA, now)
    this.#windows.delete(author)
    if (window !== undefined) this.#windows.set(author, window)
    for (const [oldest, { keptUntil }] of this.#windows) {
      if (!isOver(keptUntil, now)) break
      this.#windows.delete(oldest)
    }
    return outcome.granted > 0
  }
}
