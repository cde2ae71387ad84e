/** How often each author had a key package for this client. */

import type { KeyPackageAnswer } from './query.ts'

/** How many queries there were for an author, and how many ended in each way (see `KeyPackageAnswer`). */
export interface AuthorStatistics {
  readonly queries: number
  readonly delivered: number
  readonly missing: number
  readonly rateLimited: number
  readonly unanswered: number
}

const NONE: AuthorStatistics = { queries: 0, delivered: 0, missing: 0, rateLimited: 0, unanswered: 0 }

/** Counts since the client was created. */
export class Statistics {
  readonly #byAuthor = new Map<string, AuthorStatistics>()

  /** Called by the client after each query. */
  record({ packages, missing, rateLimited, unanswered }: KeyPackageAnswer): void {
    for (const author of packages.keys()) this.#count(author, 'delivered')
    for (const author of missing) this.#count(author, 'missing')
    for (const { author } of rateLimited) this.#count(author, 'rateLimited')
    for (const { author } of unanswered) this.#count(author, 'unanswered')
  }

  /** All zero for an author who was never queried. */
  of(author: string): AuthorStatistics {
    return this.#byAuthor.get(author) ?? NONE
  }

  /**
   * Authors who had a package in less than this share of the queries, not counting those that were rate-limited or
   * unanswered. Ask them to publish more.
   * @param share from 0 to 1
   */
  authorsBelow(share = 0.5): string[] {
    return [...this.#byAuthor]
      .filter(([, { delivered, missing }]) => delivered < share * (delivered + missing))
      .map(([author]) => author)
  }

  #count(author: string, outcome: Exclude<keyof AuthorStatistics, 'queries'>): void {
    const before = this.of(author)
    this.#byAuthor.set(author, {
      ...before,
      queries: before.queries + 1,
      [outcome]: before[outcome] + 1,
    })
  }
}
