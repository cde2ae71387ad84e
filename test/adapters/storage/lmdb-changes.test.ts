/** Changes that several LMDB stores on one path, as in several processes, hear of from each other. */

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { open } from 'lmdb'
import { Changes, KEPT_CHANGES } from '../../../adapters/storage/lmdb/changes.ts'
import { openEnvironment } from '../../../adapters/storage/lmdb/environment.ts'
import { lmdbStore } from '../../../adapters/storage/lmdb.ts'
import type { KeyPackageStore } from '../../../plugin/store.ts'
import { authorNamed, claimBy, LIMITS, NOW, POLICY, packageNamed, slotNamed } from '../../contract/index.ts'
import { eventually } from '../../support/eventually.ts'
import { run } from '../../support/processes.ts'
import { scratch } from '../../support/scratch.ts'

const alice = authorNamed('alice')

let path: string
let here: KeyPackageStore
let there: KeyPackageStore
let heard: unknown[]
let stops: (() => void)[]

beforeEach(() => {
  path = scratch()
  here = lmdbStore({ path })
  there = lmdbStore({ path })
  heard = []
  stops = listen()
})
afterEach(async () => {
  await here.close()
  await there.close()
})

describe('two LMDB stores on one path', () => {
  it('report once and in order what the other accepted and handed out', async () => {
    const [one, two] = [packageNamed('one', alice), packageNamed('two', alice)]
    for (const pkg of [one, two]) await there.put(pkg, LIMITS, NOW)
    await there.claim([claimBy('bob', alice)], { ...POLICY, low: 3 }, NOW)
    const slot = slotNamed('slot', alice, 'phone')
    const rotated = slotNamed('rotated', alice, 'phone', { createdAt: slot.createdAt + 1 })
    await there.put(slot, LIMITS, NOW)
    await there.tellRotationDue(alice, slot.ref)
    await there.put(rotated, LIMITS, NOW)
    await eventually('the last change is heard', () => heard.length >= 6)
    expect(heard).toEqual([
      ['published', alice, one.id],
      ['published', alice, two.id],
      ['low', alice, 1],
      ['published', alice, slot.id],
      ['rotate', alice, slot.ref],
      ['published', alice, rotated.id],
    ])
  })

  it('report their own changes at once, and not again when they read them', async () => {
    await here.put(packageNamed('one', alice), LIMITS, NOW)
    expect(heard).toHaveLength(1)
    await there.put(packageNamed('two', alice), LIMITS, NOW)
    await eventually('the change of the other is heard', () => heard.length >= 2)
    expect(heard).toHaveLength(2)
  })

  it('report nothing from the time when nobody listened', async () => {
    for (const stop of stops) stop()
    await there.put(packageNamed('unheard', alice), LIMITS, NOW)
    stops = listen()
    const pkg = packageNamed('heard', alice)
    await there.put(pkg, LIMITS, NOW)
    await eventually('a change is heard', () => heard.length > 0)
    expect(heard).toEqual([['published', alice, pkg.id]])
  })

  it('report nothing of a package that was refused', async () => {
    await there.put(packageNamed('one', alice), { ...LIMITS, max: 0 }, NOW)
    const pkg = packageNamed('two', alice)
    await there.put(pkg, LIMITS, NOW)
    await eventually('a change is heard', () => heard.length > 0)
    expect(heard).toEqual([['published', alice, pkg.id]])
  })

  it('do not keep a process alive that listens', async () => {
    const program = `
      import { lmdbStore } from 'keypackage-gateway/lmdb'
      lmdbStore({ path: ${JSON.stringify(path)} }).onPublished(() => {})
      console.log('it listens')`
    expect(await run(process.execPath, ['--input-type=module', '-e', program])).toBe('it listens\n')
  })
})

describe('the recorded changes of an LMDB store', () => {
  it('are the newest; a listener that falls further behind misses the oldest, and nothing else', async () => {
    const environment = openEnvironment({ path })
    const elsewhere = new Changes(environment)
    const made = Array.from({ length: KEPT_CHANGES + 10 }, (_, remaining) => ({
      what: 'low' as const,
      author: alice,
      remaining,
    }))
    let told = 0
    here.onAccessChanged(() => {
      told += 1
    })
    environment.root.transactionSync(() => elsewhere.record(made))
    expect(environment.changes.getKeysCount({ start: 0, end: made.length + 1 })).toBe(KEPT_CHANGES)
    await environment.root.close()
    await eventually('the newest is heard', () => heard.length >= KEPT_CHANGES)
    expect(heard).toEqual(made.slice(10).map(({ author, remaining }) => ['low', author, remaining]))
    // A ban may be among those that were missed.
    expect(told).toBe(1)
  })

  it('are not needed: a store of the version before opens without a write, and records from then on', async () => {
    await there.put(packageNamed('one', alice), LIMITS, NOW)
    await here.close()
    await there.close()
    const before = open({ path, noSubdir: false, overlappingSync: false })
    const meta = before.openDB<number, string | number>({ name: 'keypackage-gateway' })
    before.transactionSync(() => {
      meta.remove('changes')
      meta.remove(1)
    })
    const { lastTxnId } = before.getStats() as { lastTxnId: number }
    await before.close()

    const reader = lmdbStore({ path, ifMissing: 'fail' })
    expect(await reader.count([alice], NOW)).toEqual([1])
    await reader.close()
    const after = open({ path, noSubdir: false, overlappingSync: false })
    expect(after.getStats()).toMatchObject({ lastTxnId })
    await after.close()

    here = lmdbStore({ path })
    there = lmdbStore({ path })
    stops = listen()
    const pkg = packageNamed('two', alice)
    await there.put(pkg, LIMITS, NOW)
    await eventually('a change is heard', () => heard.length > 0)
    expect(heard).toEqual([['published', alice, pkg.id]])
  })
})

function listen(): (() => void)[] {
  return [
    here.onLowStock((...told) => heard.push(['low', ...told])),
    here.onRotationDue((...told) => heard.push(['rotate', ...told])),
    here.onPublished((...told) => heard.push(['published', ...told])),
  ]
}
