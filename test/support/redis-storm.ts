/** Makes many concurrent calls to a store and checks each answer, so that mixed-up replies are detected. */

import type { Pubkey, SignedEvent } from '../../plugin/nostr/messages.ts'
import { type MovableStore, StoreError } from '../../plugin/store.ts'
import { authorNamed, claimBy, LIMITS, NOW, POLICY, packageNamed, relayListOf } from '../contract/packages.ts'
import { storedPackages } from '../contract/reading.ts'
import { eventually } from './eventually.ts'

const IN_FLIGHT = 160
const AUTHORS = Array.from({ length: 60 }, (_, number) => authorNamed(`storm ${number}`))
const QUOTA = { max: 1_000_000_000, windowSeconds: 3_600 }
/** The number of answers required before and after each loss of connections. */
const ANSWERS_BETWEEN = 100

/** A call that did not get the expected answer. */
type Verdict = 'right' | string

export class Storm {
  /** Correct answers. */
  answered = 0
  /** Calls that failed closed, as allowed when a connection is lost. */
  failed = 0
  /** Answers that cannot belong to their calls. */
  readonly wrong: string[] = []
  readonly #store: MovableStore
  readonly #handedOut = new Set<string>()
  #calls = 0
  #isOver = false

  private constructor(store: MovableStore) {
    this.#store = store
  }

  /** With packages and a relay list of every author. */
  static async over(store: MovableStore): Promise<Storm> {
    const storm = new Storm(store)
    for (const author of AUTHORS) {
      await store.putRelayList(relayListOf(author, NOW), NOW)
      for (let number = 0; number < LIMITS.max; number++) await storm.#put(author)
    }
    return storm
  }

  /** One round: `lose` is called that many times while all calls are in flight. */
  async blow(losses: number, lose: (loss: number) => Promise<unknown>): Promise<void> {
    this.#isOver = false
    const lanes = Array.from({ length: IN_FLIGHT }, (_, lane) => this.#lane(lane))
    try {
      for (let loss = 0; loss < losses; loss++) {
        await this.moreAnswers()
        await lose(loss)
      }
      await this.moreAnswers()
    } finally {
      this.#isOver = true
      await Promise.all(lanes)
    }
  }

  /** Resolves after that many more calls were answered. */
  async moreAnswers(): Promise<void> {
    const enough = this.answered + ANSWERS_BETWEEN
    await eventually('calls are answered', () => this.answered >= enough, 20_000)
  }

  async #lane(lane: number): Promise<void> {
    while (!this.#isOver) {
      const number = this.#calls++
      const author = AUTHORS[(lane * 7 + number) % AUTHORS.length] ?? authorNamed('')
      await this.#judge(this.#ask(number, author))
    }
  }

  async #judge(asked: Promise<Verdict>): Promise<void> {
    try {
      const verdict = await asked
      if (verdict === 'right') this.answered += 1
      else this.wrong.push(verdict)
    } catch (error) {
      if (!(error instanceof StoreError)) this.wrong.push(`not read: ${error}`)
      else if (error.message.includes('another call') || error.message.includes('not the one'))
        this.wrong.push(`caught: ${error.message}`)
      else this.failed += 1
      // Refusals are immediate: yield to the event loop.
      await new Promise((resolve) => setImmediate(resolve))
    }
  }

  #ask(number: number, author: Pubkey): Promise<Verdict> {
    switch (number % 16) {
      case 0:
        return this.#put(author)
      case 1:
        return this.#list(author)
      case 2:
        return this.#count(author)
      case 3:
        return this.#relayLists(author)
      case 4:
        return this.#hit(number)
      case 5:
        return this.#remembered(author)
      default:
        return this.#claim(number, author)
    }
  }

  async #claim(number: number, author: Pubkey): Promise<Verdict> {
    const [outcome] = await this.#store.claim([claimBy(`requester ${number}`, author)], POLICY, NOW)
    if (outcome?.outcome === 'unavailable') throw new StoreError('unavailable')
    if (outcome?.outcome !== 'delivered') return `a claim: ${JSON.stringify(outcome)}`
    for (const { id, event } of outcome.packages) {
      if (ownerOf(event) !== author) return 'a claim: the package of another author'
      if (!outcome.sharedUsed && this.#handedOut.has(id))
        return 'a claim: a package that was handed out before'
      this.#handedOut.add(id)
    }
    return outcome.packages.length === 1 ? 'right' : `a claim: ${outcome.packages.length} packages`
  }

  async #put(author: Pubkey): Promise<Verdict> {
    const outcome = await this.#store.put(packageNamed(`storm ${this.#calls++}`, author), LIMITS, NOW)
    return ['stored', 'full'].includes(outcome) ? 'right' : `a put: ${JSON.stringify(outcome)}`
  }

  async #list(author: Pubkey): Promise<Verdict> {
    const packages = await storedPackages(this.#store, author)
    if (packages.length === 0) return 'a list: empty'
    return packages.every(({ event }) => ownerOf(event) === author) ? 'right' : 'a list: of another author'
  }

  async #count(author: Pubkey): Promise<Verdict> {
    const counts = await this.#store.count([author], NOW)
    const [count = 0] = counts
    return count >= 1 && count <= LIMITS.max ? 'right' : `a count: ${JSON.stringify(counts)}`
  }

  async #relayLists(author: Pubkey): Promise<Verdict> {
    const [event] = await this.#store.getRelayLists([author], [10051])
    return event?.pubkey === author ? 'right' : `a relay list: ${JSON.stringify(event)}`
  }

  async #hit(number: number): Promise<Verdict> {
    const cost = 1_000 + (number % 1_000)
    const outcome = await this.#store.hit(`storm ${number}`, cost, QUOTA, NOW)
    return outcome.granted === cost && outcome.retryAfterSeconds === 0
      ? 'right'
      : `a hit: ${JSON.stringify(outcome)}`
  }

  async #remembered(author: Pubkey): Promise<Verdict> {
    const { names } = await this.#store.remembered(author, NOW)
    const isWhole = names.every(
      ({ name, expiresAt }) => /^((30)?443:)?[\da-f]{64}$/.test(name) && expiresAt > NOW,
    )
    return names.length > 0 && isWhole ? 'right' : `names: ${JSON.stringify(names).slice(0, 200)}`
  }
}

function ownerOf(event: string): Pubkey {
  return (JSON.parse(event) as SignedEvent).pubkey
}
