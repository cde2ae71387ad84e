/**
 * Sends the claims of one event loop turn together to claim.lua, the fast path. The claims it does not handle are decided by
 * compare and set (changes.ts). Emits low-stock signals.
 */

import { KEY_PACKAGE_KIND, SLOT_KIND } from '../../../plugin/key-package/kinds.ts'
import { forNetwork } from '../../../plugin/nostr/requester.ts'
import { isLow } from '../../../plugin/stock/bookkeeping.ts'
import { deliveryKeptUntil, recipientOf } from '../../../plugin/stock/deliveries.ts'
import { isForSlotsAlone } from '../../../plugin/stock/selection.ts'
import { takeSeconds } from '../../../plugin/stock/strangers.ts'
import {
  type Claim,
  type ClaimOutcome,
  type ClaimPolicy,
  type LowStockListener,
  type Narrowing,
  StoreError,
} from '../../../plugin/store.ts'
import type { Changes, Seen } from './changes.ts'
import { isCluster } from './clients.ts'
import type { RedisConnection } from './connection.ts'
import { claiming, claimWindowsOf } from './decisions.ts'
import { type Keys, keyPart } from './keys.ts'
import { newVersion } from './layout.ts'
import { ClaimReplies, packagesOf } from './replies.ts'
import type { Scripts } from './scripts.ts'
import { encodeTerms, requesterSeconds, termsOf } from './terms.ts'
import { WINDOW_SLACK } from './windows.ts'

/** Maximum number of claims per script call, so that it blocks the server for at most a millisecond. */
const MAX_AT_ONCE = 32

/** What all claims of a call have in common. */
interface Conditions {
  readonly policy: ClaimPolicy
  readonly now: number
}

interface Waiting {
  readonly claim: Claim
  readonly terms: Conditions
  readonly asked: Asked
  /** Index within `asked`. */
  readonly index: number
}

/** Timeout for claims that wait for more than one call; below the two seconds of I7. */
const ANSWER_MS = 1_950

/** Claims of one `send`, which are answered together and in time. */
class Asked {
  readonly answered: Promise<ClaimOutcome[]>
  readonly #outcomes: ClaimOutcome[] = []
  readonly #count: number
  #open: number
  #failed = 0
  readonly #since = performance.now()
  #timer: NodeJS.Timeout | undefined
  #resolve!: (outcomes: ClaimOutcome[]) => void
  #reject!: (error: unknown) => void

  constructor(count: number) {
    this.#count = count
    this.#open = count
    this.answered = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  /** Starts the timeout, because a claim needs more than one call. */
  watch(): void {
    this.#timer ??= setTimeout(() => this.#giveUp(), ANSWER_MS - (performance.now() - this.#since))
  }

  /** All claims are answered: nothing more may be handed out. */
  get isOver(): boolean {
    return this.#open === 0
  }

  answer(index: number, outcome: ClaimOutcome): void {
    if (this.#outcomes[index] !== undefined) return
    this.#outcomes[index] = outcome
    this.#open -= 1
    if (!this.isOver) return
    clearTimeout(this.#timer)
    this.#resolve(this.#outcomes)
  }

  fail(index: number, error: unknown): void {
    if (this.#outcomes[index] !== undefined) return
    this.#failed += 1
    if (this.#failed === this.#count) this.#reject(error)
    this.answer(index, { outcome: 'unavailable' })
  }

  #giveUp(): void {
    for (let index = 0; index < this.#count; index++)
      this.fail(index, new StoreError('Redis: too many concurrent changes of this author'))
  }
}

export class Claims {
  readonly #connection: RedisConnection
  readonly #keys: Keys
  readonly #scripts: Scripts
  readonly #changes: Changes
  readonly #tellLowStock: LowStockListener
  /** On a cluster, the keys of authors are on different nodes, which must not wait for each other. */
  readonly #areApart: boolean
  /** Of the newest claim. */
  #policy: ClaimPolicy | undefined
  readonly #waiting: Waiting[] = []
  #underWay = 0

  constructor(
    connection: RedisConnection,
    keys: Keys,
    scripts: Scripts,
    changes: Changes,
    tellLowStock: LowStockListener,
  ) {
    this.#connection = connection
    this.#changes = changes
    this.#keys = keys
    this.#scripts = scripts
    this.#tellLowStock = tellLowStock
    this.#areApart = isCluster(connection.client)
  }

  /** Outcomes in the order of the claims; failed ones are `unavailable`. @throws StoreError if all failed */
  send(claims: readonly Claim[], policy: ClaimPolicy, now: number): Promise<ClaimOutcome[]> {
    if (claims.length === 0) return Promise.resolve([])
    const terms = { policy, now }
    if (policy !== this.#policy) this.#changes.terms = termsOf(policy)
    this.#policy = policy
    const asked = new Asked(claims.length)
    for (const [index, claim] of claims.entries()) {
      const waiting = { claim, terms, asked, index }
      if (this.#changes.isBusy(claim.author)) void this.#decide(waiting)
      else this.#enqueue(waiting)
    }
    return asked.answered
  }

  #enqueue(waiting: Waiting): void {
    if (this.#waiting.length === 0) setImmediate(() => this.#sendSome())
    this.#waiting.push(waiting)
  }

  /** Keeps at most half of the claims in flight, so that the server works while this process reads its replies. */
  #sendSome(): void {
    this.#leaveBusyAuthors()
    while (this.#waiting.length > 0) {
      const half = (this.#underWay + this.#waiting.length) / 2
      if (!this.#areApart && this.#underWay >= Math.max(half, 2 * MAX_AT_ONCE)) return
      void this.#sendBatch(this.#nextBatch())
    }
  }

  /** Claims on authors with pending changes join those changes: the fast path would conflict with them. */
  #leaveBusyAuthors(): void {
    if (!this.#changes.isAnyBusy) return
    for (const waiting of this.#waiting.splice(0)) {
      if (this.#changes.isBusy(waiting.claim.author)) void this.#decide(waiting)
      else this.#waiting.push(waiting)
    }
  }

  async #sendBatch(batch: readonly Waiting[]): Promise<void> {
    this.#underWay += batch.length
    const sent = this.#run(batch).finally(() => {
      this.#underWay -= batch.length
    })
    try {
      const replies = await sent
      this.#sendSome()
      for (const waiting of batch) this.#settle(waiting, replies)
    } catch (error) {
      // The server does not answer, so waiting claims fail too. They were not sent, so nothing is handed out (I7).
      for (const { asked, index } of [...batch, ...this.#waiting.splice(0)]) asked.fail(index, error)
    }
  }

  async #run(batch: readonly Waiting[]): Promise<ClaimReplies> {
    const [first] = batch
    if (first === undefined) return new ClaimReplies([])
    const keys: string[] = []
    const args = limitsOf(first.terms)
    for (const { claim } of batch) {
      keys.push(this.#keys.of(claim.author).stock)
      args.push(...askedOf(claim))
    }
    return new ClaimReplies((await this.#scripts.run('claim', keys, args)) as (string | number)[])
  }

  #nextBatch(): Waiting[] {
    const [first] = this.#waiting
    let size = 1
    while (size < MAX_AT_ONCE && first && this.#goesWith(this.#waiting[size], first)) size += 1
    return this.#waiting.splice(0, size).filter(({ asked }) => !asked.isOver)
  }

  /**
   * Whether two claims may share a call: with the same terms and, on a cluster, of one author, so that all keys are on one
   * node.
   */
  #goesWith(one: Waiting | undefined, first: Waiting): boolean {
    if (one?.terms.policy !== first.terms.policy || one.terms.now !== first.terms.now) return false
    return !this.#areApart || one.claim.author === first.claim.author
  }

  #settle(waiting: Waiting, replies: ClaimReplies): void {
    const { claim, terms, asked, index } = waiting
    try {
      const answer = replies.next(claim)
      switch (answer.kind) {
        case 'failed':
          this.#connection
            .within(Promise.reject(new Error(answer.failure)))
            .catch((error) => asked.fail(index, error))
          return
        case 'slow':
          void this.#decide(waiting, seenOf(claim, answer.fields, answer.windows))
          return
        case 'answered':
          if (answer.isDue) this.#changes.mark(claim.author, terms.now)
          this.#answer(waiting, asSeen(claim, answer.outcome))
      }
    } catch (error) {
      asked.fail(index, error)
    }
  }

  async #decide(waiting: Waiting, seen?: Seen): Promise<void> {
    const { claim, terms, asked, index } = waiting
    const { author } = claim
    asked.watch()
    try {
      const change = {
        ...claiming(claim, terms.policy, terms.now),
        mayBeFast: isPlainClaim(claim),
        isAbandoned: () => asked.isOver,
      }
      const made = await this.#changes.try(author, change, seen)
      if (made === undefined) return this.#enqueue(waiting)
      const { outcome, rows } = made
      if (outcome.outcome !== 'delivered') asked.answer(index, outcome)
      else this.#answer(waiting, { ...outcome, packages: packagesOf(author, outcome.packages, rows) })
    } catch (error) {
      asked.fail(index, error)
    }
  }

  #answer({ claim: { author }, terms, asked, index }: Waiting, outcome: ClaimOutcome): void {
    if (isLow(outcome, terms.policy.low)) this.#tellLowStock(author, outcome.remaining)
    asked.answer(index, outcome)
  }
}

function seenOf(claim: Claim, fields: Seen['fields'], texts: readonly (string | null)[]): Seen {
  return {
    fields,
    windows: claimWindowsOf(claim).map((field, index) => [field, texts[index] ?? null] as const),
  }
}

/** What claim.lua is told about all claims. */
function limitsOf({ policy, now }: Conditions): (string | number)[] {
  const { perAuthor, perAddress, freshPerAddress, redeliverySeconds } = policy
  const remembered = takeSeconds(policy)
  return [
    now,
    perAuthor.max,
    perAuthor.windowSeconds,
    perAddress.max,
    perAddress.windowSeconds,
    forNetwork(perAddress).max,
    redeliverySeconds > 0 ? now - redeliverySeconds : '',
    deliveryKeptUntil(redeliverySeconds, now),
    now + requesterSeconds(policy) + WINDOW_SLACK,
    now + perAddress.windowSeconds + WINDOW_SLACK,
    newVersion(),
    encodeTerms(termsOf(policy)),
    freshPerAddress?.max ?? '',
    remembered === undefined ? '' : now + remembered,
  ]
}

/** What claim.lua is told about one claim. It only supports claims for all packages of a kind. */
function askedOf(claim: Claim): (string | number)[] {
  const { maximum, maxSlots } = claim
  const letter = isPlainClaim(claim) ? letterOf(claim) : ''
  const oneTime = asksFor(claim, KEY_PACKAGE_KIND) ? maximum : 0
  const slots = asksFor(claim, SLOT_KIND) ? (maxSlots ?? 'all') : ''
  const [ofRequester = '', ofAddress = '', ofNetwork = ''] = claimWindowsOf(claim)
  return [letter, oneTime, slots, keyPart(recipientOf(claim)), ofRequester, ofAddress, ofNetwork]
}

function letterOf({ standing }: Claim): string {
  if (standing === undefined) return '?'
  return standing === 'stranger' ? 's' : 'k'
}

function isPlainClaim(claim: Claim): boolean {
  const { narrowings, maximum, maxSlots = 1, seen = [], limited, formerly } = claim
  if (formerly !== undefined) return false
  if ((seen.length > 0 || limited !== undefined) && !isForSlotsAlone(claim)) return false
  return narrowings.every(isPlain) && isWhole(maximum) && isWhole(maxSlots)
}

/** The script only reads where a claim is for slots alone. What the requester has seen of them is no quota's business. */
function asSeen(claim: Claim, outcome: ClaimOutcome): ClaimOutcome {
  const { seen = [], limited } = claim
  if (outcome.outcome !== 'delivered' || !isForSlotsAlone(claim)) return outcome
  if (outcome.packages.every(({ id }) => seen.includes(id))) return { ...outcome, counted: false }
  return limited ?? outcome
}

function isWhole(maximum: number): boolean {
  return Number.isSafeInteger(maximum) && maximum > 0
}

function asksFor({ narrowings }: Claim, kind: number): boolean {
  return narrowings.some(({ kinds }) => kinds.includes(kind))
}

function isPlain({ ids, since, until, tags }: Narrowing): boolean {
  return (ids ?? since ?? until ?? tags) === undefined
}
