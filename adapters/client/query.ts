/** Asks one relay after the other for key packages, and again where there was no answer, until each author has one. */

import { backoff } from './backoff.ts'
import type { AuthorOutcome, RelayAnswer } from './outcomes.ts'
import type { Pauses } from './pauses.ts'
import type { ReceivedKeyPackage, RejectedEvent } from './receive.ts'
import type { Time } from './time.ts'

/** What came of asking for the packages of some authors; each of them is in one of the first four. */
export interface KeyPackageAnswer {
  /** By author. */
  readonly packages: ReadonlyMap<string, readonly ReceivedKeyPackage[]>
  /** No relay has a package of theirs. */
  readonly missing: readonly string[]
  readonly rateLimited: readonly RateLimited[]
  /** Some relay did not answer, or refused, and no other had a package. */
  readonly unanswered: readonly Unanswered[]
  /** What was delivered and is of no use. */
  readonly rejected: readonly RejectedEvent[]
}

/** An author who was asked for too often; there may be packages of theirs. */
export interface RateLimited {
  readonly author: string
  /** Until the first of the relays that limit may be asked again. */
  readonly retryAfterSeconds: number
}

/** An author of whom nobody knows whether there are packages, and why. */
export interface Unanswered {
  readonly author: string
  readonly reason: string
}

export interface QuerySettings {
  readonly relays: readonly string[]
  readonly askRelay: (relay: string, authors: readonly string[]) => Promise<RelayAnswer>
  /** How often a relay that does not answer is asked, at least 1. */
  readonly attempts: number
  readonly time: Time
  readonly pauses: Pauses
}

/** Each author is asked for at the next relay only if those before it delivered nothing: a claim spends a package. */
export async function query(authors: readonly string[], settings: QuerySettings): Promise<KeyPackageAnswer> {
  const { relays, askRelay, attempts, time, pauses } = settings
  const asked = new Map([...new Set(authors)].map((author) => [author, new Map<string, AuthorOutcome>()]))
  const rejected: RejectedEvent[] = []
  for (let tries = 0; ; tries++) {
    for (const relay of relays) {
      const open = [...asked].filter(([, outcomes]) => isOpen(outcomes, relay)).map(([author]) => author)
      if (open.length === 0) continue
      const answer = await askRelay(relay, open)
      for (const [author, outcome] of answer.outcomes) asked.get(author)?.set(relay, outcome)
      rejected.push(...answer.rejected)
    }
    const isDone = [...asked.values()].every((outcomes) => relays.every((relay) => !isOpen(outcomes, relay)))
    if (isDone || tries + 1 >= attempts || pauses.isOver) return summary(asked, rejected)
    await pauses.wait(backoff(tries, time.random()))
  }
}

/** Two answers to one question, the later of which was about what the earlier had left open. */
export function together(earlier: KeyPackageAnswer, later: KeyPackageAnswer): KeyPackageAnswer {
  return {
    ...later,
    packages: new Map([...earlier.packages, ...later.packages]),
    rejected: [...earlier.rejected, ...later.rejected],
  }
}

/** Whether a relay is still to be asked for an author. */
function isOpen(outcomes: ReadonlyMap<string, AuthorOutcome>, relay: string): boolean {
  if ([...outcomes.values()].some(({ outcome }) => outcome === 'delivered')) return false
  const here = outcomes.get(relay)
  return here === undefined || here.outcome === 'unanswered'
}

function summary(
  asked: ReadonlyMap<string, ReadonlyMap<string, AuthorOutcome>>,
  rejected: readonly RejectedEvent[],
): KeyPackageAnswer {
  const packages = new Map<string, readonly ReceivedKeyPackage[]>()
  const missing: string[] = []
  const rateLimited: RateLimited[] = []
  const unanswered: Unanswered[] = []
  for (const [author, byRelay] of asked) {
    const outcomes = [...byRelay.values()]
    const delivered = outcomes.find((outcome) => outcome.outcome === 'delivered')
    const waits = outcomes.flatMap((outcome) =>
      outcome.outcome === 'limited' ? [outcome.retryAfterSeconds] : [],
    )
    const failure = outcomes.find((outcome) => 'reason' in outcome)
    if (delivered !== undefined) packages.set(author, delivered.packages)
    else if (waits.length > 0) rateLimited.push({ author, retryAfterSeconds: Math.min(...waits) })
    else if (failure !== undefined) unanswered.push({ author, reason: failure.reason })
    else missing.push(author)
  }
  return { packages, missing, rateLimited, unanswered, rejected }
}
