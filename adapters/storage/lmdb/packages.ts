/** Takes packages into an LMDB store and hands them out, within a transaction. */

import type { Pubkey } from '../../../plugin/nostr/messages.ts'
import { claim, EMPTY_STOCK, offer } from '../../../plugin/stock/stock.ts'
import type {
  Claim,
  ClaimOutcome,
  ClaimPolicy,
  KnownName,
  PutOutcome,
  StockedPackage,
  StockLimits,
  StoredKeyPackage,
} from '../../../plugin/store.ts'
import { StoreError } from '../../../plugin/store-error.ts'
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
  const { id, ref, expiresAt } = row
  const record = authors.get(author)
  const publishedKey: WindowKey = [author, 'published', '']
  const before = windows.get(publishedKey)?.window ?? []
  const isKnown = (name: KnownName['name']) => (known.get([author, name]) ?? now) > now
  const { stock, published, outcome, removed } = offer(
    record ?? EMPTY_STOCK,
    before,
    row,
    isKnown,
    limits,
    now,
  )
  if (limits.publish !== undefined && published !== before) {
    windows.put(publishedKey, { window: published, keptUntil: now + limits.publish.windowSeconds })
  }
  if (outcome === 'stored' || outcome === 'replaced') packages.put([author, id], { event, contentForm })
  if (outcome === 'stored' || outcome === 'replaced' || outcome === 'stale') {
    known.put([author, id], expiresAt)
    known.put([author, ref], expiresAt)
    due.put([hourOf(expiresAt), author, id], ref)
  }
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
  if (record === undefined) return { outcome: 'none' }
  const requesterKey: WindowKey = [author, 'requester', keyPart(request.requester)]
  const addressKey: WindowKey = [author, 'address', keyPart(request.address)]
  const before = {
    requester: windows.get(requesterKey)?.window ?? [],
    address: windows.get(addressKey)?.window ?? [],
  }
  const { stock, windows: after, choice, removed } = claim(record, before, request, policy, now)
  if (choice.outcome === 'limited') return choice

  transaction.saveClaimed(author, record, stock, policy.retireAfterSeconds, now)
  transaction.remove(author, removed)
  windows.put(requesterKey, { window: after.requester, keptUntil: now + policy.perAuthor.windowSeconds })
  windows.put(addressKey, { window: after.address, keptUntil: now + policy.perAddress.windowSeconds })
  if (choice.outcome === 'none') return choice
  return { ...choice, packages: choice.packages.map((pkg) => withEvent(packages, author, pkg)) }
}

function withEvent(packages: Environment['packages'], author: Pubkey, pkg: StockedPackage): StoredKeyPackage {
  const body = packages.get([author, pkg.id])
  if (body === undefined) throw new StoreError(`the event of a key package of ${author} is missing`)
  return { ...pkg, author, ...body }
}
