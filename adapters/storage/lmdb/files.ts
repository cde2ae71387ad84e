/**
 * Whether LMDB can open the files of a store. lmdb-js crashes the process where it cannot (it deletes an object twice when
 * `mdb_env_open` fails), so that is found out before, and said.
 */

import { accessSync, closeSync, constants, openSync, type Stats, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { StoreError } from '../../../plugin/store.ts'
import { type DataFileState, dataFileState } from './data-file.ts'

/** How often a file that seems damaged is looked at: another process may be in the middle of creating or changing it. */
const LOOKS = 5
const PAUSE_MS = 20

/**
 * How many processes may have the store open. LMDB's own default, 126, is fewer than nostream's workers and a few commands can be.
 * The first of them to open the store decides it for the others.
 */
export const MAX_READERS = 1024

export const DATA_FILE = 'data.mdb'
const LOCK_FILE = 'lock.mdb'

/** @throws StoreError if there is no store in the directory. It only asks, because LMDB would create the data file. */
export function requireDataFile(path: string): void {
  if (statSync(path, { throwIfNoEntry: false }) === undefined)
    throw missing(path, 'the directory does not exist')
  const file = statSync(join(path, DATA_FILE), { throwIfNoEntry: false })
  if (file === undefined) throw missing(path, `the directory has no ${DATA_FILE}`)
  if (file.isFile() && file.size === 0) throw missing(path, `${DATA_FILE} holds no tables`)
}

export function missing(path: string, why: string): StoreError {
  return new StoreError(`no key package store in ${resolve(path)}: ${why}; check the path`, {
    fault: 'configuration',
  })
}

/** @throws StoreError with the file and what to do, or an error of the system */
export function requireOpenableFiles(path: string): void {
  const files = [DATA_FILE, LOCK_FILE].map((name) => join(path, name))
  const present = files.filter(isPresent)
  if (present.length < files.length) accessSync(path, constants.W_OK | constants.X_OK)
  for (const file of present) closeSync(openSync(file, 'r+'))
  const [data = ''] = files
  if (!present.includes(data)) return
  const found = stateOf(data)
  if (found.state === 'foreign')
    throw new StoreError(`${data} ${found.why}: use another directory, or move the file away`, {
      fault: 'configuration',
    })
  if (found.state === 'damaged')
    throw new StoreError(
      `${data} is damaged: ${found.why}; restore it from a backup, or use another directory to start with an empty store`,
      { fault: 'configuration' },
    )
}

/** @throws StoreError if it is no file: LMDB would wait for a pipe without an end */
function isPresent(file: string): boolean {
  const found: Stats | undefined = statSync(file, { throwIfNoEntry: false })
  if (found === undefined) return false
  if (found.isFile()) return true
  throw new StoreError(`${file} is not a file: move it away, or use another directory`, {
    fault: 'configuration',
  })
}

function stateOf(file: string): DataFileState {
  let found = dataFileState(file)
  const before = found
  for (let looks = 1; looks < LOOKS && found.state === 'damaged'; looks++) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS)
    found = dataFileState(file)
  }
  // A file whose pages another process changes while they are read is in use, so it is whole.
  return isInUse(before, found) ? { state: 'whole' } : found
}

function isInUse(before: DataFileState, after: DataFileState): boolean {
  if (before.state !== 'damaged' || after.state !== 'damaged') return false
  return before.txnId !== undefined && after.txnId !== undefined && after.txnId > before.txnId
}
