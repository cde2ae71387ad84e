/**
 * Holds as many read transactions of the LMDB store in PATH open as it says, and as there is room for, prints how many, and
 * waits to be killed. A process that has the store open takes one place; so this stands for as many processes.
 *
 *     node lmdb-readers.mjs PATH COUNT MAX
 */

import { writeSync } from 'node:fs'
import { open } from 'lmdb'

const [path, count, maxReaders] = process.argv.slice(2)
const root = open({
  path,
  noSubdir: false,
  overlappingSync: false,
  eventTurnBatching: false,
  cache: false,
  noSync: true,
  maxReaders: Number(maxReaders),
})
const table = root.openDB({ name: 'authors' })
const held = []
try {
  while (held.length < Number(count)) {
    // lmdb-js takes a place for each state of the store that is read.
    table.putSync('an entry of no author', { packages: [], deliveries: [], turn: held.length })
    root.resetReadTxn()
    held.push(root.useReadTransaction())
  }
} catch (error) {
  if (!error.message.startsWith('MDB_READERS_FULL')) throw error
}
writeSync(1, `${held.length}\n`)
setInterval(() => held, 60_000)
