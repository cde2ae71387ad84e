/** The LMDB environment: its tables, the format they are written in, and what it says when it cannot be opened. */

import { closeSync, mkdirSync, openSync, readSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { getSystemErrorName } from 'node:util'
import { type Database, open, type RootDatabase } from 'lmdb'
import type { KeyPackageRef } from '../../../plugin/key-package/decode.ts'
import type { KnownRelayList } from '../../../plugin/lifecycle/relay-list.ts'
import type { EventId, Pubkey } from '../../../plugin/nostr/messages.ts'
import type { Stock } from '../../../plugin/stock/stock.ts'
import type { KeptWindow } from '../../../plugin/stock/windows.ts'
import type { StoredKeyPackage } from '../../../plugin/store.ts'
import { StoreError } from '../../../plugin/store-error.ts'

/** Raised whenever what is stored changes its meaning. A store that was written in another is refused. */
const FORMAT = 1
/** The table that says so; its name also tells our environments from other programs'. */
const META_TABLE = 'keypackage-gateway'
/** Opens every data file of LMDB, in the first page's header (`mm_magic` in its mdb.c). */
const MAGIC = 0xbeefc0de

/** An author's stock. */
export interface StoredStock extends Stock {
  /** The hour under which the `due` table has the author. */
  readonly dueHour?: number
}

/** What of a package the rules need not see. */
type Body = Pick<StoredKeyPackage, 'event' | 'contentForm'>

/** Which window, and whose: a requester's or an address's for this author, what the author published, or one of `hit`. */
export type WindowKey =
  | [author: Pubkey, scope: 'requester' | 'address' | 'published', who: string]
  | [nobody: '', scope: 'hit', key: string]

export type DueKey = [hour: number, author: Pubkey, name: EventId | KeyPackageRef | '']

export interface Environment {
  readonly root: RootDatabase
  readonly authors: Database<StoredStock, Pubkey>
  /** The same table as `authors`: so an author's stock and windows lie on one page, and a claim dirties few. */
  readonly windows: Database<KeptWindow, WindowKey>
  readonly packages: Database<Body, [author: Pubkey, id: EventId]>
  /** Until when an event id or KeyPackageRef is known, in seconds since the epoch (I3). */
  readonly known: Database<number, [author: Pubkey, name: EventId | KeyPackageRef]>
  /**
   * Whom a sweep has to look at from an hour on: an author whose stock will change, or, with a name, what is known
   * by that name and by the KeyPackageRef that is the value.
   */
  readonly due: Database<KeyPackageRef | '', DueKey>
  readonly relayLists: Database<KnownRelayList, Pubkey>
  /** How many `authors` have packages, how many `packages` they have, and the `format`. */
  readonly meta: Database<number, 'authors' | 'packages' | 'format'>
}

/** Where an LMDB store is, and whether it is created there. */
export interface LmdbStoreSettings {
  /** The directory of the store. Several processes of one machine may open the same. */
  readonly path: string
  /** What happens where `path` holds no store: `create` (the default) makes one, `fail` throws and writes nothing. */
  readonly ifMissing?: 'create' | 'fail'
}

/** @throws StoreError saying what to do about it */
export function openEnvironment({ path, ifMissing = 'create' }: LmdbStoreSettings): Environment {
  try {
    if (ifMissing === 'create') mkdirSync(path, { recursive: true })
    else requireDataFile(path)
    requireLmdb(join(path, 'data.mdb'))
    return openTables(openRoot(path), path, ifMissing)
  } catch (error) {
    if (error instanceof StoreError) throw error
    throw new StoreError(`cannot open the LMDB store in ${path}: ${advice(error)}`, { cause: error })
  }
}

/**
 * Two defaults of lmdb-js are turned off:
 * - `overlappingSync` commits first and syncs afterwards. Without it a commit is LMDB's own: it syncs the data,
 *   then writes the meta page through a descriptor opened with O_DSYNC, and only then ends (`mdb_txn_commit`
 *   calls `mdb_env_sync0`, then `mdb_env_write_meta`; lmdb-js marks TXN_COMMITTED after that and only then
 *   resolves, writer.cpp). So a resolved promise is on disk (I6). With it, closing after a failed commit waits
 *   for ever for the flush.
 * - `eventTurnBatching` opens each batch with a write whose promise nobody holds: when the commit fails, that
 *   rejection is unhandled and ends the process (I7). Transactions of one turn share a commit without it too.
 */
function openRoot(path: string): RootDatabase {
  return open({ path, noSubdir: false, overlappingSync: false, eventTurnBatching: false, cache: false })
}

function openTables(
  root: RootDatabase,
  path: string,
  ifMissing: LmdbStoreSettings['ifMissing'],
): Environment {
  try {
    requireOurs(root, path)
    if (ifMissing === 'fail' && isEmpty(root)) throw missing(path, 'data.mdb holds no tables')
    const meta: Environment['meta'] = root.openDB({ name: META_TABLE })
    requireFormat(root, meta, path)
    return {
      root,
      meta,
      authors: root.openDB({ name: 'authors' }),
      packages: root.openDB({ name: 'packages' }),
      known: root.openDB({ name: 'known' }),
      windows: root.openDB({ name: 'authors' }),
      due: root.openDB({ name: 'due' }),
      relayLists: root.openDB({ name: 'relay-lists' }),
    }
  } catch (error) {
    void root.close()
    throw error
  }
}

/** Looks without opening anything: whatever opens a data file of LMDB would create it. */
function requireDataFile(path: string): void {
  if (statSync(path, { throwIfNoEntry: false }) === undefined)
    throw missing(path, 'the directory does not exist')
  const file = statSync(join(path, 'data.mdb'), { throwIfNoEntry: false })
  if (file === undefined) throw missing(path, 'the directory has no data.mdb')
  if (file.size === 0) throw missing(path, 'data.mdb holds no tables')
}

function missing(path: string, why: string): StoreError {
  return new StoreError(`no key package store in ${resolve(path)}: ${why}; check the path`)
}

/** LMDB maps what it is given without looking closely, and brings the process down on a file of another kind. */
function requireLmdb(file: string): void {
  const header = headerOf(file)
  if (header.length === 0) return
  for (let offset = 0; offset + 4 <= header.length; offset += 4) {
    if (header.readUInt32LE(offset) === MAGIC || header.readUInt32BE(offset) === MAGIC) return
  }
  throw new StoreError(`${file} is not an LMDB file: name another directory, or move the file away`)
}

function headerOf(file: string): Buffer {
  const header = Buffer.alloc(64)
  const descriptor = openSync(file, 'a+')
  try {
    return header.subarray(0, readSync(descriptor, header, 0, header.length, 0))
  } finally {
    closeSync(descriptor)
  }
}

function isEmpty(root: RootDatabase): boolean {
  return [...root.getKeys()].length === 0
}

function requireOurs(root: RootDatabase, path: string): void {
  if (isEmpty(root) || [...root.getKeys()].includes(META_TABLE)) return
  throw new StoreError(`${path} holds the data of another program: name another directory`)
}

function requireFormat(root: RootDatabase, meta: Environment['meta'], path: string): void {
  const format = root.transactionSync(() => {
    if (meta.get('format') === undefined) meta.put('format', FORMAT)
    return meta.get('format')
  })
  if (format === FORMAT) return
  throw new StoreError(
    `${path} is written in format ${format}, this version reads format ${FORMAT}: use the version that wrote it, or export its packages there and import them here`,
  )
}

function advice(error: unknown): string {
  const name = errorName(error)
  if (name === 'EACCES' || name === 'EPERM' || name === 'EROFS') {
    return `no permission to write there (${name}): give this user the directory, or name another`
  }
  if (name === 'ENOTDIR' || name === 'EEXIST') return `it is or lies below a file (${name}): name a directory`
  if (name === 'ENOSPC' || name === 'EDQUOT') return `the disk is full (${name}): make room, or name another`
  return String(error)
}

/** Node's errors are named; LMDB's carry the system's number. */
function errorName(error: unknown): string | undefined {
  const { code }: { code?: unknown } = Object(error)
  if (typeof code === 'string') return code
  return typeof code === 'number' && code > 0 ? getSystemErrorName(-code) : undefined
}
