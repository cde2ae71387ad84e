/** An LMDB store shared by several processes, some of them killed: acknowledged changes persist. */

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { lmdbStore } from '../../../adapters/storage/lmdb.ts'
import type { KeyPackageStore, StockLimits } from '../../../plugin/store.ts'
import { authorNamed, claimBy, LIMITS, NOW, POLICY, packageNamed } from '../../contract/index.ts'
import { eventually } from '../../support/eventually.ts'
import { type Line, LmdbWorker } from '../../support/lmdb-workers.ts'
import { scratch } from '../../support/scratch.ts'

const directory = scratch()

const isPut = (line: Line) => line.do === 'put'
const isClaim = (line: Line) => line.do === 'claim'

describe('an LMDB store that is killed in the middle of publishing and claiming', () => {
  const path = `${directory}/killed`
  const LANES = 8
  let lines: Line[] = []
  let store: KeyPackageStore

  beforeAll(async () => {
    for (const [round, count] of [20, 50, 101, 177].entries()) {
      const worker = new LmdbWorker(path, `round ${round}`, 'churn')
      await worker.printed(count)
      await worker.kill()
      lines = [...lines, ...worker.lines]
    }
    store = lmdbStore({ path })
  })
  afterAll(() => store.close())

  it('acknowledged enough operations for a meaningful test', () => {
    expect(lines.filter(isPut).length).toBeGreaterThan(100)
    expect(lines.filter(isClaim).length).toBeGreaterThan(50)
  })

  it('has lost no acknowledged package (I6)', async () => {
    const delivered = new Set(lines.filter(isClaim).flatMap(({ ids }) => ids))
    let claimedUnheard = 0
    for (const { pkg } of lines.filter(isPut)) {
      const isThere = (await store.list(pkg.author, NOW)).some(({ id }) => id === pkg.id)
      expect(await store.put(pkg, LIMITS, NOW)).toBe(isThere ? 'duplicate' : 'spent')
      if (!isThere && !delivered.has(pkg.id)) claimedUnheard++
    }
    expect(claimedUnheard).toBeLessThanOrEqual(4 * LANES)
  })

  it('hands no package out twice (I1)', async () => {
    const spent = new Set(lines.filter(isClaim).flatMap(({ ids, sharedUsed }) => (sharedUsed ? [] : ids)))
    const authors = new Set(lines.filter(isPut).map(({ pkg }) => pkg.author))
    for (const author of authors) {
      for (let turn = 0; turn < LIMITS.max; turn++) {
        const [outcome] = await store.claim([claimBy(`after ${turn}`, author)], POLICY, NOW)
        expect(outcome?.outcome).toBe('delivered')
        const ids = outcome?.outcome === 'delivered' ? outcome.packages.map(({ id }) => id) : []
        for (const id of ids) expect(spent.has(id)).toBe(false)
      }
    }
  })
})

describe('two processes that claim from one LMDB store at once', () => {
  const path = `${directory}/shared`
  const AUTHORS = [0, 1, 2, 3].map((lane) => authorNamed(`shared/${lane}`))
  const claims: Extract<Line, { do: 'claim' }>[] = []

  beforeAll(async () => {
    const store = lmdbStore({ path })
    const limits: StockLimits = { ...LIMITS, max: 200 }
    const puts = AUTHORS.flatMap((author) =>
      Array.from({ length: 50 }, (_, index) =>
        store.put(packageNamed(`${author} ${index}`, author), limits, NOW),
      ),
    )
    await Promise.all(puts)
    const workers = ['left', 'right'].map((name) => new LmdbWorker(path, name, 'claim'))
    await Promise.all(workers.map((worker) => worker.printed(1)))
    for (const worker of workers) worker.go()
    await Promise.all(workers.map((worker) => worker.ended()))
    for (const worker of workers) {
      expect(worker.lines.filter(isClaim).length).toBeGreaterThan(100)
      claims.push(...worker.lines.filter(isClaim))
    }
    expect(await store.count(AUTHORS, NOW)).toEqual([1, 1, 1, 1])
    await store.close()
  })

  it('hand every package except the last to one requester (I1, I2)', () => {
    const spent = claims.filter(({ sharedUsed }) => !sharedUsed).flatMap(({ ids }) => ids)
    expect(spent.length).toBe(4 * 49)
    expect(new Set(spent).size).toBe(spent.length)
  })

  it("share a requester's quota (I5)", () => {
    for (const author of AUTHORS) {
      const answered = claims.filter((claim) => claim.author === author && claim.requester === 'everybody')
      expect(answered.length).toBe(10)
    }
  })
})

describe('an LMDB store in which another process publishes', () => {
  const store = lmdbStore({ path: `${directory}/heard` })
  afterAll(() => store.close())

  it('tells its listeners of each package once, in order, and of none that the other did not store', async () => {
    const heard: string[] = []
    store.onPublished((_, id) => heard.push(id))
    const worker = new LmdbWorker(`${directory}/heard`, 'other', 'churn')
    await worker.printed(100)
    await worker.kill()
    const acknowledged = worker.lines.filter(isPut).map(({ pkg }) => pkg.id)
    await eventually('it has heard of every package', () => acknowledged.every((id) => heard.includes(id)))
    expect(heard.filter((id) => acknowledged.includes(id))).toEqual(acknowledged)
    // Eight lanes may have been killed between the commit and the answer.
    expect(heard.length - acknowledged.length).toBeLessThanOrEqual(8)
  })
})
