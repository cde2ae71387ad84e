/** What is remembered of deletions, and until when (I3). */

import { describe, expect, it } from '@jest/globals'
import {
  areTooMany,
  currentDeletions,
  deletionsIn,
  isDeleted,
  MAX_DELETED_IDS,
  MAX_DELETED_SLOTS,
  merged,
  timesOf,
} from '../../../plugin/stock/deletions.ts'
import type { Deletions } from '../../../plugin/store.ts'
import {
  authorNamed,
  deletionOf,
  HOUR,
  hex,
  NO_DELETIONS,
  NOW,
  packageNamed,
  slotNamed,
} from '../../contract/index.ts'

const ALICE = authorNamed('alice')
const [SHORT, LONG] = [hex('short'), hex('long')]

/** Of each kind one that ends at `NOW`, as far as there can be more than one, and one that ends an hour later. */
const REMEMBERED: Deletions = {
  ids: [
    [SHORT, NOW],
    [LONG, NOW + HOUR],
  ],
  slots: [
    ['phone', NOW - 2 * HOUR, NOW],
    ['desk', NOW - HOUR, NOW + HOUR],
  ],
  everything: [NOW - 3 * HOUR, NOW + HOUR],
}

describe('the deletions of an author', () => {
  it('are the same object while all of them matter, and there are none any more when none does', () => {
    expect(currentDeletions(undefined, NOW)).toBeUndefined()
    expect(currentDeletions(REMEMBERED, NOW - 1)).toBe(REMEMBERED)
    expect(currentDeletions(REMEMBERED, NOW + HOUR)).toBeUndefined()
  })

  it('are each forgotten when it does not matter any more, and no other with it', () => {
    expect(currentDeletions(REMEMBERED, NOW)).toEqual({
      ids: [[LONG, NOW + HOUR]],
      slots: [['desk', NOW - HOUR, NOW + HOUR]],
      everything: [NOW - 3 * HOUR, NOW + HOUR],
    })
    const vanished: Deletions = { ...REMEMBERED, everything: [NOW - 3 * HOUR, NOW] }
    expect(currentDeletions(vanished, NOW)).toEqual({
      ids: [[LONG, NOW + HOUR]],
      slots: [['desk', NOW - HOUR, NOW + HOUR]],
    })
    const onlyVanished: Deletions = { ...NO_DELETIONS, everything: [NOW - HOUR, NOW + HOUR] }
    expect(currentDeletions(onlyVanished, NOW)).toBe(onlyVanished)
    expect(currentDeletions(onlyVanished, NOW + HOUR)).toBeUndefined()
  })

  it('end when the last of them does: by id, by slot, and of everything', () => {
    expect(timesOf(REMEMBERED)).toEqual([NOW, NOW + HOUR, NOW, NOW + HOUR, NOW + HOUR])
    expect(timesOf(NO_DELETIONS)).toEqual([])
  })

  it('cover a package until they end, and one of a slot only if it was made before', () => {
    const phone = { createdAt: NOW - 2 * HOUR }
    expect(isDeleted(undefined, packageNamed('one', ALICE), NOW)).toBe(false)
    expect(isDeleted(REMEMBERED, slotNamed('older', ALICE, 'phone', phone), NOW - 1)).toBe(true)
    expect(isDeleted(REMEMBERED, slotNamed('older', ALICE, 'phone', phone), NOW)).toBe(false)
    expect(isDeleted(REMEMBERED, slotNamed('newer', ALICE, 'desk', { createdAt: NOW - HOUR }), NOW)).toBe(
      true,
    )
    expect(isDeleted(REMEMBERED, slotNamed('newer', ALICE, 'desk', { createdAt: NOW }), NOW)).toBe(false)
  })

  it('are kept as long as the longest of several says', () => {
    const longer: Deletions = {
      ids: [[SHORT, NOW + HOUR]],
      slots: [['phone', NOW - 4 * HOUR, NOW + HOUR]],
      everything: [NOW - HOUR, NOW],
    }
    const both: Deletions = {
      ids: [
        [SHORT, NOW + HOUR],
        [LONG, NOW + HOUR],
      ],
      slots: [
        ['phone', NOW - 2 * HOUR, NOW + HOUR],
        ['desk', NOW - HOUR, NOW + HOUR],
      ],
      everything: [NOW - HOUR, NOW + HOUR],
    }
    expect(merged(REMEMBERED, longer)).toEqual(both)
    expect(merged(undefined, longer)).toEqual(longer)
    expect(merged(REMEMBERED, NO_DELETIONS)).toEqual(REMEMBERED)
    expect(merged(undefined, NO_DELETIONS)).toBeUndefined()
  })

  it('are a thousand ids and a hundred slots at most, of which others may have more', () => {
    const idsUpTo = (count: number): Deletions => ({
      ...NO_DELETIONS,
      ids: Array.from({ length: count }, (_, index) => [hex(`${index}`), NOW] as const),
    })
    const slotsUpTo = (count: number): Deletions => ({
      ...NO_DELETIONS,
      slots: Array.from({ length: count }, (_, index) => [`${index}`, NOW, NOW] as const),
    })
    for (const [many, max] of [
      [idsUpTo, MAX_DELETED_IDS],
      [slotsUpTo, MAX_DELETED_SLOTS],
    ] as const) {
      expect(areTooMany(many(max))).toBe(false)
      expect(areTooMany(many(max + 1), many(max))).toBe(true)
      expect(areTooMany(many(max + 1), many(max + 1))).toBe(false)
      expect(areTooMany(many(max + 2), many(max + 1))).toBe(true)
    }
    expect(areTooMany(undefined, undefined)).toBe(false)
  })

  it('do not grow by ids that are remembered in another way, nor by a deletion that has ended', () => {
    const deletion = deletionOf({ ids: [SHORT, LONG], slots: ['phone'], everything: true })
    const { createdUntil, keptUntil } = deletion
    expect(deletionsIn(deletion, (id) => id === SHORT, NOW)).toEqual({
      ids: [[LONG, keptUntil]],
      slots: [['phone', createdUntil, keptUntil]],
      everything: [createdUntil, keptUntil],
    })
    expect(deletionsIn(deletion, () => false, keptUntil)).toEqual(NO_DELETIONS)
    expect(deletionsIn(deletionOf({}), () => false, NOW)).toEqual(NO_DELETIONS)
  })
})
