/** What became of the claims of one REQ, and how they are undone: because nothing was sent, or because the author had asked (I10). */

import type { GatewayContext } from '../context.ts'
import type { KeyPackageRef } from '../key-package/decode.ts'
import type { EventId, Pubkey } from '../nostr/messages.ts'
import { isOneTime } from '../stock/selection.ts'
import { countedOf } from '../stock/windows.ts'
import type { Claim, ClaimOutcome, CountedClaim, StoredKeyPackage } from '../store.ts'
import { refundClaims, type SharedWindow } from './shared-quotas.ts'

/** The windows over all authors that count a claim, and since when. */
export interface CountedIn {
  readonly windows: readonly SharedWindow[]
  readonly at: number
}

type Taken = Pick<StoredKeyPackage, 'author' | 'id' | 'ref' | 'kind'>

/** One claim that the store has answered. It is undone at most once: a second time could undo somebody else's claim (I1). */
export class UndoableClaim {
  readonly author: Pubkey
  /** The time of the claim, in seconds since the epoch. */
  readonly at: number
  readonly hasOneTime: boolean
  readonly #context: GatewayContext
  readonly #claim: Claim
  readonly #counted: CountedIn
  /** What the author's windows count of it; undefined if nothing. */
  readonly #countedByAuthor: CountedClaim | undefined
  readonly #seen: readonly EventId[]
  /** The slots of which this is the first claim from its address. */
  readonly #worn: readonly KeyPackageRef[]
  #packages: readonly Taken[]
  #isUndone = false

  /** The slots among the packages are seen by the requester from now on, and count as claimed from its address. */
  constructor(context: GatewayContext, claim: Claim, outcome: ClaimOutcome, counted: CountedIn, at: number) {
    const packages = outcome.outcome === 'delivered' ? outcome.packages : []
    const slots = packages.filter((pkg) => !isOneTime(pkg))
    this.author = claim.author
    this.at = at
    this.hasOneTime = slots.length < packages.length
    this.#context = context
    this.#claim = claim
    this.#counted = counted
    this.#countedByAuthor = countedOf(claim, outcome, context.policy, at)
    // Without their events, which are large.
    this.#packages = packages.map(({ author, id, ref, kind }) => ({ author, id, ref, kind }))
    this.#seen = context.seen.add(claim.requester, this.author, idsOf(slots))
    const refs = slots.map(({ ref }) => ref)
    this.#worn = context.slotWear.note(this.author, refs, claim.address)
  }

  /** Whether the windows over all authors count it. */
  get isCounted(): boolean {
    return this.#counted.windows.length > 0
  }

  /** Whether it changed anything that `giveBack` would undo. */
  get hasChanged(): boolean {
    if (this.#isUndone) return false
    return this.#countedByAuthor !== undefined || this.isCounted || this.#seen.length > 0
  }

  /** Nothing of it was sent. The quotas count it all the same. Rejects when the store does. */
  async release(): Promise<void> {
    const { store, released, recorder, now } = this.#context
    const packages = this.#undo()
    if (packages.length === 0) return
    await store.release(this.author, idsOf(packages), now())
    released.note(this.#claim.requester, packages, now())
    recorder.released(packages, this.#claim.requester, 'unsent')
  }

  /** It was the author who asked: packages and quotas are as if they had not (I10). Rejects when the store does. */
  async giveBack(): Promise<void> {
    if (this.#isUndone) return
    const { store, recorder, now } = this.#context
    const packages = this.#undo()
    const { windows, at } = this.#counted
    await refundClaims(this.#context, windows, 1, at)
    if (this.#countedByAuthor === undefined) return
    await store.release(this.author, idsOf(packages), now(), this.#countedByAuthor)
    recorder.released(packages, this.#claim.requester, 'owner')
  }

  #undo(): readonly Taken[] {
    if (!this.#isUndone) this.#context.slotWear.forget(this.author, this.#worn, this.#claim.address)
    const packages = this.#isUndone ? [] : this.#packages
    this.#isUndone = true
    this.#packages = []
    this.#context.seen.forget(this.#claim.requester, this.author, this.#seen)
    return packages
  }
}

/** Releases claims of which nothing was sent. Never rejects. */
export async function releaseAll({ log }: GatewayContext, claims: readonly UndoableClaim[]): Promise<void> {
  try {
    await Promise.all(claims.map((claim) => claim.release()))
  } catch (error) {
    log.error({ err: error }, 'the store failed to release an undelivered claim; its packages stay spent')
  }
}

function idsOf(packages: readonly Pick<Taken, 'id'>[]): EventId[] {
  return packages.map(({ id }) => id)
}
