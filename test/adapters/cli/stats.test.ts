/** `stats` and `sweep`: what is in a store, and what goes from it. */

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
import { runCli } from '../../support/cli.ts'
import { scratch } from '../../support/scratch.ts'

const folder = scratch()
const alice = authorNamed('alice')
const bob = authorNamed('bob')
const carol = authorNamed('carol')
const dave = authorNamed('dave')
const now = Math.floor(Date.now() / 1000)
const expiresAt = now + 30 * DAY

describe('stats and sweep', () => {
  it('of an empty store', async () => {
    const flags = ['--store', `lmdb:${join(folder, 'empty')}`]
    const { code, stdout } = await runCli(['stats', ...flags])
    expect(code).toBe(0)
    expect(stdout).toMatch(/^authors +0\n(.*\n)*the next package expires +never\n$/)
    expect(await runCli(['sweep', ...flags])).toMatchObject({ code: 0, stdout: 'key packages removed: 0\n' })
  })

  it('count what is there, and remove what expired', async () => {
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
      relayLists: 1,
      soonestExpiry: expiresAt,
    }
    expect(JSON.parse((await runCli(['stats', '--json', ...flags])).stdout)).toEqual(before)
    expect(await runCli(['sweep', ...flags])).toMatchObject({ code: 0, stdout: 'key packages removed: 1\n' })
    expect(JSON.parse((await runCli(['stats', '--json', ...flags])).stdout)).toEqual({ ...before, dry: 0 })
    const { stdout } = await runCli(['stats', ...flags, '--stock-low', '1'])
    expect(stdout).toMatch(/^ {2}with fewer than 1 packages +0$/m)
  })
})

/** Alice has four, Bob his last, Carol a slot; what Dave had is over. */
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
  await store.putRelayList(relayListOf(alice, now))
  await store.dropRelayList(bob, now)
  await store.close()
}
