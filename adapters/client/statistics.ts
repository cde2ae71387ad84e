/** Which authors' key packages are to be had, as far as this client has asked. */

import type { KeyPackageAnswer } from './query.ts'

/** How many queries there were for one author, and how many of them ended in each way (`KeyPackageAnswer`). */
export interface AuthorStatistics {
  readonly queries: number
  readonly delivered: number
  readonly missing: number
  readonly rateLimited: number
  readonly unanswered: number
}

const NONE: AuthorStatistics = { queries: 0, delivered: 0, missing: 0, rateLimited: 0, unanswered: 0 }

/** Counts since the client was made. */
export class Statistics {
  readonly #byAuthor = new Map<string, AuthorStatistics>()

  /** Called by the client, for each query. */
  record({ packages, missing, rateLimited, unanswered }: KeyPackageAnswer): void {
    for (const author of packages.keys()) this.#count(author, 'delivered')
    for (const author of missing) this.#count(author, 'missing')
    for (const { author } of rateLimited) this.#count(author, 'rateLimited')
    for (const { author } of unanswered) this.#count(author, 'unanswered')
  }

  /** All zero for somebody who was not asked for. */
  of(author: string): AuthorStatistics {
    return this.#byAuthor.get(author) ?? NONE
  }

  /**
   * Who had a package in less than such a part of the queries that told: they should be asked to publish more.
   * @param part from 0 to 1
   */
  shortOf(part = 0.5): string[] {
    return [...this.#byAuthor]
      .filter(([, { delivered, missing }]) => delivered < part * (delivered + missing))
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
