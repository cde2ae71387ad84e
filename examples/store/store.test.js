/** Both stores of this folder beside what the gateway expects of a store: `node --test examples/store/store.test.js`. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { describeKeyPackageStore, describeMovableStore } from 'keypackage-gateway/testing'
import { fileStore } from './files.js'

const scratch = mkdtempSync(join(tmpdir(), 'store-'))
after(() => rmSync(scratch, { recursive: true }))

check('the store in files', fileStore, ['reopen'])
// Older versions of Node.js have no SQLite.
const sqlite = await import('node:sqlite').then(
  () => import('./sqlite.js'),
  () => undefined,
)
if (sqlite !== undefined) check('the store in SQLite', sqlite.sqliteStore, ['reopen', 'share'])

/** Every store opened is in a place of its own; opening that place again is what each of its abilities needs. */
function check(name, openAt, abilities) {
  const places = new WeakMap()
  let opened = 0
  const openIn = async (place) => {
    const store = openAt(place)
    places.set(store, place)
    return store
  }
  const open = () => openIn(join(scratch, `${name} ${opened++}`))
  const again = (store) => openIn(places.get(store))
  const can = Object.fromEntries(abilities.map((ability) => [ability, again]))
  describeKeyPackageStore(name, open, { describe, it }, can)
  describeMovableStore(name, open, { describe, it })
}
