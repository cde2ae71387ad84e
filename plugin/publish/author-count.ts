/** How many authors the store has, for `stock.maxAuthors`: counted every few seconds, not for each new author. */

import { Refusal } from '../nostr/refusal.ts'
import type { Options } from '../options.ts'
import type { KeyPackageStore } from '../store.ts'

/** How long the number is believed, in seconds. Those whom this process has admitted since are added to it. */
const COUNTED_SECONDS = 10

interface AuthorCountSettings {
  readonly options: Pick<Options, 'stock'>
  readonly store: Pick<KeyPackageStore, 'countAuthors'>
  /** Seconds since the epoch. */
  now(): number
}

export class AuthorCount {
  readonly #settings: AuthorCountSettings
  #count = 0
  #countedAt = Number.NEGATIVE_INFINITY
  /** All who need the number wait for one count. */
  #counting: Promise<void> | undefined

  constructor(settings: AuthorCountSettings) {
    this.#settings = settings
  }

  /** Counts one more. Rejects when the store does. @throws Refusal `blocked` if there is no room */
  async requireRoom(): Promise<void> {
    const { options, now } = this.#settings
    const age = now() - this.#countedAt
    if (age < 0 || age >= COUNTED_SECONDS) {
      this.#counting ??= this.#recount().finally(() => {
        this.#counting = undefined
      })
    }
    await this.#counting
    if (this.#count >= options.stock.maxAuthors)
      throw new Refusal('blocked', 'this relay takes no more authors')
    this.#count += 1
  }

  async #recount(): Promise<void> {
    const { store, now } = this.#settings
    const at = now()
    this.#count = await store.countAuthors()
    this.#countedAt = at
  }
}
