/** Adds packages to an LMDB store and claims them, within a transaction. */

import type { Pubkey } from '../../../plugin/nostr/messages.ts'
import { isTakenIn } from '../../../plugin/stock/bookkeeping.ts'
import { claim } from '../../../plugin/stock/claim.ts'
import { offer } from '../../../plugin/stock/offer.ts'
import { refNameOf } from '../../../plugin/stock/twins.ts'
import {
  type ChangedWindows,
  uncountClaim,
  type WindowName,
  type WindowOf,
} from '../../../plugin/stock/windows.ts'
import {
  type Claim,
  type ClaimOutcome,
  type ClaimPolicy,
  type CountedClaim,
  type PutOutcome,
  type StockedPackage,
  type StockLimits,
  type StoredKeyPackage,
  StoreError,
} from '../../../plugin/store.ts'
import type { Environment, WindowKey, WindowScope } from './environment.ts'
import { hourOf, keyPart } from './keys.ts'
import type { Transaction } from './transaction.ts'

export function put(
  transaction: Transaction,
  pkg: StoredKeyPackage,
  limits: StockLimits,
  now: number,
): PutOutcome {
  const { authors, packages, known, windows, due } = transaction.tables
  const { author, event, contentForm, ...row } = pkg
  transaction.useFormat()
  const record = authors.get(author)
  const publishedKey: WindowKey = [author, 'published', '']
  const { stock, published, names, forgotten, outcome, removed } = offer(
    record,
    windows.get(publishedKey),
    row,
    (name) => known.get([author, name]),
    limits,
    now,
  )
  if (published !== undefined) windows.put(publishedKey, published)
  if (isTakenIn(outcome)) packages.put([author, row.id], { event, contentForm })
  for (const each of names) known.put([author, each.name], each.expiresAt)
  for (const name of forgotten) known.remove([author, name])
  if (names.length > 0) due.put([hourOf(row.expiresAt), author, row.id], refNameOf(row))
  for (const { name, expiresAt } of names)
    if (expiresAt > row.expiresAt) due.put([hourOf(expiresAt), author, name], '')
  transaction.save(author, record, stock, limits.retireAfterSeconds, now)
  transaction.remove(author, removed)
  return outcome
}

export function claimOne(
  transaction: Transaction,
  request: Claim,
  policy: ClaimPolicy,
  now: number,
): ClaimOutcome {
  const { authors, packages, windows } = transaction.tables
  const { author } = request
  const record = authors.get(author)
  const windowOf: WindowOf = (name) => windows.get(windowKey(author, name))
  const { stock, windows: changed, choice, removed } = claim(record, windowOf, request, policy, now)
  if (changed !== undefined) {
    transaction.saveClaimed(author, record, stock, policy.retireAfterSeconds, now)
    transaction.remove(author, removed)
    keepWindows(transaction, author, changed)
  }
  if (choice.outcome !== 'delivered') return choice
  return { ...choice, packages: choice.packages.map((pkg) => withEvent(packages, author, pkg)) }
}

/** Gives back what a claim counted in the author's windows. */
export function uncount(transaction: Transaction, author: Pubkey, counted: CountedClaim): void {
  const { windows } = transaction.tables
  keepWindows(
    transaction,
    author,
    uncountClaim((name) => windows.get(windowKey(author, name)), counted),
  )
}

function keepWindows({ tables: { windows } }: Transaction, author: Pubkey, changed: ChangedWindows): void {
  for (const [name, window] of changed) {
    if (window === undefined) windows.remove(windowKey(author, name))
    else windows.put(windowKey(author, name), window)
  }
}

function windowKey(author: Pubkey, name: WindowName): WindowKey {
  const [scope, who] = [name.slice(0, name.indexOf(' ')), name.slice(name.indexOf(' ') + 1)]
  return [author, scope as WindowScope, keyPart(who)]
}

function withEvent(packages: Environment['packages'], author: Pubkey, pkg: StockedPackage): StoredKeyPackage {
  const body = packages.get([author, pkg.id])
  if (body === undefined) throw new StoreError(`the event of a key package of ${author} is missing`)
  return { ...pkg, author, ...body }
}
