/** Adds packages to an LMDB store, claims and releases them, and refunds quotas, within a transaction. */

import type { EventId, Pubkey } from '../../../plugin/nostr/messages.ts'
import { isTakenIn } from '../../../plugin/stock/bookkeeping.ts'
import { claim } from '../../../plugin/stock/claim.ts'
import { offer } from '../../../plugin/stock/offer.ts'
import { type Removed, release, type Stock } from '../../../plugin/stock/stock.ts'
import { refNameOf } from '../../../plugin/stock/twins.ts'
import {
  type ChangedWindows,
  countedOf,
  type KeptWindow,
  refund,
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
  type Quota,
  type StockedPackage,
  type StockLimits,
  type StoredKeyPackage,
  StoreError,
} from '../../../plugin/store.ts'
import type { Environment, StoredStock, WindowKey, WindowScope } from './environment.ts'
import { hourOf, keyPart } from './keys.ts'
import { RETIRES_AT_ONCE, type Transaction } from './transaction.ts'

export function put(
  transaction: Transaction,
  pkg: StoredKeyPackage,
  limits: StockLimits,
  now: number,
): PutOutcome {
  const { authors, packages, known, windows, due } = transaction.tables
  const { author, event, contentForm, ...row } = pkg
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
  transaction.useFormat()
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

/** What claims have found and changed of an author, before any of it is written. */
interface Claimant {
  readonly record: StoredStock | undefined
  stock: Stock | undefined
  /** Undefined if nothing changes. */
  windows: Map<WindowName, KeptWindow | undefined> | undefined
  readonly removed: Removed[]
}

/** Answers claims in their order. Writes only once all are answered: until then, an error changes nothing. */
export function claimAll(
  transaction: Transaction,
  claims: readonly Claim[],
  policy: ClaimPolicy,
  now: number,
): ClaimOutcome[] {
  const { tables } = transaction
  const claimants = new Map<Pubkey, Claimant>()
  const outcomes = claims.map((request) => {
    const { author } = request
    const claimant = claimants.get(author) ?? claimantOf(tables.authors.get(author))
    claimants.set(author, claimant)
    return claimOne(tables, claimant, request, policy, now)
  })
  for (const [author, { record, stock, windows, removed }] of claimants) {
    if (windows === undefined) continue
    transaction.saveClaimed(author, record, stock, policy.retireAfterSeconds, now)
    transaction.remove(author, removed)
    keepWindows(transaction, author, windows)
  }
  return outcomes
}

function claimantOf(record: StoredStock | undefined): Claimant {
  return { record, stock: record, windows: undefined, removed: [] }
}

function claimOne(
  { packages, windows }: Environment,
  claimant: Claimant,
  request: Claim,
  policy: ClaimPolicy,
  now: number,
): ClaimOutcome {
  const { author } = request
  const windowOf: WindowOf = (name) =>
    claimant.windows?.has(name) ? claimant.windows.get(name) : windows.get(windowKey(author, name))
  const { stock, windows: changed, choice, removed } = claim(claimant.stock, windowOf, request, policy, now)
  if (changed !== undefined) {
    claimant.stock = stock
    claimant.windows ??= new Map()
    for (const [name, window] of changed) claimant.windows.set(name, window)
    claimant.removed.push(...removed)
  }
  if (choice.outcome !== 'delivered') return choice
  return { ...choice, packages: choice.packages.map((pkg) => withEvent(packages, author, pkg)) }
}

/** What is released of one author: packages, and what a claim counted in the author's windows. */
interface Releasing {
  readonly author: Pubkey
  readonly ids: readonly EventId[]
  readonly counted?: CountedClaim | undefined
}

export function releaseOne(transaction: Transaction, { author, ids, counted }: Releasing, now: number): void {
  if (counted !== undefined) uncount(transaction, author, counted)
  const record = transaction.tables.authors.get(author)
  if (record === undefined) return
  const { stock, removed } = release(record, ids, now, counted)
  transaction.save(author, record, stock, RETIRES_AT_ONCE, now)
  transaction.remove(author, removed)
}

/** What to release of claims that nobody received: the packages, and what the author's windows counted. */
export function undelivered(
  claims: readonly Claim[],
  outcomes: readonly ClaimOutcome[],
  policy: ClaimPolicy,
  at: number,
): Releasing[] {
  return claims.flatMap((claim, index) => {
    const outcome = outcomes[index]
    const counted = outcome && countedOf(claim, outcome, policy, at)
    if (outcome?.outcome !== 'delivered' || counted === undefined) return []
    return [{ author: claim.author, ids: outcome.packages.map(({ id }) => id), counted }]
  })
}

/** Gives back what a claim counted in the author's windows. */
function uncount(transaction: Transaction, author: Pubkey, counted: CountedClaim): void {
  const { windows } = transaction.tables
  keepWindows(
    transaction,
    author,
    uncountClaim((name) => windows.get(windowKey(author, name)), counted),
  )
}

/** The window of a quota over all authors. */
export function hitKey(key: string): WindowKey {
  return ['', 'hit', keyPart(key)]
}

/** `KeyPackageStore.refund` */
export function refundOne(
  { tables: { windows } }: Transaction,
  name: WindowKey,
  cost: number,
  quota: Quota,
  now: number,
): void {
  const before = windows.get(name)
  const window = refund(before, cost, quota, now)
  if (window === before) return
  if (window === undefined) windows.remove(name)
  else windows.put(name, window)
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
  if (body === undefined) throw new StoreError(`the event of a key package is missing`)
  return { ...pkg, author, ...body }
}
