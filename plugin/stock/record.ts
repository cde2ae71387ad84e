/**
 * The rules for a store that keeps everything about one author in one record. In one transaction, read the record, call one
 * of these functions, and write the record. A store that keeps the parts separately calls `offer`, `claim` and so on. Pure.
 */

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
  release,
  remember,
  type Stock,
  sweep,
} from './stock.ts'
import { isOver, type KeptWindow, uncountClaim } from './windows.ts'

/** Plain data: unchanged by `JSON.parse(JSON.stringify(record))`. */
export interface AuthorRecord<Package extends StockedPackage = StoredKeyPackage> extends Stock<Package> {
  /** Every remembered name, each once: of packages in stock or spent (I3). */
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
  const before = {
    requester: lookUp(record?.requesters, request.requester),
    address: lookUp(record?.addresses, request.address),
  }
  const { stock, windows, choice, removed } = claim(stockOf(record), before, request, policy, now)
  if (windows === undefined) return { record, outcome: choice, removed }
  const requesters = { ...record?.requesters, [request.requester]: windows.requester }
  const addresses = { ...record?.addresses, [request.address]: windows.address }
  return {
    record: recordOf(record, { ...withStock(stock), requesters, addresses }),
    outcome: choice,
    removed,
  }
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
  const { stock, removed } = release(record, ids, now)
  const windows = counted === undefined ? {} : windowsWithout(record, counted)
  return { record: recordOf(record, { ...withStock(stock), ...windows }), outcome: undefined, removed }
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

/** `KeyPackageStore.sweep`, for one author. The outcome is the number of removed packages. */
export function sweepPackages<Package extends StockedPackage>(
  record: AuthorRecord<Package> | undefined,
  retireAfterSeconds: number,
  now: number,
): RecordChange<number, Package> {
  if (record === undefined) return { record, outcome: 0, removed: [] }
  const { stock, removed } = sweep(record, retireAfterSeconds, now)
  const { packages, deliveries, deletions } = stock
  const { published } = record
  const after = {
    packages,
    deliveries,
    ...(deletions && { deletions }),
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
  const { known, published, requesters, addresses } = record
  const windows = [...Object.values(requesters), ...Object.values(addresses)]
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
  const { packages, deliveries, deletions } = stock
  return { packages, deliveries, deletions }
}

function recordOf<Package extends StockedPackage>(
  before: AuthorRecord<Package> | undefined,
  change: Change<Package>,
): AuthorRecord<Package> | undefined {
  const { deletions, ...after } = {
    ...EMPTY_STOCK,
    known: [],
    requesters: {},
    addresses: {},
    ...before,
    ...change,
  } as AuthorRecord<Package>
  const record = deletions === undefined ? after : { ...after, deletions }
  return isEmpty(record) ? undefined : record
}

/** The claim windows after a claim was given back. */
function windowsWithout(
  { requesters, addresses }: AuthorRecord<StockedPackage>,
  counted: CountedClaim,
): Pick<AuthorRecord, 'requesters' | 'addresses'> {
  const { requester, address } = counted
  const before = { requester: lookUp(requesters, requester), address: lookUp(addresses, address) }
  const after = uncountClaim(before, counted)
  return {
    requesters: withWindow(requesters, requester, after.requester),
    addresses: withWindow(addresses, address, after.address),
  }
}

function withWindow(
  windows: Readonly<Record<string, KeptWindow>>,
  key: string,
  window: KeptWindow | undefined,
): Readonly<Record<string, KeptWindow>> {
  if (window !== undefined) return { ...windows, [key]: window }
  return Object.fromEntries(Object.entries(windows).filter(([other]) => other !== key))
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
  forgotten: readonly KnownName['name'][] = [],
): readonly KnownName[] {
  const known = record?.known ?? []
  if (names.length === 0 && forgotten.length === 0) return known
  const isGone = new Set([...forgotten, ...names.map(({ name }) => name)])
  return [...known.filter(({ name }) => !isGone.has(name)), ...names]
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
