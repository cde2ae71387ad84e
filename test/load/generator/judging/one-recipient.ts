/**
 * I1: a one-time package goes to one requester, unless it is the author's shared one, of which there is at most one at a time. Two
 * signs of the contrary can be seen from outside: two packages were shared at the same time, and one was shared that a claim must
 * have spent.
 */

import type { Pubkey } from '../../../../plugin/nostr/messages.ts'
import {
  type Claimed,
  groupedBy,
  type Interval,
  isSurelyBefore,
  type Observations,
  ONE_TIME,
  type Violation,
} from './observations.ts'
import type { Policy } from './policy.ts'

/** One package that came with the answer to one claim. */
interface Delivery {
  readonly id: string
  readonly author: Pubkey
  readonly claim: Claimed
}

/** A package that several requesters got; from the first to the last of them it was the shared one. */
interface Shared {
  readonly id: string
  readonly author: Pubkey
  readonly first: Delivery
  /** Times at which it was shared whatever the network did; `from` may lie after `until`: then nothing is certain. */
  readonly from: number
  readonly until: number
}

export interface OneRecipientFindings {
  readonly violations: readonly Violation[]
  /** One-time packages that were delivered. */
  readonly packages: number
  /** Of these, to several requesters. */
  readonly shared: number
}

export function judgeOneRecipient(seen: Observations, policy: Policy): OneRecipientFindings {
  const aliases = new Set(seen.published.filter(({ isTwin }) => isTwin).map(({ id }) => id))
  const deliveries = seen.claimed.flatMap((claim) => oneTimeIn(claim, aliases))
  const byPackage = groupedBy(deliveries, ({ id }) => id)
  const shared = [...byPackage.values()].map((all) => all.filter(isToKeep)).flatMap(sharedIn)
  const histories = new Histories(seen, deliveries)
  const violations = [
    ...[...groupedBy(shared, ({ author }) => author).values()].flatMap(sharedTogether),
    ...shared.flatMap((each) => sharedTooSoon(each, histories, policy)),
  ]
  return { violations, packages: byPackage.size, shared: shared.length }
}

function oneTimeIn(claim: Claimed, aliases: ReadonlySet<string>): Delivery[] {
  return claim.delivered
    .filter(({ id, kind }) => kind === ONE_TIME && !aliases.has(id))
    .map(({ id, author }) => ({ id, author, claim }))
}

/** What came before a connection was lost may have been released; what an author's own device saw is given back (I10). */
function isToKeep({ author, claim }: Delivery): boolean {
  return claim.outcome !== 'unknown' && claim.person !== author
}

function sharedIn(deliveries: readonly Delivery[]): Shared[] {
  const firstToEach = [...groupedBy(deliveries, ({ claim }) => claim.requester).values()].map(earliest)
  const [other] = firstToEach
  if (other === undefined || firstToEach.length < 2) return []
  const first = earliest(firstToEach)
  const until = Math.max(...firstToEach.map(({ claim }) => claim.sentAt))
  return [{ id: first.id, author: first.author, first, from: first.claim.answeredAt, until }]
}

function earliest(deliveries: readonly Delivery[]): Delivery {
  return deliveries.reduce((one, other) => (other.claim.answeredAt < one.claim.answeredAt ? other : one))
}

/** Of one author. */
function sharedTogether(shared: readonly Shared[]): Violation[] {
  const certain = shared.filter(({ from, until }) => from < until).sort((a, b) => a.from - b.from)
  const violations: Violation[] = []
  let [longest, ...others] = certain
  for (const next of others) {
    if (longest === undefined) break
    if (next.from < longest.until) {
      const what = `packages ${longest.id} and ${next.id} of ${next.author} went to several requesters at the same time`
      violations.push({ invariant: 'I1', what, at: next.from })
    }
    if (next.until > longest.until) longest = next
  }
  return violations
}

/**
 * The first who got it is a stranger for whom a fresh package was left: so it was not the shared one, and is spent.
 */
function sharedTooSoon({ id, author, first }: Shared, histories: Histories, policy: Policy): Violation[] {
  const { claim } = first
  if (!claim.isStranger || claim.outcome !== 'answered') return []
  const { fresh, taken, hadOne } = histories.before(author, id, claim)
  const left = policy.strangers.max === 0 ? Number.POSITIVE_INFINITY : policy.strangers.max - taken - 1
  const mayTakeOne = policy.freshPerAddress.max === 0 || !hadOne
  if (fresh <= policy.keep || left <= 0 || !mayTakeOne) return []
  const what = `package ${id} of ${author} was spent by ${claim.requester}, with ${fresh} fresh ones beside it, and went to others later`
  return [{ invariant: 'I1', what, at: claim.answeredAt }]
}

/** What is certain about an author's stock when a claim was made. */
class Histories {
  readonly #stored
  readonly #deleted
  readonly #taken
  readonly #lost = new Map<Pubkey, Claimed[]>()

  constructor({ published, deleted, claimed }: Observations, deliveries: readonly Delivery[]) {
    const oneTime = published.filter(({ kind, isTwin, outcome }) => {
      return kind === ONE_TIME && isTwin !== true && outcome === 'stored'
    })
    this.#stored = groupedBy(oneTime, ({ author }) => author)
    this.#deleted = groupedBy(deleted, ({ author }) => author)
    this.#taken = groupedBy(deliveries, ({ author }) => author)
    for (const claim of claimed) {
      if (claim.outcome !== 'unknown') continue
      for (const author of claim.authors) {
        const lost = this.#lost.get(author) ?? []
        lost.push(claim)
        this.#lost.set(author, lost)
      }
    }
  }

  /**
   * `fresh`: at least so many others were fresh. `taken`: at most so many were taken by then. `hadOne`: the claim's address may have
   * had one before.
   */
  before(
    author: Pubkey,
    id: string,
    claim: Claimed,
  ): { readonly fresh: number; readonly taken: number; readonly hadOne: boolean } {
    const mayPrecede = ({ sentAt }: Interval) => sentAt < claim.answeredAt
    const taken = (this.#taken.get(author) ?? []).filter((each) => mayPrecede(each.claim) && each.id !== id)
    const lost = (this.#lost.get(author) ?? []).filter(mayPrecede)
    const gone = new Set(taken.map((each) => each.id))
    for (const deletion of (this.#deleted.get(author) ?? []).filter(mayPrecede))
      for (const each of deletion.ids) gone.add(each)
    const stored = (this.#stored.get(author) ?? []).filter(
      (each) => isSurelyBefore(each, claim) && each.expiresAt > claim.answeredAt,
    )
    const fresh = stored.filter((each) => each.id !== id && !gone.has(each.id)).length - lost.length
    const { size } = new Set(taken.map((each) => each.id))
    const isFromThere = ({ address }: Claimed) => address === claim.address
    const hadOne = taken.some((each) => isFromThere(each.claim)) || lost.some(isFromThere)
    return { fresh, taken: size + lost.length, hadOne }
  }
}
