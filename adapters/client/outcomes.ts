/** What a relay's answer means for each of the authors that were asked for. */

import type { Reply } from './ask.ts'
import type { ReceivedKeyPackage, RejectedEvent } from './receive.ts'
import { parseRefusal, type Refusal } from './refusals.ts'

/**
 * What a relay answered for one author.
 * - `delivered`: these packages; the gateway has spent them, but for an author's last.
 * - `missing`: it has none.
 * - `limited`: asked too often; there may be some.
 * - `unanswered`: it may be asked again.
 * - `refused`: it is of no use to ask it again.
 */
export type AuthorOutcome =
  | { readonly outcome: 'delivered'; readonly packages: readonly ReceivedKeyPackage[] }
  | { readonly outcome: 'missing' }
  | { readonly outcome: 'limited'; readonly retryAfterSeconds: number }
  | { readonly outcome: 'unanswered' | 'refused'; readonly reason: string }

export interface RelayAnswer {
  readonly outcomes: ReadonlyMap<string, AuthorOutcome>
  readonly rejected: readonly RejectedEvent[]
}

/** For a relay that limits, and does not say for how long. */
const RETRY_AFTER_SECONDS = 60

/** For all of them the same. */
export function unanswered(authors: readonly string[], reason: string): RelayAnswer {
  return {
    outcomes: new Map(authors.map((author) => [author, { outcome: 'unanswered', reason }])),
    rejected: [],
  }
}

/** What a reply means for the authors of whom it brought nothing. */
export function judge(
  { notices, end }: Reply,
  unserved: number,
): AuthorOutcome | { readonly outcome: 'ask in parts'; readonly size: number } {
  if (end.by === 'silence') return { outcome: 'unanswered', reason: 'no answer in time' }
  if (end.by === 'loss') return { outcome: 'unanswered', reason: 'the connection was lost' }
  const refusal =
    end.by === 'closed' ? parseRefusal(end.message) : notices.map(parseRefusal).find(isAboutAuthors)
  if (refusal === undefined) return { outcome: 'missing' }
  const { prefix, message, limitedAuthors, mostAuthors, retryAfterSeconds = RETRY_AFTER_SECONDS } = refusal
  if (prefix === 'rate-limited') {
    // Which of them are limited, and which have nothing, only asking for each of them tells.
    const isAboutSome = limitedAuthors !== undefined && limitedAuthors < unserved
    if (isAboutSome && unserved > 1) return { outcome: 'ask in parts', size: 1 }
    return { outcome: 'limited', retryAfterSeconds }
  }
  if (mostAuthors !== undefined && mostAuthors > 0 && mostAuthors < unserved) {
    return { outcome: 'ask in parts', size: mostAuthors }
  }
  return { outcome: prefix === 'error' ? 'unanswered' : 'refused', reason: message }
}

/** Of the NOTICEs of the gateway, those that say why authors were left out. */
function isAboutAuthors({ prefix }: Refusal): boolean {
  return prefix === 'rate-limited' || prefix === 'error'
}
