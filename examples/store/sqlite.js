/** A key package store in one SQLite file, by Node's own SQLite (Node.js 22.16 and later). Several processes may open the same. */

import { DatabaseSync } from 'node:sqlite'
import { rowStore } from 'keypackage-gateway/stock'

const SCHEMA = `
  PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
  CREATE TABLE IF NOT EXISTS rows (tab TEXT, key TEXT, value TEXT, PRIMARY KEY (tab, key)) WITHOUT ROWID`

/** @param {string} path the database; made where there is none */
export function sqliteStore(path) {
  const database = new DatabaseSync(path)
  database.exec(SCHEMA)
  const select = database.prepare('SELECT value FROM rows WHERE tab = ? AND key = ?')
  const selectKeys = database.prepare('SELECT key FROM rows WHERE tab = ?')
  const replace = database.prepare('INSERT OR REPLACE INTO rows VALUES (?, ?, ?)')
  const remove = database.prepare('DELETE FROM rows WHERE tab = ? AND key = ?')

  /** As JSON any text is a key, also one that is no valid Unicode. */
  const read = (table, key) => {
    const row = select.get(table, JSON.stringify(key))
    return row && JSON.parse(row.value)
  }
  const write = (table, key, value) => {
    if (value === undefined) remove.run(table, JSON.stringify(key))
    else replace.run(table, JSON.stringify(key), JSON.stringify(value))
  }

  return rowStore({
    durable: true,
    read: async (table, keys) => keys.map((key) => read(table, key)),
    async update(table, keys, decide) {
      database.exec('BEGIN IMMEDIATE')
      try {
        const before = keys.map((key) => read(table, key))
        const { after, result } = decide(before)
        for (const [index, key] of keys.entries()) {
          if (after[index] !== before[index]) write(table, key, after[index])
        }
        database.exec('COMMIT')
        return result
      } finally {
        if (database.isTransaction) database.exec('ROLLBACK')
      }
    },
    keys: (table) => selectKeys.all(table).map(({ key }) => JSON.parse(key)),
    close: async () => database.close(),
  })
}
