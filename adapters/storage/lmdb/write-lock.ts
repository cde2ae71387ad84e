/** Finds out whether another process holds the write lock of an LMDB store. Opening a store waits for it, without an end. */

import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { StoreError } from '../../../plugin/store.ts'

/** Below the two seconds of I7. */
const TIMEOUT_MS = 1_900

/** Opening a database takes the lock (lmdb-js opens each table in a write transaction). */
const SCRIPT = `
const [lmdb, path] = process.argv.slice(1)
require(lmdb).open({ path, noSubdir: false, overlappingSync: false })
process.exit()
`

/**
 * Resolves once the lock is free, or there is no store. A process that is stopped inside a write holds it. lmdb-js waits for
 * it in the main thread, so another process tries, and is killed if it takes too long.
 * @throws StoreError if the lock is not free in time
 */
export async function requireFreeLock(path: string): Promise<void> {
  if (!existsSync(join(path, 'data.mdb'))) return
  const lmdb = createRequire(import.meta.url).resolve('lmdb')
  const child = spawn(process.execPath, ['-e', SCRIPT, lmdb, path], {
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
  if (signal !== 'SIGKILL') return
  throw new StoreError(
    `cannot open the LMDB store in ${path}: another process that uses it is stopped in a write: continue or end it`,
  )
}
