/**
 * The suite that every store must pass, under any test runner with `describe` and `it`:
 *
 *     describeKeyPackageStore('my store', async () => myStore(), { describe, it })
 *
 * What a store cannot do is said in a fourth argument (`Abilities`).
 */

import type { KeyPackageStore, MovableStore } from '../../plugin/store.ts'
import { describeAccess } from './access.ts'
import { describeClaiming } from './claiming.ts'
import { describeDeleting, describeMovingDeletions } from './deleting.ts'
import { describeFollowLists } from './follow-lists.ts'
import { describeHearing } from './hearing.ts'
import { describeInformation } from './information.ts'
import { describeKeeping } from './keeping.ts'
import { describeMoving } from './moving.ts'
import { describePublishing } from './publishing.ts'
import { describeQuotas } from './quotas.ts'
import { describeRanking, describeSharedUrl } from './ranking.ts'
import { describeMovedRelayLists, describeRelayLists } from './relay-lists.ts'
import { describeReleasing } from './releasing.ts'
import { describeRemoving, describeRemovingMoved } from './removing.ts'
import { describeReopening } from './reopening.ts'
import { describeSharedSignals, describeSharing } from './sharing.ts'
import { describeSlots } from './slots.ts'
import type { Specify } from './specify.ts'
import { describeTwins } from './twins.ts'

export {
  authorNamed,
  claimBy,
  DAY,
  deletionOf,
  HOUR,
  hex,
  LIMITS,
  NO_DELETIONS,
  NOW,
  PLENTY,
  POLICY,
  packageNamed,
  relayListOf,
  slotNamed,
} from './packages.ts'

/** The functions of jest, vitest, mocha or node:test that the suite needs. */
export interface Runner {
  describe(name: string, body: () => void): unknown
  it(name: string, test: () => Promise<void>): unknown
}

/** What not every store can do. What is left out is not tested; test/contract/README.md says what a gateway loses by it. */
export interface Abilities<Store extends KeyPackageStore = KeyPackageStore> {
  /** Opens once more what a store of the suite held that is closed now: for a store that is `durable`. */
  readonly reopen?: (closed: Store) => Promise<Store>
  /** Opens a second store on the contents of one that is open, as another process does. The suite closes both. */
  readonly share?: (open: Store) => Promise<Store>
  /**
   * Of which changes a store tells those who listen. `own` (the default): those made through it. `shared`: of low stock and
   * of what is published also those made through another store on the same contents. `none`: it tells nobody.
   */
  readonly signals?: 'none' | 'own' | 'shared'
}

/** @param open makes an empty store; the suite closes it */
export function describeKeyPackageStore<Store extends KeyPackageStore>(
  name: string,
  open: () => Promise<Store>,
  { describe, it }: Runner,
  { reopen, share, signals = 'own' }: Abilities<Store> = {},
): void {
  const specify = specifier(open, it)
  const specifySignals: Specify = signals === 'none' ? () => {} : specify
  describe(name, () => {
    describe('put', () => describePublishing(specify, specifySignals))
    describe('claim', () => describeClaiming(specify, specifySignals))
    describe('quotas', () => describeQuotas(specify))
    describe('slots', () => describeSlots(specify))
    describe('twins', () => describeTwins(specify))
    describe('remembered deletions', () => describeDeleting(specify))
    describe('release and redelivery', () => describeReleasing(specify))
    describe('keeping', () => describeKeeping(specify))
    describe('the order of delivery', () => describeRanking(specify))
    describe('relay lists', () => describeRelayLists(specify))
    describe('follow lists', () => describeFollowLists(specify))
    describe('access rules', () => describeAccess(specify, specifySignals))
    describe('information', () => describeInformation(specify))
    if (signals !== 'none') describe('removals', () => describeRemoving(specify))
    describe('authors', () => describeHearing(specify, specifySignals))
    if (reopen !== undefined) describe('durability', () => describeReopening(specify, reopen))
    if (share === undefined) return
    describe('sharing', () => {
      describeSharing(specify, share)
      describeSharedUrl(specify, share)
    })
    if (signals === 'shared') describe('signals', () => describeSharedSignals(specify, share))
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
    describeMovedRelayLists(specify)
    describeRemovingMoved(specify)
    describeMovingDeletions(specify)
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
