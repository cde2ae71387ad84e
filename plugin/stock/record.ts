/**
 * The rules for a store that keeps everything about one author in one record. In one transaction, read the record, call one
 * of these functions, and write the record. A store that keeps the parts separately calls `offer`, `claim` and so on. Pure.
 */

import type { EventId } from '../nostr/messages.ts'
import type {
  Claim,
  ClaimOutcome,
  ClaimPolicy,
  CountedClaim,
  Deletion,
  DropOutcome,
  KnownName,
  PutOutcome,
  Remembered,
  StockedPackage,
  StockLimits,
  StoredKeyPackage,
} from '../store.ts'
import { counted, dueAt, heardOf, listed, rememberedDeletions } from './bookkeeping.ts'
import { claim } from './claim.ts'
import { offer } from './offer.ts'
import {
  drop,
  EMPTY_STOCK,
  type KnownUntil,
  type Removed,
  rank,
  release,
  remember,
  type Stock,
  sweep,
} from './stock.ts'
import {
  type ChangedWindows,
  isOver,
  type KeptWindow,
  uncountClaim,
  type WindowName,
  type WindowOf,
} from './windows.ts'

/** Plain data: unchanged by `JSON.parse(JSON.stringify(record))`. */
export interface AuthorRecord<Package extends StockedPackage = StoredKeyPackage> extends Stock<Package> {
  /** Every remembered name, each once: of packages in stock or spent (I3). */
  readonly known: readonly KnownName[]
  /** The author's publish window. */
  readonly published?: KeptWindow
  /** The claim windows of requesters, addresses and networks. */
  readonly windows: Readonly<Record<WindowName, KeptWindow>>
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
  const { stock, published, names, forgotten, outcome, removed } = offer(
    stockOf(record),
    record?.published,
    pkg,
    knownUntil(record),
    limits,
    now,
  )
  const windows = published === undefined ? {} : { published }
  return {
    record: recordOf(record, { ...withStock(stock), ...windows, known: withNames(record, names, forgotten) }),
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
  const { stock, windows, choice, removed } = claim(stockOf(record), windowOf(record), request, policy, now)
  if (windows === undefined) return { record, outcome: choice, removed }
  const change = { ...withStock(stock), windows: withWindows(record?.windows, windows) }
  return { record: recordOf(record, change), outcome: choice, removed }
}

/** `KeyPackageStore.drop` */
export function dropPackages<Package extends StockedPackage>(
  record: AuthorRecord<Package> | undefined,
  deletion: Deletion,
  now: number,
): RecordChange<DropOutcome, Package> {
  const { stock, outcome, removed } = drop(stockOf(record), deletion, knownUntil(record), now)
  return { record: recordOf(record, withStock(stock)), outcome, removed }
}

/** `KeyPackageStore.release` */
export function releasePackages<Package extends StockedPackage>(
  record: AuthorRecord<Package> | undefined,
  ids: readonly string[],
  now: number,
  counted?: CountedClaim,
): RecordChange<void, Package> {
  if (record === undefined) return { record, outcome: undefined, removed: [] }
  const { stock, removed } = release(record, ids, now, counted)
  const changed = counted === undefined ? new Map() : uncountClaim(windowOf(record), counted)
  const change = { ...withStock(stock), windows: withWindows(record.windows, changed) }
  return { record: recordOf(record, change), outcome: undefined, removed }
}

/** `MovableStore.remember` */
export function rememberPackages<Package extends StockedPackage>(
  record: AuthorRecord<Package> | undefined,
  remembered: Remembered,
  now: number,
): RecordChange<void, Package> {
  const { stock, names, removed } = remember(stockOf(record), remembered, knownUntil(record), now)
  const after = recordOf(record, { ...withStock(stock), known: withNames(record, names) })
  return { record: after, outcome: undefined, removed }
}

/** `KeyPackageStore.rank` */
export function rankPackages<Package extends StockedPackage>(
  record: AuthorRecord<Package> | undefined,
  ranks: ReadonlyMap<EventId, string>,
): RecordChange<void, Package> {
  if (record === undefined) return { record, outcome: undefined, removed: [] }
  const stock = rank(record, ranks)
  const after = stock === record ? record : recordOf(record, withStock(stock))
  return { record: after, outcome: undefined, removed: [] }
}

/** `KeyPackageStore.sweep`, for one author. The outcome is the number of removed packages. */
export function sweepPackages<Package extends StockedPackage>(
  record: AuthorRecord<Package> | undefined,
  retireAfterSeconds: number,
  now: number,
): RecordChange<number, Package> {
  if (record === undefined) return { record, outcome: 0, removed: [] }
  const { stock, removed } = sweep(record, retireAfterSeconds, now)
  const { published } = record
  const after = {
    ...stockIn(stock),
    known: listNames(record, now),
    windows: opened(record.windows, now),
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

/** Whether the author has a package, or anything is remembered of them (`MovableStore.authors`). */
export function isHeardOf(record: AuthorRecord<StockedPackage> | undefined): boolean {
  return stockOf(record) !== undefined
}

/** `MovableStore.remembered` */
export function listRemembered(record: AuthorRecord<StockedPackage> | undefined, now: number): Remembered {
  return { names: listNames(record, now), deletions: rememberedDeletions(stockOf(record), now) }
}

/** When a sweep next has something to do, in seconds since the epoch; undefined if never. */
export function sweepDueAt(
  record: AuthorRecord<StockedPackage>,
  retireAfterSeconds: number,
): number | undefined {
  const { known, published } = record
  const windows = Object.values(record.windows)
  if (published !== undefined) windows.push(published)
  const times = [...known.map(({ expiresAt }) => expiresAt), ...windows.map(({ keptUntil }) => keptUntil)]
  const due = dueAt(record, retireAfterSeconds)
  if (due !== undefined) times.push(due)
  return times.length === 0 ? undefined : times.reduce((a, b) => Math.min(a, b))
}

function listNames(record: AuthorRecord<StockedPackage> | undefined, now: number): KnownName[] {
  return (record?.known ?? []).filter(({ expiresAt }) => !isOver(expiresAt, now))
}

/** The author's stock; undefined if the store does not know the author. */
function stockOf<Package extends StockedPackage>(
  record: AuthorRecord<Package> | undefined,
): Stock<Package> | undefined {
  return record && heardOf(record, record.known.length)
}

/** The fields of a stock, also those that are to be removed from a record. */
type StockFields<Package extends StockedPackage> = {
  readonly [Field in keyof Stock<Package>]-?: Stock<Package>[Field] | undefined
}

type Change<Package extends StockedPackage> = Partial<AuthorRecord<Package>> | Partial<StockFields<Package>>

function withStock<Package extends StockedPackage>(stock: Stock<Package> | undefined): Change<Package> {
  if (stock === undefined) return {}
  const { packages, deliveries, deletions, takes } = stock
  return { packages, deliveries, deletions, takes }
}

/** The fields of a stock that are there. */
function stockIn<Package extends StockedPackage>({
  packages,
  deliveries,
  deletions,
  takes,
}: Partial<StockFields<Package>>): Stock<Package> {
  return {
    ...EMPTY_STOCK,
    ...(packages && { packages }),
    ...(deliveries && { deliveries }),
    ...(deletions && { deletions }),
    ...(takes && { takes }),
  }
}

function recordOf<Package extends StockedPackage>(
  before: AuthorRecord<Package> | undefined,
  change: Change<Package>,
): AuthorRecord<Package> | undefined {
  const {
    deletions: _deletions,
    takes: _takes,
    ...after
  } = {
    known: [],
    windows: {},
    ...before,
    ...change,
  } as AuthorRecord<Package>
  const record = { ...after, ...stockIn({ ...before, ...change }) }
  return isEmpty(record) ? undefined : record
}

function windowOf(record: AuthorRecord<StockedPackage> | undefined): WindowOf {
  return (name) => record?.windows[name]
}

function withWindows(
  windows: AuthorRecord['windows'] | undefined,
  changed: ChangedWindows,
): AuthorRecord['windows'] {
  const after = new Map<string, KeptWindow | undefined>([...Object.entries(windows ?? {}), ...changed])
  return Object.fromEntries([...after].flatMap(([name, window]) => (window ? [[name, window]] : [])))
}

function isEmpty(record: AuthorRecord<StockedPackage>): boolean {
  const { published, windows } = record
  return !isHeardOf(record) && published === undefined && Object.keys(windows).length === 0
}

function knownUntil(record: AuthorRecord<StockedPackage> | undefined): KnownUntil {
  return (sought) => record?.known.find(({ name }) => name === sought)?.expiresAt
}

function withNames(
  record: AuthorRecord<StockedPackage> | undefined,
  names: readonly KnownName[],
  forgotten: readonly KnownName['name'][] = [],
): readonly KnownName[] {
  const known = record?.known ?? []
  if (names.length === 0 && forgotten.length === 0) return known
  const isGone = new Set([...forgotten, ...names.map(({ name }) => name)])
  return [...known.filter(({ name }) => !isGone.has(name)), ...names]
}

function opened(windows: AuthorRecord['windows'], now: number): AuthorRecord['windows'] {
  return Object.fromEntries(Object.entries(windows).filter(([, { keptUntil }]) => !isOver(keptUntil, now)))
}
