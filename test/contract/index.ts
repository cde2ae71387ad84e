/**
 * The suite that every store must pass, under any test runner with `describe` and `it`:
 *
 *     describeKeyPackageStore('my store', async () => myStore(), { describe, it })
 */

import type { KeyPackageStore, MovableStore } from '../../plugin/store.ts'
import { describeClaiming } from './claiming.ts'
import { describeHearing } from './hearing.ts'
import { describeKeeping } from './keeping.ts'
import { describeMoving } from './moving.ts'
import { describePublishing } from './publishing.ts'
import { describeQuotas } from './quotas.ts'
import { describeReleasing } from './releasing.ts'
import { describeRemoving, describeRemovingMoved } from './removing.ts'
import type { Specify } from './specify.ts'

export {
  authorNamed,
  claimBy,
  DAY,
  HOUR,
  hex,
  LIMITS,
  NOW,
  PLENTY,
  POLICY,
  packageNamed,
  relayListOf,
  slotNamed,
} from './packages.ts'

/** What the suite needs of jest, vitest, mocha or node:test. */
export interface Runner {
  describe(name: string, body: () => void): unknown
  it(name: string, test: () => Promise<void>): unknown
}

/** @param open makes an empty store; the suite closes it */
export function describeKeyPackageStore(
  name: string,
  open: () => Promise<KeyPackageStore>,
  { describe, it }: Runner,
): void {
  const specify = specifier(open, it)
  describe(name, () => {
    describe('put', () => describePublishing(specify))
    describe('claim', () => describeClaiming(specify))
    describe('quotas', () => describeQuotas(specify))
    describe('release and redelivery', () => describeReleasing(specify))
    describe('keeping', () => describeKeeping(specify))
    describe('removals', () => describeRemoving(specify))
    describe('authors', () => describeHearing(specify))
  })
}

/** What a store must do besides, so that its contents can be moved to another. */
export function describeMovableStore(
  name: string,
  open: () => Promise<MovableStore>,
  { describe, it }: Runner,
): void {
  const specify = specifier(open, it)
  describe(name, () => {
    describeMoving(specify)
    describeRemovingMoved(specify)
  })
}

function specifier<Store extends KeyPackageStore>(
  open: () => Promise<Store>,
  it: Runner['it'],
): Specify<Store> {
  return (title, check) => {
    it(title, async () => {
      const store = await open()
      try {
        await check(store)
      } finally {
        await store.close()
      }
    })
  }
}
