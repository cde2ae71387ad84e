/**
 * Stops itself (SIGSTOP) in the middle of a write to the LMDB store in PATH, which stays locked. Continued, it finishes the
 * write, prints `written`, and ends.
 *
 *     node lmdb-holder.mjs PATH
 */

import { writeSync } from 'node:fs'
import { open } from 'lmdb'

const root = open({
  path: process.argv[2],
  noSubdir: false,
  overlappingSync: false,
  eventTurnBatching: false,
})
const table = root.openDB({ name: 'authors' })
root.transactionSync(() => {
  table.put('an entry of no author', { packages: [], deliveries: [] })
  writeSync(1, 'locked\n')
  process.kill(process.pid, 'SIGSTOP')
})
writeSync(1, 'written\n')
await root.close()
