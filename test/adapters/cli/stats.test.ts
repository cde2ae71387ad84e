/** `stats` and `sweep`: counting what is in a store, and removing what expired. */

import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { lmdbStore } from '../../../adapters/storage/lmdb.ts'
import {
  authorNamed,
  claimBy,
  DAY,
  LIMITS,
  POLICY,
  packageNamed,
  relayListOf,
  slotNamed,
} from '../../contract/index.ts'
import { runWarm } from '../../support/cli.ts'
import { scratch } from '../../support/scratch.ts'

const folder = scratch()
const alice = authorNamed('alice')
const bob = authorNamed('bob')
const carol = authorNamed('carol')
const dave = authorNamed('dave')
const now = Math.floor(Date.now() / 1000)
const expiresAt = now + 30 * DAY

describe('stats and sweep', () => {
  it('report an empty store', async () => {
    const path = join(folder, 'empty')
    await lmdbStore({ path }).close()
    const flags = ['--store', `lmdb:${path}`]
    const { code, stdout } = await runWarm(['stats', ...flags])
    expect(code).toBe(0)
    expect(stdout).toMatch(/^authors with packages +0\n(.*\n)*next expiry +never\n$/)
    expect(await runWarm(['sweep', ...flags])).toMatchObject({ code: 0, stdout: 'key packages removed: 0\n' })
  })

  it('count key packages, and remove expired ones', async () => {
    const path = join(folder, 'full')
    await fill(path)
    const flags = ['--store', `lmdb:${path}`]
    const before = {
      authors: 3,
      packages: 6,
      exposed: 1,
      slots: 1,
      low: 2,
      dry: 1,
      relayLists: 2,
      soonestExpiry: expiresAt,
    }
    expect(JSON.parse((await runWarm(['stats', '--json', ...flags])).stdout)).toEqual(before)
    expect(await runWarm(['sweep', ...flags])).toMatchObject({ code: 0, stdout: 'key packages removed: 1\n' })
    expect(JSON.parse((await runWarm(['stats', '--json', ...flags])).stdout)).toEqual({ ...before, dry: 0 })
    const { stdout } = await runWarm(['stats', ...flags, '--stock-low', '1', '--stock-keep', '0'])
    expect(stdout).toMatch(/^ {2}with fewer than 1 fresh ones +1$/m)
  })
})

describe.each(['export', 'stats', 'sweep'])('%s', (command) => {
  it.each([
    ['a path that does not exist', 'mistyped', 'the directory does not exist'],
    ['a directory without a store', 'directory', 'the directory has no data.mdb'],
  ])('exits 1 on %s, names it, and creates nothing', async (_, name, why) => {
    const below = join(folder, command)
    const path = join(below, name)
    mkdirSync(join(below, 'directory'), { recursive: true })
    expect(await runWarm([command, '--store', `lmdb:${path}`])).toEqual({
      code: 1,
      stdout: '',
      stderr: `error: no key package store in ${path}: ${why}; check the path\n`,
    })
    expect(readdirSync(below, { recursive: true })).toEqual(['directory'])
  })

  it('exits 2 on a memory store', async () => {
    expect(await runWarm([command, '--store', 'memory:'])).toEqual({
      code: 2,
      stdout: '',
      stderr:
        'error: store: "memory:" is not allowed: a memory store can only be read by the process that fills it\n',
    })
  })
})

/** Alice has four packages, Bob one that was exposed, Carol a slot, and Dave's have expired. */
async function fill(path: string): Promise<void> {
  const store = lmdbStore({ path })
  for (const name of ['one', 'two', 'three', 'four'])
    await store.put(packageNamed(name, alice, { expiresAt }), LIMITS, now)
  for (const pkg of [
    packageNamed('bob', bob, { expiresAt }),
    slotNamed('slot', carol, 'phone', { expiresAt }),
  ])
    await store.put(pkg, LIMITS, now)
  await store.claim([claimBy('mallory', bob)], POLICY, now)
  await store.put(packageNamed('dave', dave, { expiresAt: now - 60 }), LIMITS, now - DAY)
  await store.putRelayList(relayListOf(alice, now), now)
  await store.putRelayList(relayListOf(alice, now, 'wss://relay.example', 10002), now)
  await store.dropRelayLists(bob, [10051], now)
  await store.close()
}
