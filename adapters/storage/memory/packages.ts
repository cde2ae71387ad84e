/** Takes packages into what a memory store remembers of an author, and hands them out of it. */

import type { Removed } from '../../../plugin/stock/changes.ts'
import { type Choice, claim, offer } from '../../../plugin/stock/stock.ts'
import type {
  Claim,
  ClaimPolicy,
  KnownName,
  PutOutcome,
  StockLimits,
  StoredKeyPackage,
} from '../../../plugin/store.ts'
import { type Author, type Claimant, kept } from './author.ts'

export function putInto(
  author: Author,
  pkg: StoredKeyPackage,
  limits: StockLimits,
  now: number,
): { outcome: PutOutcome; removed: readonly Removed[] } {
  const before = author.published?.window ?? []
  const isKnown = (name: KnownName['name']) => (author.known.get(name) ?? now) > now
  const { stock, published, outcome, removed } = offer(author.stock, before, pkg, isKnown, limits, now)
  author.stock = stock
  if (limits.publish !== undefined && published !== before) {
    author.published = kept(published, limits.publish, now)
  }
  if (outcome === 'stored' || outcome === 'replaced' || outcome === 'stale') {
    author.known.set(pkg.id, pkg.expiresAt).set(pkg.ref, pkg.expiresAt)
  }
  return { outcome, removed }
}

export function claimFrom(
  author: Author,
  request: Claim,
  policy: ClaimPolicy,
  now: number,
): { choice: Choice; removed: readonly Removed[] } {
  const [requester, address] = [claimantOf(author, request.requester), claimantOf(author, request.address)]
  const before = { requester: requester.requester?.window ?? [], address: address.address?.window ?? [] }
  const { stock, windows, choice, removed } = claim(author.stock, before, request, policy, now)
  if (choice.outcome === 'limited') return { choice, removed }
  author.stock = stock
  requester.requester = kept(windows.requester, policy.perAuthor, now)
  address.address = kept(windows.address, policy.perAddress, now)
  return { choice, removed }
}

function claimantOf(author: Author, who: string): Claimant {
  author.claimants ??= new Map()
  const known = author.claimants.get(who)
  if (known !== undefined) return known
  const claimant = { requester: undefined, address: undefined }
  author.claimants.set(who, claimant)
  return claimant
}
