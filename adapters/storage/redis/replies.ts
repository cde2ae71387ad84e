/** Decodes the reply of claim.lua, and turns rows into packages. */

import type { Pubkey } from '../../../plugin/nostr/messages.ts'
import { isFresh } from '../../../plugin/stock/selection.ts'
import {
  type Claim,
  type ClaimOutcome,
  type Exposure,
  type StockedPackage,
  type StoredKeyPackage,
  StoreError,
} from '../../../plugin/store.ts'
import { decodeRow } from './row.ts'

/**
 * - `answered`: the fast path handled the claim; `isDue`: a sweep should visit the author.
 * - `slow`: the claim must be decided on the stock fields and the windows.
 * - `failed`: nothing has changed; `failure` says why.
 */
export type ClaimAnswer =
  | { readonly kind: 'answered'; readonly outcome: ClaimOutcome; readonly isDue: boolean }
  | {
      readonly kind: 'slow'
      /** Of the stock; undefined if an earlier claim on the author returned them. */
      readonly fields: readonly (string | null)[] | undefined
      /** Of the requester, the address and the network. */
      readonly windows: readonly (string | null)[]
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
      return { kind, fields: fields ?? undefined, windows: this.#word() as (string | null)[] }
    }
    if (kind === 'needs-known') return { kind: 'answered', outcome: { outcome: kind }, isDue: false }
    if (kind !== 'more' && kind !== 'due') throw new StoreError('Redis: unexpected reply to a claim')
    const remaining = Number(this.#word())
    const count = Number(this.#word())
    const rows = this.#words.slice(this.#read, this.#read + count)
    // Advance before decoding, so that an undecodable row does not affect the next claim.
    this.#read += count
    const exposure = exposureOf(this.#text() ?? '')
    const packages: StoredKeyPackage[] = []
    for (const row of rows) packages.push(decodeRow(author, String(row), exposure))
    return {
      kind: 'answered',
      outcome: {
        outcome: 'delivered',
        packages,
        remaining,
        sharedUsed: exposure !== undefined,
        freshTaken: packages.filter(isFresh).length,
        counted: true,
      },
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

/** Parses `since:count`, or an empty text. */
function exposureOf(text: string): Exposure | undefined {
  if (text === '') return undefined
  const [since, count] = text.split(':')
  return { since: Number(since), count: Number(count) }
}

/** The packages with their events, and what only the stock says of them. @throws StoreError if a row is missing */
export function packagesOf(
  author: Pubkey,
  packages: readonly StockedPackage[],
  rows: readonly (string | null | undefined)[],
): StoredKeyPackage[] {
  return packages.map(({ exposure, alias, rank }, index) => {
    const row = rows[index] ?? undefined
    if (row === undefined) throw new StoreError('Redis: the event of a key package is missing')
    return {
      ...decodeRow(author, row, exposure),
      ...(alias && { alias }),
      ...(rank !== undefined && { rank }),
    }
  })
}
