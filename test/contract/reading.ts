/** Reads what a store answered, for those who only compare. */

import type { Pubkey } from '../../plugin/nostr/messages.ts'
import type { ClaimOutcome, KeyPackageStore, StoredKeyPackage } from '../../plugin/store.ts'
import { NOW } from './packages.ts'

/** What an author has, events included. */
export async function storedPackages(
  store: KeyPackageStore,
  author: Pubkey,
  now = NOW,
): Promise<StoredKeyPackage[]> {
  const listed = await store.list(author, now)
  const packages = listed.map(async ({ read, ...pkg }) => {
    const stored = await read()
    return stored === undefined ? [] : [{ ...pkg, ...stored }]
  })
  return (await Promise.all(packages)).flat()
}

/** The ids of what an author has, in their order. */
export async function idsOf(store: KeyPackageStore, author: Pubkey, now = NOW): Promise<string[]> {
  return (await store.list(author, now)).map(({ id }) => id).sort()
}

/** All that is yielded. */
export async function allOf<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const all: Item[] = []
  for await (const item of items) all.push(item)
  return all
}

/** The ids that claims delivered, in the order of delivery. */
export function deliveredIds(outcomes: readonly ClaimOutcome[]): string[] {
  return outcomes.flatMap((outcome) =>
    outcome.outcome === 'delivered' ? outcome.packages.map(({ id }) => id) : [],
  )
}

/** Stores may deliver the packages of one claim in any order, and with their rank or without it. */
export function inOrder(outcome: ClaimOutcome): ClaimOutcome {
  if (outcome.outcome !== 'delivered') return outcome
  return { ...outcome, packages: sorted(outcome.packages.map(({ rank: _, ...pkg }) => pkg)) }
}

/** By id. */
export function sorted(packages: readonly StoredKeyPackage[]): StoredKeyPackage[] {
  return packages.toSorted((a, b) => (a.id < b.id ? -1 : 1))
}
