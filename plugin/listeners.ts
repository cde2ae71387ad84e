/** Who is told when something happens in a store: what it needs for `onLowStock`, `onPublished` and `onRemoved`. */

export class Listeners<Told extends readonly unknown[]> {
  readonly #listeners = new Set<(...told: Told) => void>()

  /** Returns how to stop. */
  add(listener: (...told: Told) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** The change is made: a listener that throws undoes nothing of it, and keeps no other from hearing. It has its own log. */
  tell(...told: Told): void {
    for (const listener of this.#listeners) {
      try {
        listener(...told)
      } catch {
        // A claim that failed here would lose its packages: they are spent already.
      }
    }
  }
}
