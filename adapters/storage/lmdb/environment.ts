/** The LMDB environment: its tables, their format, and the errors when it cannot be opened. */

import { existsSync, mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { getSystemErrorName } from 'node:util'
import { type Database, open, type RootDatabase } from 'lmdb'
import type { KeyPackageRef } from '../../../plugin/key-package/decode.ts'
import type { KnownFollowLists } from '../../../plugin/lifecycle/known-follow-lists.ts'
import type { KnownRelayLists } from '../../../plugin/lifecycle/known-relay-lists.ts'
import type { EventId, Pubkey } from '../../../plugin/nostr/messages.ts'
import type { Stock } from '../../../plugin/stock/stock.ts'
import type { KeptWindow } from '../../../plugin/stock/windows.ts'
import {
  type AccessList,
  type AccessRule,
  type InformationField,
  type KnownName,
  type StoredKeyPackage,
  StoreError,
  type StoreFault,
} from '../../../plugin/store.ts'
import { DATA_FILE, MAX_READERS, missing, requireDataFile, requireOpenableFiles } from './files.ts'

/**
 * Incremented whenever stored data can mean what earlier versions do not know. A store with a later format is refused; one with an
 * earlier format gets this one with the first write of that kind (`Transaction.useFormat`).
 */
export const FORMAT = 3
const FORMATS = [1, 2, FORMAT]
/** The table with the format; its name also distinguishes our environments from those of other programs. */
const META_TABLE = 'keypackage-gateway'
/** An author's stock. */
export interface StoredStock extends Stock {
  /** The hour of the author's entry in the `due` table. */
  readonly dueHour?: number
}

/** What is known of an author's relay lists. */
export interface StoredRelayLists extends KnownRelayLists {
  /** The hour of the only entry for them in the `due` table that counts. */
  readonly dueHour?: number
}

/** The part of a package that the rules do not need. */
type Body = Pick<StoredKeyPackage, 'event' | 'contentForm'>

/** Whose claims of an author a window counts. */
export type WindowScope = 'requester' | 'address' | 'network'

/** A quota window: of claims of this author, of the author's publishing, or of `hit`. */
export type WindowKey =
  | [author: Pubkey, scope: WindowScope | 'published', who: string]
  | [nobody: '', scope: 'hit', key: string]

/** No event has this id. */
export const FOLLOWED = 'followed'

type FollowListsKey = [author: Pubkey, name: typeof FOLLOWED]

export type DueKey = [hour: number, author: Pubkey, name: KnownName['name']]

/** What the listeners of every process are told. */
export type Change =
  | { readonly what: 'published'; readonly author: Pubkey; readonly id: EventId }
  | { readonly what: 'low'; readonly author: Pubkey; readonly remaining: number }
  | { readonly what: 'rotate'; readonly author: Pubkey; readonly slot: KeyPackageRef }
  | { readonly what: 'access' }

/** A change, and which of the open stores made it. */
export type RecordedChange = Change & { readonly origin: string }

export type AccessKey = [table: 'access', list: AccessList, subject: string]

type InformationKey = [table: 'information', field: InformationField]

export interface Environment {
  readonly root: RootDatabase
  readonly authors: Database<StoredStock, Pubkey>
  /** The same table as `authors`: an author's stock and windows share a page, so a claim dirties few pages. */
  readonly windows: Database<KeptWindow, WindowKey>
  readonly packages: Database<Body, [author: Pubkey, id: EventId]>
  /** The same table as `packages`: a sweep that removes an author's events visits it anyway. */
  readonly followLists: Database<KnownFollowLists, FollowListsKey>
  /** Until when the name of a package is remembered, in seconds since the epoch (I3). */
  readonly known: Database<number, [author: Pubkey, name: KnownName['name']]>
  /**
   * What a sweep must visit from that hour on: an author whose stock will change or, with a name, the `known` entries
   * of that name and of the one in the value. The name `relay-lists` stands for the author's relay lists.
   */
  readonly due: Database<KnownName['name'], DueKey>
  readonly relayLists: Database<StoredRelayLists, Pubkey>
  /**
   * How many `authors` have packages, how many `packages` they have, how many authors are `heard` of, the number of the last of
   * `changes`, whether all relay lists are in the `due` table (`listsDue`), and the `format`. Stores of earlier versions lack
   * `heard` and `listsDue`.
   */
  readonly meta: Database<number, 'authors' | 'packages' | 'heard' | 'changes' | 'listsDue' | 'format'>
  /** The same table as `meta`, which every store has: commands that only read an older store would have to create another. */
  readonly changes: Database<RecordedChange, number>
  /** The same table again. */
  readonly accessRules: Database<AccessRule, AccessKey>
  /** The same table, likewise: the store's URL. */
  readonly url: Database<string, 'url'>
  /** The same table: what operators have changed of what the relay says about itself. */
  readonly information: Database<string, InformationKey>
}

/** The path of an LMDB store, and whether to create it. */
export interface LmdbStoreSettings {
  /** The directory of the store. Several processes on one machine may share it. */
  readonly path: string
  /** If `path` holds no store: `create` (the default) creates one, `fail` throws and writes nothing. */
  readonly ifMissing?: 'create' | 'fail'
  /**
   * After how many milliseconds a write fails, because the disk is slow or another process that uses the store is stopped in
   * the middle of a write; 1,900 by default.
   */
  readonly timeoutMs?: number
}

/**
 * With the folders above it. Node's own `recursive` tries for ever where the system answers ENOENT in a folder that is there, as
 * in /proc.
 */
function makeFolder(path: string): void {
  if (existsSync(path)) return
  makeFolder(dirname(path))
  try {
    // Who can read the files gets every package without a claim (I4).
    mkdirSync(path, { mode: 0o700 })
  } catch (error) {
    // Another process was faster.
    if (!existsSync(path)) throw error
  }
}

/** @throws StoreError with what to do about it */
export function openEnvironment({ path, ifMissing = 'create' }: LmdbStoreSettings): Environment {
  try {
    if (ifMissing === 'create') makeFolder(path)
    else requireDataFile(path)
    requireOpenableFiles(path)
    return openTables(openRoot(path), path, ifMissing)
  } catch (error) {
    if (error instanceof StoreError) throw error
    const { advice, fault } = openingFault(error, join(path, DATA_FILE))
    throw new StoreError(`cannot open the LMDB store in ${path}: ${advice}`, { cause: error, fault })
  }
}

/**
 * Two defaults of lmdb-js are turned off:
 * - `overlappingSync` commits first and syncs afterwards. Without it a commit is LMDB's own: it syncs the data,
 *   then writes the meta page through a descriptor opened with O_DSYNC, and only then ends (`mdb_txn_commit`
 *   calls `mdb_env_sync0`, then `mdb_env_write_meta`; lmdb-js marks TXN_COMMITTED after that and only then
 *   resolves, writer.cpp). So a resolved promise is on disk (I6). With it, closing after a failed commit waits
 *   forever for the flush.
 * - `eventTurnBatching` starts each batch with a write whose promise nobody holds: when the commit fails, that
 *   rejection is unhandled and ends the process (I7). Transactions of one turn share a commit without it too.
 */
function openRoot(path: string): RootDatabase {
  return open({
    path,
    noSubdir: false,
    overlappingSync: false,
    eventTurnBatching: false,
    cache: false,
    maxReaders: MAX_READERS,
  })
}

function openTables(
  root: RootDatabase,
  path: string,
  ifMissing: LmdbStoreSettings['ifMissing'],
): Environment {
  try {
    requireOurs(root, path)
    if (ifMissing === 'fail' && isEmpty(root)) throw missing(path, 'data.mdb holds no tables')
    // By itself, lmdb-js makes each table in a transaction of its own, and waits for the disk after each.
    return root.transactionSync(() => tablesOf(root, path))
  } catch (error) {
    void root.close()
    throw error
  }
}

function tablesOf(root: RootDatabase, path: string): Environment {
  const meta: Environment['meta'] = root.openDB({ name: META_TABLE })
  requireFormat(meta, path)
  return {
    root,
    meta,
    changes: root.openDB({ name: META_TABLE }),
    accessRules: root.openDB({ name: META_TABLE }),
    url: root.openDB({ name: META_TABLE }),
    information: root.openDB({ name: META_TABLE }),
    authors: root.openDB({ name: 'authors' }),
    packages: root.openDB({ name: 'packages' }),
    followLists: root.openDB({ name: 'packages' }),
    known: root.openDB({ name: 'known' }),
    windows: root.openDB({ name: 'authors' }),
    due: root.openDB({ name: 'due' }),
    relayLists: root.openDB({ name: 'relay-lists' }),
  }
}

function isEmpty(root: RootDatabase): boolean {
  return [...root.getKeys()].length === 0
}

function requireOurs(root: RootDatabase, path: string): void {
  if (isEmpty(root) || [...root.getKeys()].includes(META_TABLE)) return
  throw new StoreError(`${path} contains data of another program: use another directory`, {
    fault: 'configuration',
  })
}

function requireFormat(meta: Environment['meta'], path: string): void {
  const format = meta.get('format') ?? firstFormat(meta)
  if (format !== undefined && FORMATS.includes(format)) return
  throw new StoreError(
    `${path} has format ${format}, this version reads formats ${FORMATS.join(', ')}: use the version that wrote it, or export the packages with that version and import them with this one`,
    { fault: 'configuration' },
  )
}

function firstFormat(meta: Environment['meta']): number {
  meta.put('format', FORMAT)
  meta.put('heard', 0)
  return FORMAT
}

/** What to do about an error, and whether it may end by itself: a full disk, too many open files, a lack of memory. */
function openingFault(error: unknown, file: string): { advice: string; fault: StoreFault } {
  const name = errorName(error)
  const { code }: { code?: unknown } = Object(error)
  if (name === 'EACCES' || name === 'EPERM' || name === 'EROFS') {
    const advice = `permission denied (${name}): give this user write access to the directory, or use another`
    return { advice, fault: 'configuration' }
  }
  if (name === 'ENOTDIR' || name === 'EEXIST')
    return { advice: `not a directory (${name}): check the path`, fault: 'configuration' }
  if (name === 'ENOSPC' || name === 'EDQUOT') {
    const advice = `the disk is full (${name}): free some space, or use another directory`
    return { advice, fault: 'temporary' }
  }
  if (code === READERS_FULL) {
    const advice = `all ${MAX_READERS} places for readers are taken (MDB_READERS_FULL): end some of the processes that use it`
    return { advice, fault: 'temporary' }
  }
  if (UNREADABLE.includes(code)) {
    const advice = `${file} is damaged (${messageOf(error)}): restore it from a backup, or use another directory to start with an empty store`
    return { advice, fault: 'configuration' }
  }
  return { advice: messageOf(error), fault: 'temporary' }
}

/** MDB_READERS_FULL (lmdb.h). */
const READERS_FULL = -30790
/** MDB_PAGE_NOTFOUND, MDB_CORRUPTED, MDB_PANIC, MDB_VERSION_MISMATCH and MDB_INVALID (lmdb.h). */
const UNREADABLE: readonly unknown[] = [-30797, -30796, -30795, -30794, -30793]

function messageOf(error: unknown): string {
  const { message }: { message?: unknown } = Object(error)
  return String(message ?? error)
}

/** Node errors have a name as their code; LMDB errors have the system error number. */
function errorName(error: unknown): string | undefined {
  const { code }: { code?: unknown } = Object(error)
  if (typeof code === 'string') return code
  return typeof code === 'number' && code > 0 ? getSystemErrorName(-code) : undefined
}
