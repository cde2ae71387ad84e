/**
 * The version before twins remembered a KeyPackage of either kind by its KeyPackageRef alone. What it has spent stays spent, and
 * what it has in stock follows the present rules.
 */

import { describe, expect, it } from '@jest/globals'
import {
  type AuthorRecord,
  claimPackages,
  dropPackages,
  putPackage,
  releasePackages,
  rememberPackages,
} from '../../../plugin/stock/record.ts'
import type { PutOutcome, StoredKeyPackage } from '../../../plugin/store.ts'
import {
  authorNamed,
  claimBy,
  deletionOf,
  HOUR,
  LIMITS,
  NO_DELETIONS,
  NOW,
  POLICY,
  packageNamed,
  slotNamed,
} from '../../contract/index.ts'

type AliceRecord = AuthorRecord | undefined

const ALICE = authorNamed('alice')
const ONE_TIME = packageNamed('one-time', ALICE)
const SLOT = slotNamed('slot', ALICE, 'phone')
const OTHER = packageNamed('other', ALICE, { createdAt: NOW })

describe('a KeyPackage that the version before has spent', () => {
  it.each([
    ['kind 443', (ref: string) => ({ ...packageNamed('copy', ALICE), ref })],
    ['kind 30443', (ref: string) => ({ ...slotNamed('copy', ALICE, 'desk'), ref })],
  ])('is not taken in again in another event of %s (I3)', (_kind, copyOf) => {
    const record = writtenBefore([], [ONE_TIME, SLOT])
    for (const { ref } of [ONE_TIME, SLOT]) expect(put(record, copyOf(ref)).outcome).toBe('spent')
  })

  it('leaves the stock of a store that takes over what is spent, in an event of either kind (I3)', () => {
    let record: AliceRecord
    for (const pkg of [ONE_TIME, SLOT, OTHER]) record = put(record, pkg).record
    const names = [ONE_TIME, SLOT].map(({ ref, expiresAt }) => ({ name: ref, expiresAt }))
    const { record: after } = rememberPackages(record, { names, deletions: NO_DELETIONS }, NOW)
    expect(idsIn(after)).toEqual([OTHER.id])
    for (const pkg of [ONE_TIME, SLOT]) expect(put(after, pkg).outcome).toBe('spent')
  })
})

describe('a slot that the version before has stored', () => {
  const twin: StoredKeyPackage = { ...packageNamed('twin', ALICE), ref: SLOT.ref }
  const elsewhere: StoredKeyPackage = { ...slotNamed('elsewhere', ALICE, 'desk'), ref: SLOT.ref }

  it('takes in its twin as an alias, once', () => {
    const { record, outcome } = put(writtenBefore([SLOT]), twin)
    expect(outcome).toBe('stored')
    expect(record?.packages.map(({ id, alias }) => [id, alias])).toEqual([
      [SLOT.id, undefined],
      [twin.id, true],
    ])
    const { record: left } = dropPackages(record, deletionOf({ ids: [twin.id] }), NOW)
    expect(put(left, { ...packageNamed('another', ALICE), ref: SLOT.ref }).outcome).toBe('spent')
  })

  it('is replaced by a newer event with the same KeyPackage, which has room for the twin', () => {
    const newer = { ...slotNamed('newer', ALICE, 'phone', { createdAt: NOW }), ref: SLOT.ref }
    const { record, outcome } = put(writtenBefore([SLOT]), newer)
    expect(outcome).toBe('replaced')
    expect(put(record, twin).outcome).toBe('stored')
    expect(put(record, elsewhere).outcome).toBe('duplicate')
  })

  it.each([
    ['deleted', (record: AliceRecord) => dropPackages(record, deletionOf({ slots: ['phone'] }), NOW).record],
    [
      'rotated',
      (record: AliceRecord) => put(record, slotNamed('rotated', ALICE, 'phone', { createdAt: NOW })).record,
    ],
    [
      'evicted',
      (record: AliceRecord) =>
        put(record, slotNamed('new device', ALICE, 'tablet', { createdAt: NOW }), 1).record,
    ],
  ])('stays spent once it is %s, in events of both kinds (I3)', (_how, spend) => {
    const record = spend(writtenBefore([SLOT]))
    expect(idsIn(record)).not.toContain(SLOT.id)
    for (const pkg of [twin, elsewhere]) expect(put(record, pkg).outcome).toBe('spent')
  })
})

describe('a one-time package that the version before has stored', () => {
  const slot: StoredKeyPackage = { ...slotNamed('its slot', ALICE, 'phone'), ref: ONE_TIME.ref }

  it('becomes an alias when its slot arrives', () => {
    const { record, outcome } = put(writtenBefore([ONE_TIME, OTHER]), slot)
    expect(outcome).toBe('stored')
    expect(record?.packages.find(({ id }) => id === ONE_TIME.id)?.alias).toBe(true)
    expect(put(record, { ...packageNamed('copy', ALICE), ref: ONE_TIME.ref }).outcome).toBe('duplicate')
  })

  it('becomes an alias also if it was claimed less than a minute ago', () => {
    const claimed = claimPackages(writtenBefore([ONE_TIME, OTHER]), claimBy('bob', ALICE), POLICY, NOW).record
    expect(idsIn(claimed)).toEqual([OTHER.id])
    const { record, outcome } = put(claimed, slot)
    expect(outcome).toBe('stored')
    expect(record?.packages.find(({ id }) => id === ONE_TIME.id)?.alias).toBe(true)
  })

  it('can be released, and stays spent otherwise (I1)', () => {
    const { record } = claimPackages(writtenBefore([ONE_TIME, OTHER]), claimBy('bob', ALICE), POLICY, NOW)
    const copy = { ...packageNamed('copy', ALICE), ref: ONE_TIME.ref }
    for (const pkg of [ONE_TIME, copy]) expect(put(record, pkg).outcome).toBe('spent')
    const { record: released } = releasePackages(record, [ONE_TIME.id], NOW)
    expect(idsIn(released)).toContain(ONE_TIME.id)
    expect(put(released, copy).outcome).toBe('duplicate')
  })
})

describe('the KeyPackage of a claimed one-time package', () => {
  it('is fit for a slot, if this version has stored the package', () => {
    let record: AliceRecord
    for (const pkg of [ONE_TIME, OTHER]) record = put(record, pkg).record
    record = claimPackages(record, claimBy('bob', ALICE), POLICY, NOW).record
    const slot = { ...slotNamed('its slot', ALICE, 'phone'), ref: ONE_TIME.ref }
    expect(putPackage(record, slot, LIMITS, NOW + HOUR).outcome).toBe('stored')
  })
})

/** The record of an author with these packages in stock and these spent, as the version before left it. */
function writtenBefore(
  packages: readonly StoredKeyPackage[],
  spent: readonly StoredKeyPackage[] = [],
): AuthorRecord {
  const known = [...packages, ...spent].flatMap(({ id, ref, expiresAt }) =>
    [id, ref].map((name) => ({ name, expiresAt })),
  )
  return { packages, deliveries: [], known, windows: {} }
}

function put(
  record: AliceRecord,
  pkg: StoredKeyPackage,
  max = LIMITS.max,
): { record: AliceRecord; outcome: PutOutcome } {
  return putPackage(record, pkg, { ...LIMITS, max }, NOW)
}

function idsIn(record: AliceRecord): string[] {
  return (record?.packages ?? []).map(({ id }) => id)
}
