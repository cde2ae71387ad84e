/** A long history in one store: seeded, several authors and requesters, refills, and REQs for several authors of which some are released. */

import type { Pubkey } from '../../plugin/nostr/messages.ts'
import type {
  Claim,
  ClaimOutcome,
  ClaimPolicy,
  CountedClaim,
  KeyPackageStore,
  Standing,
} from '../../plugin/store.ts'
import { authorNamed, claimBy, DAY, HOUR, LIMITS, NOW, POLICY, packageNamed } from '../contract/index.ts'
import { seededRandom } from './random.ts'
import { mannersOf, Receipts } from './receipts.ts'

const AUTHORS = ['alice', 'bob', 'carol', 'dave', 'erin', 'frank'].map(authorNamed)
const REQUESTERS = 60
/** Of those, so many are known to every author. */
const KNOWN = 45
const AT_ONCE = 8
const REFILL = 12
const STOCK = { ...LIMITS, max: 20 }
const LIVES_FOR = 400 * DAY

const TERMS: ClaimPolicy = {
  ...POLICY,
  perAuthor: { max: 2, windowSeconds: HOUR },
  strangers: { max: 40, windowSeconds: 12 * HOUR },
  freshPerAddress: { max: 3, windowSeconds: DAY },
  keep: 3,
  redeliverySeconds: 60,
  low: 5,
}

export interface Played {
  /** What breaks I1, I2 or I5, or loses a package: a sentence each. */
  readonly faults: readonly string[]
  /** What the history has reached. */
  readonly reached: Readonly<Record<Reached, number>>
}

type Reached = 'alone' | 'shared' | 'refills' | 'limited' | 'looked up' | 'releases of several'

interface Counted {
  readonly author: Pubkey
  readonly requester: string
  readonly at: number
}

/** One REQ: its claims, and what became of them. */
interface Asked {
  readonly requester: string
  readonly claims: readonly Claim[]
  readonly outcomes: readonly ClaimOutcome[]
}

export async function playLongHistory(store: KeyPackageStore, seed: number, claims: number): Promise<Played> {
  const history = new LongHistory(store, seed)
  while (history.claims < claims) await history.step()
  return history.end()
}

class LongHistory {
  claims = 0
  readonly #store: KeyPackageStore
  readonly #random: (limit: number) => number
  readonly #receipts = new Receipts()
  readonly #faults: string[] = []
  readonly #counted = new Set<Counted>()
  readonly #reached = { refills: 0, limited: 0, 'looked up': 0, 'releases of several': 0 }
  #made = 0
  #now = NOW

  constructor(store: KeyPackageStore, seed: number) {
    this.#store = store
    this.#random = seededRandom(seed)
    store.onRemoved((removals) => {
      for (const { id } of removals) this.#receipts.removed(id)
    })
  }

  /** Some REQs at once, after a refill where stock is short; then some of them are released. */
  async step(): Promise<void> {
    this.#now += 20 + this.#random(900)
    await this.#refill()
    const asking = Array.from({ length: AT_ONCE }, () => this.#ask(this.#request()))
    for (const asked of await Promise.all(asking)) {
      const isReleased = this.#random(12) === 0
      await (isReleased ? this.#release(asked) : this.#receive(asked))
    }
    const counts = await this.#store.count(AUTHORS, this.#now)
    for (const [index, author] of AUTHORS.entries()) {
      if ((counts[index] ?? 0) === 0) this.#faults.push(`author ${author} has no package left`)
    }
  }

  async end(): Promise<Played> {
    const stock = await Promise.all(AUTHORS.map((author) => this.#store.list(author, this.#now)))
    const left = new Set(stock.flat().map(({ id }) => id))
    const faults = [...this.#faults, ...this.#receipts.faults(left), ...this.#overQuota()]
    return { faults, reached: { ...this.#reached, ...this.#receipts.counts } }
  }

  async #refill(): Promise<void> {
    const counts = await this.#store.count(AUTHORS, this.#now)
    for (const [index, author] of AUTHORS.entries()) {
      // Some authors come late, so that their last package is shared.
      if ((counts[index] ?? 0) > 5 || (counts[index] !== undefined && this.#random(3) > 0)) continue
      this.#reached.refills += 1
      await Promise.all(Array.from({ length: REFILL }, () => this.#put(author)))
    }
  }

  async #put(author: Pubkey): Promise<void> {
    this.#made += 1
    const name = `${this.#made} of author ${AUTHORS.indexOf(author)}`
    const pkg = packageNamed(name, author, { createdAt: this.#now, expiresAt: NOW + LIVES_FOR })
    const outcome = await this.#store.put(pkg, STOCK, this.#now)
    if (outcome !== 'stored') throw new Error(`package ${name} was not stored: ${outcome}`)
    this.#receipts.stored(pkg.id, name)
  }

  #request(): Claim[] {
    const requester = `requester ${this.#random(REQUESTERS)}`
    const first = this.#random(AUTHORS.length)
    const authors = Array.from(
      { length: 1 + this.#random(3) },
      (_, index) => (first + index) % AUTHORS.length,
    )
    return authors.map((index) => claimBy(requester, AUTHORS[index] as Pubkey))
  }

  /** As the gateway does: who gets a stranger's answer is looked up, and claims again. */
  async #ask(claims: readonly Claim[]): Promise<Asked> {
    const requester = claims[0]?.requester ?? ''
    this.claims += claims.length
    const outcomes = await this.#store.claim(claims, TERMS, this.#now)
    const again = claims.filter((_, index) => outcomes[index]?.outcome === 'needs-known')
    if (again.length === 0) return { requester, claims, outcomes }
    this.#reached['looked up'] += again.length
    const standing = standingOf(requester)
    const known = await this.#store.claim(
      again.map((claim) => ({ ...claim, standing })),
      TERMS,
      this.#now,
    )
    return {
      requester,
      claims,
      outcomes: outcomes.map((outcome, index) => known[again.indexOf(claims[index] as Claim)] ?? outcome),
    }
  }

  #receive({ requester, claims, outcomes }: Asked): void {
    for (const [index, outcome] of outcomes.entries()) {
      if (outcome.outcome === 'limited') this.#reached.limited += 1
      if (outcome.outcome !== 'delivered') continue
      this.#counted.add({ author: (claims[index] as Claim).author, requester, at: this.#now })
      for (const [id, manner] of mannersOf(outcome)) this.#receipts.delivered(id, requester, manner)
    }
  }

  /** Nothing of it was sent; its quotas are given back, or stay. */
  async #release({ requester, claims, outcomes }: Asked): Promise<void> {
    const givesBack = this.#random(2) === 0
    const delivered = outcomes.filter(({ outcome }) => outcome === 'delivered')
    if (delivered.length > 1) this.#reached['releases of several'] += 1
    for (const [index, outcome] of outcomes.entries()) {
      if (outcome.outcome !== 'delivered') continue
      const claim = claims[index] as Claim
      const ids = outcome.packages.map(({ id }) => id)
      const { freshTaken } = outcome
      const counted: CountedClaim = {
        requester,
        address: claim.address,
        policy: TERMS,
        freshTaken,
        at: this.#now,
      }
      if (!givesBack) this.#counted.add({ author: claim.author, requester, at: this.#now })
      await this.#store.release(claim.author, ids, this.#now, givesBack ? counted : undefined)
    }
  }

  /** I5. */
  #overQuota(): string[] {
    const { max, windowSeconds } = TERMS.perAuthor
    const times = new Map<string, number[]>()
    for (const { author, requester, at } of this.#counted) {
      const key = `${requester} claimed of author ${AUTHORS.indexOf(author)}`
      times.set(key, [...(times.get(key) ?? []), at])
    }
    return [...times].flatMap(([key, at]) =>
      at.flatMap((last, index) => {
        const first = at[index - max]
        const isOver = first !== undefined && first > last - windowSeconds
        return isOver ? [`${key} ${max + 1} times in ${last - first} s`] : []
      }),
    )
  }
}

function standingOf(requester: string): Standing {
  const number = Number(requester.split(' ')[1])
  return number < KNOWN ? { knownAs: authorNamed(requester) } : 'stranger'
}
