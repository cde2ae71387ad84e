/** Reads what the scripts return. */

import type { StoredEvent } from '../../../plugin/key-package/encoding.ts'
import type { Pubkey } from '../../../plugin/nostr/messages.ts'
import type { ClaimOutcome, Exposure, Removal, StoredKeyPackage } from '../../../plugin/store.ts'
import { StoreError } from '../../../plugin/store-error.ts'
import { decodeHead, decodeRow } from './row.ts'

/** What a script that changes a stock returns: its outcome, and what left the stock otherwise than by a claim. */
export interface Change {
  readonly outcome: string
  readonly removed: readonly Removal[]
}

export function decodeChange(author: Pubkey, text: string): Change {
  if (!text.includes('\n')) return { outcome: text, removed: NOTHING }
  const [outcome = '', ...lines] = text.split('\n')
  return { outcome, removed: lines.map((line) => decodeRemoved(author, line)) }
}

const NOTHING: readonly Removal[] = []

function decodeRemoved(author: Pubkey, line: string): Removal {
  const [why, id, ref, kind] = line.split(' ')
  return { author, id, ref, kind: Number(kind), why } as Removal
}

/** A claim that was answered, or why it was not. `isDue`: a sweep should look at the author. */
export type ClaimAnswer =
  | { readonly outcome: ClaimOutcome; readonly removed: readonly Removal[]; readonly isDue: boolean }
  | { readonly failure: string }

/** What claim.lua returns, read claim by claim. */
export class ClaimReplies {
  readonly #words: readonly (string | number)[]
  #read = 0

  constructor(words: readonly (string | number)[]) {
    this.#words = words
  }

  next(author: Pubkey): ClaimAnswer {
    const change = decodeChange(author, this.#textAt(this.#read++))
    const { removed } = change
    const [due, outcome, ...words] = change.outcome.split(' ')
    const isDue = due === 'due'
    if (outcome === 'none') return { outcome: { outcome }, removed, isDue }
    if (outcome === 'failed') return { failure: words.join(' ') }
    if (outcome === 'limited') {
      const by = words[0] as 'perAuthor' | 'perAddress'
      return { outcome: { outcome, by, retryAfterSeconds: Number(words[1]) }, removed, isDue }
    }
    const [last, count, ...exposures] = words
    const remaining = Number(this.#words[this.#read++])
    const firstRow = this.#read
    // Before any row is decoded: where one cannot be, the next claim still finds what is its own.
    this.#read += Number(count)
    const packages: StoredKeyPackage[] = []
    for (let index = 0; index < Number(count); index++)
      packages.push(decodeRow(author, this.#textAt(firstRow + index), exposureOf(exposures[index] ?? '')))
    return {
      outcome: { outcome: 'delivered', packages, remaining, lastUsed: last === 'last' },
      removed,
      isDue,
    }
  }

  /** @throws StoreError where there is none */
  #textAt(index: number): string {
    const text = this.#words[index]
    if (typeof text !== 'string') throw new StoreError('Redis: a claim was not answered')
    return text
  }
}

/** A package without its event, and the number of the row that has it (layout.lua). */
export interface ListedRow {
  readonly pkg: Omit<StoredKeyPackage, keyof StoredEvent>
  readonly row: number
}

/** @param reply of list.lua */
export function decodeList(author: Pubkey, reply: unknown): ListedRow[] {
  const words = reply as readonly string[]
  const listed: ListedRow[] = []
  for (let index = 0; index < words.length; index += 3) {
    const [exposure = '', row, head = ''] = words.slice(index, index + 3)
    const { restEnd, contentForm, ...pkg } = decodeHead(author, head, exposureOf(exposure))
    listed.push({ pkg, row: Number(row) })
  }
  return listed
}

/** `since:count`, or nothing. */
function exposureOf(text: string): Exposure | undefined {
  if (text === '') return undefined
  const [since, count] = text.split(':')
  return { since: Number(since), count: Number(count) }
}
