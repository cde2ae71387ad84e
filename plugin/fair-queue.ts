/** Work that waits by network address: each address has its turn, so that a flood waits for itself (I9). */

/** What waits, in lines: one for each address. */
export class AddressLines<Item> {
  /** In the order of their turns. No line is empty. */
  readonly #lines = new Map<string, Item[]>()

  add(address: string, item: Item): void {
    const line = this.#lines.get(address)
    if (line === undefined) this.#lines.set(address, [item])
    else line.push(item)
  }

  /** The first item of the address whose turn it is, of those that may have one now. That address is last from then on. */
  take(mayTake: (address: string) => boolean = () => true): Item | undefined {
    for (const [address, line] of this.#lines) {
      if (!mayTake(address)) continue
      const item = line.shift()
      this.#lines.delete(address)
      if (line.length > 0) this.#lines.set(address, line)
      return item
    }
    return undefined
  }
}

/** Runs work, at most so much of it at a time. */
export class FairQueue {
  readonly #maxUnderWay: number
  readonly #waiting = new AddressLines<() => Promise<unknown> | undefined>()
  #underWay = 0
  #isResting = false

  constructor(maxUnderWay: number) {
    this.#maxUnderWay = maxUnderWay
  }

  /**
   * Resolves and rejects as the work does. Work that returns no promise has kept this thread busy; more of it begins in a
   * later turn of the event loop.
   */
  run<Result>(address: string, work: () => Result | Promise<Result>): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#waiting.add(address, () => {
        try {
          const result = work()
          resolve(result)
          return result instanceof Promise ? result : undefined
        } catch (error) {
          reject(error)
          return undefined
        }
      })
      this.#begin()
    })
  }

  #begin(): void {
    while (!this.#isResting && this.#underWay < this.#maxUnderWay) {
      const start = this.#waiting.take()
      if (start === undefined) return
      const working = start()
      if (working === undefined) this.#rest()
      else this.#follow(working)
    }
  }

  #follow(working: Promise<unknown>): void {
    this.#underWay += 1
    const end = () => {
      this.#underWay -= 1
      this.#begin()
    }
    working.then(end, end)
  }

  #rest(): void {
    this.#isResting = true
    setImmediate(() => {
      this.#isResting = false
      this.#begin()
    })
  }
}
