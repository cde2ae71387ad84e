/** Reads what claim.lua returns, and makes packages of rows. */

import type { Pubkey } from '../../../plugin/nostr/messages.ts'
import type {
  Claim,
  ClaimOutcome,
  Exposure,
  StockedPackage,
  StoredKeyPackage,
} from '../../../plugin/store.ts'
import { StoreError } from '../../../plugin/store-error.ts'
import { decodeRow } from './row.ts'

/**
 * - `delivered`: the fast path took it; `isDue`: a sweep should look at the author.
 * - `slow`: it has to be decided by what is kept of the author, and by the windows of the requester and the address.
 * - `failed`: nothing changed, and why.
 */
export type ClaimAnswer =
  | { readonly kind: 'delivered'; readonly outcome: ClaimOutcome; readonly isDue: boolean }
  | {
      readonly kind: 'slow'
      /** Of the stock; undefined where they were said with another claim of the author. */
      readonly fields: readonly (string | null)[] | undefined
      readonly windows: readonly [requester: string | null, address: string | null]
    }
  | { readonly kind: 'failed'; readonly failure: string }

/** What claim.lua returns, read claim by claim. */
export class ClaimReplies {
  readonly #words: readonly unknown[]
  #read = 0

  constructor(words: readonly unknown[]) {
    this.#words = words
  }

  next({ author }: Claim): ClaimAnswer {
    const kind = this.#word()
    if (kind === 'failed') return { kind, failure: String(this.#word()) }
    if (kind === 'slow') {
      const fields = this.#word() as (string | null)[] | null
      return { kind, fields: fields ?? undefined, windows: [this.#text(), this.#text()] }
    }
    if (kind !== 'more' && kind !== 'due') throw new StoreError('Redis: a claim was not answered')
    const remaining = Number(this.#word())
    const count = Number(this.#word())
    const rows = this.#words.slice(this.#read, this.#read + count)
    // Before any row is decoded: where one cannot be, the next claim still finds what is its own.
    this.#read += count
    const exposure = exposureOf(this.#text() ?? '')
    const packages: StoredKeyPackage[] = []
    for (const row of rows) packages.push(decodeRow(author, String(row), exposure))
    return {
      kind: 'delivered',
      outcome: { outcome: 'delivered', packages, remaining, lastUsed: exposure !== undefined },
      isDue: kind === 'due',
    }
  }

  #word(): unknown {
    return this.#words[this.#read++]
  }

  #text(): string | null {
    const word = this.#word()
    return typeof word === 'string' ? word : null
  }
}

/** `since:count`, or nothing. */
function exposureOf(text: string): Exposure | undefined {
  if (text === '') return undefined
  const [since, count] = text.split(':')
  return { since: Number(since), count: Number(count) }
}

/** The packages with their events, as exposed as the stock says. @throws StoreError where a row is lost */
export function packagesOf(
  author: Pubkey,
  packages: readonly StockedPackage[],
  rows: readonly (string | null | undefined)[],
): StoredKeyPackage[] {
  return packages.map(({ exposure }, index) => {
    const row = rows[index] ?? undefined
    if (row === undefined) throw new StoreError('Redis: the event of a key package is lost')
    return decodeRow(author, row, exposure)
  })
}
