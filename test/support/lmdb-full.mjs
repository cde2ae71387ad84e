/**
 * Publishes to the LMDB store in PATH, in a shell that limits the size of files, until that fails, reads and closes.
 * Prints one JSON object: how many puts were rejected, the ids that were stored, and what the rejections said.
 */

import { lmdbStore } from 'keypackage-gateway/lmdb'
import { authorNamed, LIMITS, NOW, packageNamed } from 'keypackage-gateway/testing'

const [path] = process.argv.slice(2)
const store = lmdbStore({ path })
const alice = authorNamed('alice')
const limits = { ...LIMITS, max: 100_000 }
const stored = []
let rejected = 0
let message = ''

for (let round = 0; rejected < 20; round++) {
  const packages = Array.from({ length: 8 }, (_, index) => packageNamed(`${round} ${index}`, alice))
  const puts = await Promise.allSettled(packages.map((pkg) => store.put(pkg, limits, NOW)))
  for (const [index, { status, reason }] of puts.entries()) {
    if (status === 'fulfilled') stored.push(packages[index].id)
    else {
      rejected++
      message = reason.message
    }
  }
}

await store.list(alice, NOW)
await store.close()
console.log(JSON.stringify({ rejected, stored, error: message }))
