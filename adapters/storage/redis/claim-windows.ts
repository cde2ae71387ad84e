/** The claim windows of one author, by the names of their fields, while changes are decided: as they were read, and what changes. */

import type { Delivery } from '../../../plugin/stock/deliveries.ts'
import type { KeptWindow } from '../../../plugin/stock/windows.ts'
import { claimWindowUntil, decodeClaimWindow, encodeClaimWindow, windowField } from './windows.ts'

export class ClaimWindows {
  readonly #now = new Map<string, KeptWindow | undefined>()
  /** Written together with any other change. */
  readonly #adopted = new Map<string, string>()
  readonly #changed = new Map<string, string | undefined>()

  /** Takes note of what was read. */
  learn(field: string, text: string | null): void {
    this.#now.set(field, decodeClaimWindow(text))
  }

  /**
   * Earlier versions kept windows elsewhere, which are not read. The fast path sees from those of the requesters who may have a claim
   * to repeat, so recent claims are counted again.
   */
  adopt(deliveries: readonly Delivery[]): void {
    for (const { requester, deliveredAt, keptUntil, times } of deliveries) {
      const field = windowField(`requester ${requester}`)
      const { window = [] } = this.#now.get(field) ?? {}
      const adopted = { window: [...window, [deliveredAt, times] as const], keptUntil }
      this.#now.set(field, adopted)
      this.#adopted.set(field, encodeClaimWindow(adopted))
    }
  }

  of(field: string): KeptWindow | undefined {
    return this.#now.get(field)
  }

  /** @param window undefined if it is empty */
  keep(field: string, window: KeptWindow | undefined): void {
    this.#now.set(field, window)
    this.#changed.set(field, window && encodeClaimWindow(window))
  }

  get isChanged(): boolean {
    return this.#changed.size > 0
  }

  /** What must be written. */
  get written(): (readonly [field: string, text: string])[] {
    const all = new Map([...this.#adopted, ...this.#changed])
    return [...all].flatMap(([field, text]) => (text === undefined ? [] : [[field, text] as const]))
  }

  /** The fields that must be removed. */
  get removed(): string[] {
    return [...this.#changed].flatMap(([field, text]) => (text === undefined ? [field] : []))
  }

  /** Until when the last of those that are written is kept, in seconds since the epoch; 0 if there is none. */
  get writtenUntil(): number {
    return this.written.reduce((last, [, text]) => Math.max(last, claimWindowUntil(text)), 0)
  }
}
