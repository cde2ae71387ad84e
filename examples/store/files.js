/** A key package store in a directory, each row in a file of its own. Only one process at a time may have it open. */

import { createHash } from 'node:crypto'
import * as fs from 'node:fs'
import { join } from 'node:path'
import { rowStore } from 'keypackage-gateway/stock'

const TABLES = ['authors', 'windows', 'relayLists', 'followLists', 'access', 'store']

/** @param {string} directory made where there is none */
export function fileStore(directory) {
  for (const table of TABLES) fs.mkdirSync(join(directory, table), { recursive: true })
  const fileOf = (table, key) =>
    join(directory, table, createHash('sha256').update(JSON.stringify(key)).digest('hex'))

  return rowStore({
    durable: true,
    read: async (table, keys) => keys.map((key) => read(fileOf(table, key))?.value),
    // Nothing here waits, so nothing comes in between.
    async update(table, keys, decide) {
      const before = keys.map((key) => read(fileOf(table, key))?.value)
      const { after, result } = decide(before)
      for (const [index, key] of keys.entries()) {
        if (after[index] !== before[index]) write(fileOf(table, key), key, after[index])
      }
      return result
    },
    *keys(table) {
      const names = fs.readdirSync(join(directory, table)).filter((name) => !name.endsWith('.new'))
      for (const name of names) {
        const row = read(join(directory, table, name))
        // It may have gone since the names were read.
        if (row !== undefined) yield row.key
      }
    },
    close: async () => {},
  })
}

function read(file) {
  return fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, 'utf8')) : undefined
}

/** After a crash the old row is there or the new one, whole; of several rows, some may be old. */
function write(file, key, value) {
  if (value === undefined) fs.rmSync(file, { force: true })
  else {
    fs.writeFileSync(`${file}.new`, JSON.stringify({ key, value }), { flush: true })
    fs.renameSync(`${file}.new`, file)
  }
  syncDirectory(join(file, '..'))
}

/** A name is on disk once its directory is. */
function syncDirectory(directory) {
  const descriptor = fs.openSync(directory, 'r')
  fs.fsyncSync(descriptor)
  fs.closeSync(descriptor)
}
