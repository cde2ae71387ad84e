/** Adds packages to an LMDB store and claims them, within a transaction. */

import type { Pubkey } from '../../../plugin/nostr/messages.ts'
import { isTakenIn } from '../../../plugin/stock/bookkeeping.ts'
import { claim } from '../../../plugin/stock/claim.ts'
import { offer } from '../../../plugin/stock/offer.ts'
import { refNameOf } from '../../../plugin/stock/twins.ts'
import { uncountClaim } from '../../../plugin/stock/windows.ts'
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
import type { Environment, WindowKey } from './environment.ts'
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
  const { requesterKey, addressKey } = windowKeys(author, request)
  const before = { requester: windows.get(requesterKey), address: windows.get(addressKey) }
  const { stock, windows: counted, choice, removed } = claim(record, before, request, policy, now)
  if (counted !== undefined) {
    transaction.saveClaimed(author, record, stock, policy.retireAfterSeconds, now)
    transaction.remove(author, removed)
    windows.put(requesterKey, counted.requester)
    windows.put(addressKey, counted.address)
  }
  if (choice.outcome !== 'delivered') return choice
  return { ...choice, packages: choice.packages.map((pkg) => withEvent(packages, author, pkg)) }
}

/** Gives back what a claim counted in the author's windows. */
export function uncount({ tables }: Transaction, author: Pubkey, counted: CountedClaim): void {
  const { windows } = tables
  const { requesterKey, addressKey } = windowKeys(author, counted)
  const before = { requester: windows.get(requesterKey), address: windows.get(addressKey) }
  const { requester, address } = uncountClaim(before, counted)
  if (requester === undefined) windows.remove(requesterKey)
  else windows.put(requesterKey, requester)
  if (address === undefined) windows.remove(addressKey)
  else windows.put(addressKey, address)
}

function windowKeys(
  author: Pubkey,
  { requester, address }: Pick<Claim, 'requester' | 'address'>,
): { requesterKey: WindowKey; addressKey: WindowKey } {
  return {
    requesterKey: [author, 'requester', keyPart(requester)],
    addressKey: [author, 'address', keyPart(address)],
  }
}

function withEvent(packages: Environment['packages'], author: Pubkey, pkg: StockedPackage): StoredKeyPackage {
  const body = packages.get([author, pkg.id])
  if (body === undefined) throw new StoreError(`the event of a key package of ${author} is missing`)
  return { ...pkg, author, ...body }
}
