/** Opens an LMDB store in another process first, because opening can block this one without an end, or crash it. */

import { spawn } from 'node:child_process'
import { statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { StoreError } from '../../../plugin/store.ts'
import { DATA_FILE, MAX_READERS, requireOpenableFiles } from './files.ts'

/** Below the two seconds of I7. */
const TIMEOUT_MS = 1_900

/** Opening a database takes the lock (lmdb-js opens each table in a write transaction). */
const SCRIPT = `
const [lmdb, path, maxReaders] = process.argv.slice(1)
require(lmdb).open({ path, noSubdir: false, overlappingSync: false, maxReaders: Number(maxReaders) })
process.exit()
`
const CRASHES: readonly unknown[] = ['SIGSEGV', 'SIGBUS', 'SIGABRT']

/**
 * Resolves if the store can be opened without blocking or crashing, or there is none; whether it can be opened at all, opening
 * it says. A process that is stopped inside a write holds the lock, for which lmdb-js waits in the main thread, so another
 * process tries, and is killed if it takes too long.
 * @throws StoreError if the lock is not free in time, or LMDB crashes
 */
export async function requireOpening(path: string): Promise<void> {
  if (!isOpenable(path)) return
  const lmdb = createRequire(import.meta.url).resolve('lmdb')
  const child = spawn(process.execPath, ['-e', SCRIPT, lmdb, path, String(MAX_READERS)], {
    stdio: 'ignore',
    timeout: TIMEOUT_MS,
    killSignal: 'SIGKILL',
    // What is preloaded into this process is not for that one.
    env: {},
  })
  const signal = await new Promise<NodeJS.Signals | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (_, signal) => resolve(signal))
  })
  if (signal === 'SIGKILL')
    throw new StoreError(
      `cannot open the LMDB store in ${path}: another process that uses it is stopped in a write: continue or end it`,
    )
  if (CRASHES.includes(signal))
    throw new StoreError(
      `cannot open the LMDB store in ${path}: LMDB crashes on it (${signal}): end the processes that use it and try again; ` +
        'if that does not help, restore it from a backup, or use another directory to start with an empty store',
    )
}

/** Whether there is a store at all, and LMDB would try to read it. It would make one of an empty file. */
function isOpenable(path: string): boolean {
  try {
    requireOpenableFiles(path)
    return (statSync(join(path, DATA_FILE), { throwIfNoEntry: false })?.size ?? 0) > 0
  } catch {
    return false
  }
}
