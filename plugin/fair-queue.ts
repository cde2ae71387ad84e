/** Work that waits by network address: each address has its turn, so that a flood waits for itself (I9). */

/** How many addresses that have nothing waiting are remembered before those that are even again are forgotten. */
const MAX_REMEMBERED = 1024

/** The items of one address, and how much the address had been given when the first of them was next. */
interface Line<Item> {
  readonly items: Item[]
  readonly start: number
}

/**
 * What waits, in lines: one for each address. Next is the address that was given least, measured by what its items cost
 * (start-time fair queueing, Goyal, Vin and Cheng 1996). Who was idle has saved nothing up meanwhile.
 */
export class AddressLines<Item> {
  readonly #costOf: (item: Item) => number
  /** No line is empty. */
  readonly #lines = new Map<string, Line<Item>>()
  /** What addresses without a line were given, where that is more than `#given`. */
  readonly #ahead = new Map<string, number>()
  /** What the address that was served last had been given before. */
  #given = 0

  constructor(costOf: (item: Item) => number) {
    this.#costOf = costOf
  }

  add(address: string, item: Item): void {
    const line = this.#lines.get(address)
    if (line !== undefined) {
      line.items.push(item)
      return
    }
    this.#lines.set(address, { items: [item], start: Math.max(this.#given, this.#ahead.get(address) ?? 0) })
    this.#ahead.delete(address)
  }

  /** The first item of the address whose turn it is, of those that may have one now. */
  take(mayTake: (address: string) => boolean = () => true): Item | undefined {
    let next: [address: string, line: Line<Item>] | undefined
    for (const entry of this.#lines)
      if ((next === undefined || this.#isBefore(entry[1], next[1])) && mayTake(entry[0])) next = entry
    if (next === undefined) return undefined
    const [address, { items, start }] = next
    const item = items.shift()
    if (item === undefined) return undefined
    this.#given = start
    const end = start + this.#costOf(item)
    this.#lines.delete(address)
    if (items.length > 0) this.#lines.set(address, { items, start: end })
    else this.#remember(address, end)
    return item
  }

  /**
   * Of those that were given the same, what costs less is first: addresses that flood in step are all given the same, and a small
   * item would wait for a large one of each.
   */
  #isBefore(line: Line<Item>, other: Line<Item>): boolean {
    if (line.start !== other.start) return line.start < other.start
    const [item] = line.items
    const [otherItem] = other.items
    return item !== undefined && otherItem !== undefined && this.#costOf(item) < this.#costOf(otherItem)
  }

  #remember(address: string, given: number): void {
    this.#ahead.set(address, given)
    if (this.#ahead.size <= MAX_REMEMBERED) return
    for (const [each, end] of this.#ahead) if (end <= this.#given) this.#ahead.delete(each)
  }
}

/** Runs work, at most so much of it at a time. */
export class FairQueue {
  readonly #maxUnderWay: number
  readonly #waiting = new AddressLines<() => Promise<unknown> | undefined>(() => 1)
  #underWay = 0
  #waitingCount = 0
  #isResting = false

  constructor(maxUnderWay: number) {
    this.#maxUnderWay = maxUnderWay
  }

  /** How much work has returned a promise that is not settled yet. */
  get underWay(): number {
    return this.#underWay
  }

  /** How much work has not begun yet. */
  get waiting(): number {
    return this.#waitingCount
  }

  /**
   * Resolves and rejects as the work does. Work that returns no promise has kept this thread busy; more of it begins in a
   * later turn of the event loop.
   */
  run<Result>(address: string, work: () => Result | Promise<Result>): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#waitingCount += 1
      this.#waiting.add(address, () => {
        this.#waitingCount -= 1
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
