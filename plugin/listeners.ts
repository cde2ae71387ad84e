/** Listeners of a store, for its `onLowStock`, `onPublished` and the like. */

export class Listeners<Told extends readonly unknown[]> {
  readonly #listeners = new Set<(...told: Told) => void>()

  /** Whether there is no listener. */
  get isEmpty(): boolean {
    return this.#listeners.size === 0
  }

  /** Returns a function that removes the listener. */
  add(listener: (...told: Told) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Calls every listener. The change is already stored, so one that throws neither undoes it nor stops the others. */
  tell(...told: Told): void {
    for (const listener of this.#listeners) {
      try {
        listener(...told)
      } catch {
        // A claim that failed here would lose its packages, which are spent already. Listeners have their own log.
      }
    }
  }
}
