/** Fills stores, also on a machine that has much else to do. */

import { setTimeout as wait } from 'node:timers/promises'
import type { Pubkey } from '../../../plugin/nostr/messages.ts'
import { type KeyPackageStore, type StoredKeyPackage, StoreError } from '../../../plugin/store.ts'
import { realisticPackage } from '../../bench/stocked.ts'
import { LIMITS } from '../../contract/index.ts'

/** More would be too much for Redis beside other work. */
const PUT_AT_ONCE = 256
/** A store waits no longer than its clients would, and refuses meanwhile. */
const ATTEMPTS = 40
const AGAIN_MS = 250

export interface Filling {
  readonly authors: number
  /** The pubkey of each number. */
  readonly author: (number: number) => Pubkey
  readonly packages: number
  /** Besides them. None by default. */
  readonly slots?: number
  /** Seconds since the epoch. */
  readonly now: number
  readonly expiresAt: number
  /** How many packages are put at once; LMDB takes all of them in one commit. */
  readonly atOnce?: number
}

/** Packages have the size of real ones, but no MLS content. */
export function fillStore(store: KeyPackageStore, filling: Filling): Promise<void> {
  const { authors, author, packages, slots = 0, now, expiresAt, atOnce = PUT_AT_ONCE } = filling
  return inLanes(authors, atOnce, async (number) => {
    const pubkey = author(number)
    for (let index = 0; index < packages; index += 1) {
      const pkg = realisticPackage(`${pubkey}/${index}`, pubkey, now - packages + index)
      await put(store, { ...pkg, expiresAt }, now)
    }
    for (let index = 0; index < slots; index += 1) {
      const pkg = realisticPackage(`${pubkey}/slot ${index}`, pubkey, now - slots + index)
      await put(store, { ...pkg, kind: 30_443, slot: `device ${index}`, expiresAt }, now)
    }
  })
}

/** Acts for each number below `count`, so many at once. */
export async function inLanes(
  count: number,
  lanes: number,
  act: (index: number) => Promise<unknown>,
): Promise<void> {
  let next = 0
  const lane = async () => {
    while (next < count) await act(next++)
  }
  await Promise.all(Array.from({ length: lanes }, lane))
}

async function put(store: KeyPackageStore, pkg: StoredKeyPackage, now: number): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await store.put(pkg, LIMITS, now)
      return
    } catch (error) {
      if (attempt === ATTEMPTS || !(error instanceof StoreError) || error.fault !== 'temporary') throw error
      await wait(AGAIN_MS)
    }
  }
}
