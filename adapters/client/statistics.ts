/** How often each author had a key package for this client. */

import type { KeyPackageAnswer, KeyPackageResult } from './query.ts'

/** How many queries there were for an author, and how many ended in each way (see `KeyPackageResult`). */
export type AuthorStatistics = Readonly<Record<'queries' | KeyPackageResult['outcome'], number>>

const NONE: AuthorStatistics = {
  queries: 0,
  delivered: 0,
  missing: 0,
  limited: 0,
  unanswered: 0,
  refused: 0,
}

/** Counts since the client was created. */
export class Statistics {
  readonly #byAuthor = new Map<string, AuthorStatistics>()

  /** Called by the client after each query. */
  record({ results }: KeyPackageAnswer): void {
    for (const { author, outcome } of results) {
      const before = this.of(author)
      this.#byAuthor.set(author, {
        ...before,
        queries: before.queries + 1,
        [outcome]: before[outcome] + 1,
      })
    }
  }

  /** All zero for an author who was never queried. */
  of(author: string): AuthorStatistics {
    return this.#byAuthor.get(author) ?? NONE
  }

  /**
   * Authors who had a package in less than this share of the queries, not counting those that were limited, refused or
   * unanswered. Ask them to publish more.
   * @param share from 0 to 1
   */
  authorsBelow(share = 0.5): string[] {
    return [...this.#byAuthor]
      .filter(([, { delivered, missing }]) => delivered < share * (delivered + missing))
      .map(([author]) => author)
  }
}
