/** An LMDB store that another process has locked, because it was stopped inside a write: calls fail in time (I7). */

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { lmdbStore } from '../../../adapters/storage/lmdb.ts'
import type { KeyPackageStore } from '../../../plugin/store.ts'
import { authorNamed, claimBy, LIMITS, NOW, POLICY, packageNamed } from '../../contract/index.ts'
import { eventually } from '../../support/eventually.ts'
import { lockLmdb } from '../../support/lmdb-holder.ts'
import { scratch } from '../../support/scratch.ts'

const author = authorNamed('alice')
const directory = scratch()
/** Without redelivery, so that each claim takes a package. */
const policy = { ...POLICY, redeliverySeconds: 0 }

let path: string
let store: KeyPackageStore
let opened = 0

beforeEach(async () => {
  path = `${directory}/${opened++}`
  store = lmdbStore({ path })
  for (const name of ['one', 'two', 'three', 'four']) await store.put(packageNamed(name, author), LIMITS, NOW)
})
afterEach(() => store.close())

const TOO_LATE = { code: 'KPG_STORE', message: expect.stringContaining('stopped in a write') }

/** All of these fail, though nothing moves; a call that waits for the lock fails the test by its limit. */
async function expectUnavailable(): Promise<void> {
  const calls = [
    store.claim([claimBy('bob', author)], policy, NOW),
    store.put(packageNamed('five', author), LIMITS, NOW),
    store.hit('requester bob', 1, { max: 10, windowSeconds: 60 }, NOW),
    store.sweep(NOW + 1e9, 1),
  ]
  for (const call of calls) call.catch(() => undefined)
  for (const call of calls) await expect(call).rejects.toMatchObject(TOO_LATE)
}

describe('a store that a stopped process has locked', () => {
  it('refuses writes, reads as ever, and works again once the process continues', async () => {
    const holder = await lockLmdb(path)
    await expectUnavailable()
    expect(await store.count([author], NOW)).toEqual([4])
    // More of them would only wait behind the first, and fill the memory.
    await expect(store.put(packageNamed('six', author), LIMITS, NOW)).rejects.toMatchObject(TOO_LATE)
    await holder.proceed()
    await eventually('it works', () => store.put(packageNamed('seven', author), LIMITS, NOW))
    const ids = (await store.list(author, NOW)).map(({ id }) => id)
    const names = ['one', 'two', 'three', 'four', 'seven']
    expect(ids.sort()).toEqual(names.map((name) => packageNamed(name, author).id).sort())
    expect(await store.hit('requester bob', 10, { max: 10, windowSeconds: 60 }, NOW)).toMatchObject({
      granted: 10,
    })
  })

  it('works again if the process is killed', async () => {
    const holder = await lockLmdb(path)
    await expectUnavailable()
    await holder.kill()
    await eventually('it works', () => store.claim([claimBy('bob', author)], policy, NOW))
    expect(await store.count([author], NOW)).toEqual([3])
  })
})

describe('claims that were refused for their time, but committed', () => {
  it('are released: nobody received their packages', async () => {
    const authors = Array.from({ length: 40 }, (_, index) => authorNamed(`author ${index}`))
    for (const one of authors)
      for (const name of ['older', 'newer']) await store.put(packageNamed(`${name} ${one}`, one), LIMITS, NOW)
    // Which of them are in time is up to the machine, and what holds does not depend on it. With so much in the same commit
    // few are.
    const event = 'x'.repeat(1_000_000)
    for (let turn = 0; turn < 10; turn++) {
      const impatient = lmdbStore({ path, timeoutMs: 1 })
      const claims = authors.map((one) => claimBy(`requester ${turn}`, one))
      const claimed = impatient.claim(claims, policy, NOW).catch(() => [])
      const bulk = Array.from({ length: 10 }, (_, index) => `${turn} ${index}`).map((name) =>
        impatient.put(packageNamed(name, authorNamed(name), { event }), LIMITS, NOW),
      )
      await Promise.allSettled(bulk)
      await claimed
      await impatient.close()
      for (const [index, outcome] of (await claimed).entries()) {
        if (outcome.outcome !== 'delivered') throw new Error('there are packages')
        const ids = outcome.packages.map(({ id }) => id)
        await store.release(authors[index] ?? '', ids, NOW)
      }
    }
    expect(await store.count(authors, NOW)).toEqual(authors.map(() => 2))
  })
})
