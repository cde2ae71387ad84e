/**
 * A process of its own that works on the LMDB store in PATH, and prints each answer as a line of JSON once it has it.
 *
 *     node lmdb-worker.mjs PATH NAME churn   publishes and claims, as author NAME/0 to NAME/7, until it is killed
 *     node lmdb-worker.mjs PATH NAME claim   on the first input claims every package of author shared/0 to shared/3
 */

import { once } from 'node:events'
import { writeSync } from 'node:fs'
import { lmdbStore } from 'keypackage-gateway/lmdb'
import { authorNamed, claimBy, LIMITS, NOW, POLICY, packageNamed } from 'keypackage-gateway/testing'

const [path, name, mode] = process.argv.slice(2)
const store = lmdbStore({ path })
const print = (line) => writeSync(1, `${JSON.stringify(line)}\n`)

const deliver = (author, requester, [outcome]) => {
  if (outcome.outcome !== 'delivered') return
  const ids = outcome.packages.map(({ id }) => id)
  print({ do: 'claim', author, requester, ids, sharedUsed: outcome.sharedUsed })
}

const churn = async (lane) => {
  const author = authorNamed(`${name}/${lane}`)
  for (let turn = 0; ; turn++) {
    const pkg = packageNamed(`${name}/${lane}/${turn}`, author, { createdAt: NOW - 1e6 + turn })
    if ((await store.put(pkg, LIMITS, NOW)) === 'stored') print({ do: 'put', pkg })
    if (turn % 2 === 1) deliver(author, name, await store.claim([claimBy(name, author)], POLICY, NOW))
  }
}

const claimAll = async (lane) => {
  const author = authorNamed(`shared/${lane}`)
  const policy = { ...POLICY, perAuthor: { max: 10, windowSeconds: 3600 } }
  for (let turn = 0; turn < 60; turn++) {
    const requester = turn % 3 === 0 ? 'everybody' : `${name}/${turn}`
    deliver(author, requester, await store.claim([claimBy(requester, author)], policy, NOW))
  }
}

print({ do: 'ready' })
if (mode === 'churn') await Promise.all(Array.from({ length: 8 }, (_, lane) => churn(lane)))
await once(process.stdin, 'data')
await Promise.all(Array.from({ length: 4 }, (_, lane) => claimAll(lane)))
await store.close()
process.exit()
