/**
 * The rules for a store that keeps everything about one author in one record. In one transaction, read the record, call one
 * of these functions, and write the record. A store that keeps the parts separately calls `offer`, `claim` and so on. Pure.
 */

import type {
  Claim,
  ClaimOutcome,
  ClaimPolicy,
  KnownName,
  PutOutcome,
  Selector,
  StockedPackage,
  StockLimits,
  StoredKeyPackage,
} from '../store.ts'
import { counted, dueAt, heardOf, listed } from './bookkeeping.ts'
import { claim } from './claim.ts'
import { offer } from './offer.ts'
import {
  drop,
  EMPTY_STOCK,
  type KnownUntil,
  type Removed,
  release,
  type Stock,
  spend,
  sweep,
} from './stock.ts'
import { isOver, type KeptWindow } from './windows.ts'

/** Plain data: unchanged by `JSON.parse(JSON.stringify(record))`. */
export interface AuthorRecord<Package extends StockedPackage = StoredKeyPackage> extends Stock<Package> {
  /** Every remembered event id and KeyPackageRef, each once: in stock or spent (I3). */
  readonly known: readonly KnownName[]
  /** The author's publish window. */
  readonly published?: KeptWindow
  /** The claim windows of each requester, and of each address. */
  readonly requesters: Readonly<Record<string, KeptWindow>>
  readonly addresses: Readonly<Record<string, KeptWindow>>
}

/** What a store writes and returns. */
export interface RecordChange<Outcome, Package extends StockedPackage = StoredKeyPackage> {
  /** Replaces the old record; undefined: delete it, nothing is left to keep about the author. */
  readonly record: AuthorRecord<Package> | undefined
  readonly outcome: Outcome
  /** What `onRemoved` listeners are called with once the record is written. */
  readonly removed: readonly Removed[]
}

/** `KeyPackageStore.put` */
export function putPackage<Package extends StockedPackage>(
  record: AuthorRecord<Package> | undefined,
  pkg: Package,
  limits: StockLimits,
  now: number,
): RecordChange<PutOutcome, Package> {
  const { stock, published, names, outcome, removed } = offer(
    stockOf(record),
    record?.published,
    pkg,
    knownUntil(record),
    limits,
    now,
  )
  const windows = published === undefined ? {} : { published }
  return {
    record: recordOf(record, { ...stock, ...windows, known: withNames(record, names) }),
    outcome,
    removed,
  }
}

/** `KeyPackageStore.claim`, for one claim. */
export function claimPackages<Package extends StockedPackage>(
  record: AuthorRecord<Package> | undefined,
  request: Claim,
  policy: ClaimPolicy,
  now: number,
): RecordChange<ClaimOutcome<Package>, Package> {
  const before = {
    requester: lookUp(record?.requesters, request.requester),
    address: lookUp(record?.addresses, request.address),
  }
  const { stock, windows, choice, removed } = claim(stockOf(record), before, request, policy, now)
  if (windows === undefined) return { record, outcome: choice, removed }
  const requesters = { ...record?.requesters, [request.requester]: windows.requester }
  const addresses = { ...record?.addresses, [request.address]: windows.address }
  return { record: recordOf(record, { ...stock, requesters, addresses }), outcome: choice, removed }
}

/** `KeyPackageStore.drop`. The outcome is the number of deleted packages. */
export function dropPackages<Package extends StockedPackage>(
  record: AuthorRecord<Package> | undefined,
  which: Selector,
  now: number,
): RecordChange<number, Package> {
  if (record === undefined) return { record, outcome: 0, removed: [] }
  const { stock, dropped, removed } = drop(record, which, now)
  return { record: recordOf(record, stock), outcome: dropped, removed }
}

/** `KeyPackageStore.release` */
export function releasePackages<Package extends StockedPackage>(
  record: AuthorRecord<Package> | undefined,
  ids: readonly string[],
  now: number,
): RecordChange<void, Package> {
  if (record === undefined) return { record, outcome: undefined, removed: [] }
  const { stock, removed } = release(record, ids, now)
  return { record: recordOf(record, stock), outcome: undefined, removed }
}

/** `MovableStore.spend` */
export function spendPackages<Package extends StockedPackage>(
  record: AuthorRecord<Package> | undefined,
  spent: readonly KnownName[],
  now: number,
): RecordChange<void, Package> {
  const { stock, names, removed } = spend(stockOf(record), spent, knownUntil(record), now)
  const after = recordOf(record, { ...stock, known: withNames(record, names) })
  return { record: after, outcome: undefined, removed }
}

/** `KeyPackageStore.sweep`, for one author. The outcome is the number of removed packages. */
export function sweepPackages<Package extends StockedPackage>(
  record: AuthorRecord<Package> | undefined,
  retireAfterSeconds: number,
  now: number,
): RecordChange<number, Package> {
  if (record === undefined) return { record, outcome: 0, removed: [] }
  const { stock, removed } = sweep(record, retireAfterSeconds, now)
  const { packages, deliveries } = stock
  const { published } = record
  const after = {
    packages,
    deliveries,
    known: listNames(record, now),
    requesters: opened(record.requesters, now),
    addresses: opened(record.addresses, now),
    ...(published !== undefined && !isOver(published.keptUntil, now) && { published }),
  }
  return { record: isEmpty(after) ? undefined : after, outcome: removed.length, removed }
}

/** `KeyPackageStore.list` */
export function listPackages<Package extends StockedPackage>(
  record: AuthorRecord<Package> | undefined,
  now: number,
): readonly Package[] {
  return listed(stockOf(record), now)
}

/** `KeyPackageStore.count`, for one author. */
export function countPackages(
  record: AuthorRecord<StockedPackage> | undefined,
  now: number,
): number | undefined {
  return counted(stockOf(record), now)
}

/** Whether a package of the author is in the stock or remembered (`MovableStore.authors`). */
export function isHeardOf(record: AuthorRecord<StockedPackage> | undefined): boolean {
  return stockOf(record) !== undefined
}

/** `MovableStore.known` */
export function listNames(record: AuthorRecord<StockedPackage> | undefined, now: number): KnownName[] {
  return (record?.known ?? []).filter(({ expiresAt }) => !isOver(expiresAt, now))
}

/** When a sweep next has something to do, in seconds since the epoch; undefined if never. */
export function sweepDueAt(
  record: AuthorRecord<StockedPackage>,
  retireAfterSeconds: number,
): number | undefined {
  const { known, published, requesters, addresses } = record
  const windows = [...Object.values(requesters), ...Object.values(addresses)]
  if (published !== undefined) windows.push(published)
  const times = [...known.map(({ expiresAt }) => expiresAt), ...windows.map(({ keptUntil }) => keptUntil)]
  const due = dueAt(record, retireAfterSeconds)
  if (due !== undefined) times.push(due)
  return times.length === 0 ? undefined : times.reduce((a, b) => Math.min(a, b))
}

/** The author's stock; undefined if the store does not know the author. */
function stockOf<Package extends StockedPackage>(
  record: AuthorRecord<Package> | undefined,
): Stock<Package> | undefined {
  return record && heardOf(record, record.known.length)
}

function recordOf<Package extends StockedPackage>(
  before: AuthorRecord<Package> | undefined,
  change: Partial<AuthorRecord<Package>>,
): AuthorRecord<Package> | undefined {
  const after = { ...EMPTY_STOCK, known: [], requesters: {}, addresses: {}, ...before, ...change }
  return isEmpty(after) ? undefined : after
}

function isEmpty(record: AuthorRecord<StockedPackage>): boolean {
  const { published, requesters, addresses } = record
  const windows = [requesters, addresses].flatMap((each) => Object.keys(each))
  return !isHeardOf(record) && published === undefined && windows.length === 0
}

function knownUntil(record: AuthorRecord<StockedPackage> | undefined): KnownUntil {
  return (sought) => record?.known.find(({ name }) => name === sought)?.expiresAt
}

function withNames(
  record: AuthorRecord<StockedPackage> | undefined,
  names: readonly KnownName[],
): readonly KnownName[] {
  const known = record?.known ?? []
  if (names.length === 0) return known
  const isNew = new Set(names.map(({ name }) => name))
  return [...known.filter(({ name }) => !isNew.has(name)), ...names]
}

/** A requester's name may equal an inherited property, such as `constructor`. */
function lookUp<Value>(values: Readonly<Record<string, Value>> | undefined, key: string): Value | undefined {
  return values !== undefined && Object.hasOwn(values, key) ? values[key] : undefined
}

function opened(
  windows: Readonly<Record<string, KeptWindow>>,
  now: number,
): Readonly<Record<string, KeptWindow>> {
  return Object.fromEntries(Object.entries(windows).filter(([, { keptUntil }]) => !isOver(keptUntil, now)))
}
