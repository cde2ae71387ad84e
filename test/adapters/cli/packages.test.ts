/** `list` and `delete`: the packages of an author, who runs low, and what leaves the store for good. */

import { join } from 'node:path'
import { beforeEach, describe, expect, it } from '@jest/globals'
import { npubEncode, nsecEncode } from 'nostr-tools/nip19'
import { generateSecretKey } from 'nostr-tools/pure'
import { lmdbStore } from '../../../adapters/storage/lmdb.ts'
import { authorNamed, claimBy, DAY, LIMITS, POLICY, packageNamed, slotNamed } from '../../contract/index.ts'
import { onTerminal, runCli, runWarm } from '../../support/cli.ts'
import { scratch } from '../../support/scratch.ts'

const [alice, bob, carol, dave] = ['alice', 'bob', 'carol', 'dave'].map(authorNamed) as [
  string,
  string,
  string,
  string,
]
const now = Math.floor(Date.now() / 1000)
const expiresAt = now + 30 * DAY
const NAMES = ['one', 'two', 'three', 'four', 'five', 'six']
const idOf = (name: string) => packageNamed(name, alice).id

let path: string
let store: string
beforeEach(async () => {
  path = join(scratch(), 'store')
  store = `lmdb:${path}`
  await fill()
})
const run = (...args: string[]) => runWarm([...args, '--store', store])

describe('list', () => {
  it('names every author with the number of packages', async () => {
    const { code, stdout } = await runCli(['list', '--store', store])
    expect(code).toBe(0)
    expect(new Set(stdout.trimEnd().split('\n'))).toEqual(
      new Set([`${alice}  6 of 6 fresh`, `${bob}  0 of 1 fresh`, `${carol}  0 of 1 fresh`, `${dave}  none`]),
    )
    const lines = (await run('list', '--json')).stdout.trimEnd().split('\n')
    expect(lines.map((line) => JSON.parse(line))).toContainEqual({ pubkey: alice, fresh: 6, packages: 6 })
  })

  it('--low names those who run low, and not an author of slots, which are never used up', async () => {
    const { stdout } = await run('list', '--low')
    expect(stdout).toBe(`${bob}  0 of 1 fresh\n${dave}  none\n`)
    expect((await run('list', '--low', '--stock-low', '7')).stdout.split('\n')).toContain(
      `${alice}  6 of 6 fresh`,
    )
  })

  it('shows the packages of one author, by hex or npub, in 80 columns, without their content (I4)', async () => {
    for (const author of [bob, npubEncode(bob)]) {
      const { stdout } = await run('list', author)
      const [head, line, ...more] = stdout.trimEnd().split('\n')
      expect(head).toMatch(/^id +state +kind +published +expires +delivered +slot$/)
      expect(line).toMatch(/^[0-9a-f]{16} +exposed +443 +\d{4}-\d\d-\d\d +\d{4}-\d\d-\d\d +1$/)
      expect(more).toEqual([])
    }
    const slot = (await run('list', carol)).stdout
    expect(slot).toMatch(/ reusable +30443 .* - +phone$/m)
    expect(slot.split('\n').filter((line) => line.length > 80)).toEqual([])
    const [pkg] = (await run('list', bob, '--json')).stdout.split('\n').slice(0, 1)
    expect(Object.keys(JSON.parse(pkg ?? ''))).not.toContain('content')
  })

  it('says where there is nothing', async () => {
    expect((await run('list', authorNamed('nobody'))).stdout).toBe(
      'no key packages of this author are stored\n',
    )
  })

  it('does not repeat a secret key that somebody takes for a pubkey', async () => {
    const { stderr } = await run('list', nsecEncode(generateSecretKey()))
    expect(stderr).toMatch(/^error: author: "nsec1\.\.\." is not allowed\..* This is an nsec\.$/m)
  })

  it.each(['alice', '203.0.113.7', 'nsec1qqqq'])('refuses %s as an author', async (author) => {
    expect(await run('list', author)).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(
        /^error: author: ".*" is not allowed\. It must be a pubkey \(hex or npub\)/,
      ),
    })
  })
})

describe('delete', () => {
  it('deletes one package by the beginning of its id, and it does not come back (I3)', async () => {
    const id = idOf('one')
    expect(await run('delete', alice, id.slice(0, 16), '--yes')).toEqual({
      code: 0,
      stdout: 'deleted: 1 key package; it cannot be published again\n',
      stderr: '',
    })
    const opened = lmdbStore({ path })
    const ids = (await opened.list(alice, now)).map((pkg) => pkg.id)
    expect(ids).toHaveLength(5)
    expect(ids).not.toContain(id)
    expect(await opened.put(packageNamed('one', alice, { expiresAt }), LIMITS, now)).toBe('spent')
    await opened.close()
  })

  it('deletes all packages of an author, and no others', async () => {
    expect(JSON.parse((await run('delete', npubEncode(alice), '--yes', '--json')).stdout)).toEqual({
      author: alice,
      deleted: 6,
    })
    expect((await run('list', '--json')).stdout).toContain(`{"pubkey":"${alice}","fresh":0,"packages":0}`)
    expect(JSON.parse((await run('stats', '--json')).stdout)).toMatchObject({ authors: 2 })
  })

  it('refuses a package that is not stored yet when it arrives (I3)', async () => {
    const later = packageNamed('later', alice, { expiresAt })
    expect(await run('delete', alice, later.id, '--yes')).toMatchObject({ code: 0 })
    const opened = lmdbStore({ path })
    expect(await opened.put(later, LIMITS, now)).toBe('deleted')
    await opened.close()
  })

  it('asks on a terminal, and else requires --yes', async () => {
    expect(await run('delete', alice)).toEqual({
      code: 2,
      stdout: '',
      stderr: 'error: delete asks before it deletes, and there is no terminal to ask on: add --yes\n',
    })
    expect((await run('list', alice, '--json')).stdout.trimEnd().split('\n')).toHaveLength(6)
  })

  it('does not guess which package is meant', async () => {
    expect(await run('delete', alice, 'abcd', '--yes')).toMatchObject({
      code: 1,
      stderr: 'error: no key package of this author begins with abcd; see `list`\n',
    })
    expect(await run('delete', alice, 'ab', '--yes')).toMatchObject({ code: 2 })
  })

  it('writes what it deletes to the audit log', async () => {
    const { stderr } = await runCli([
      'delete',
      alice,
      idOf('two'),
      '--yes',
      '--audit-to',
      'log',
      '--store',
      store,
    ])
    expect(stderr).toContain('"action":"deletion"')
  })
})

describe('on a terminal', () => {
  it.each([
    ['y', /Delete 1 key package, for good\? \[y\/N\] .*deleted: 1 key package/s, 5],
    ['n', /Delete 1 key package, for good\? \[y\/N\] .*nothing was deleted/s, 6],
    ['\u0004', /nothing was deleted/, 6],
  ])('delete answered with %j leaves %s', async (answer, said, left) => {
    const output = await answered(['delete', alice, idOf('one').slice(0, 8)], answer)
    expect(output).toMatch(said)
    const opened = lmdbStore({ path })
    expect(await opened.list(alice, now)).toHaveLength(left)
    await opened.close()
  })
})

/** Answers a question of a command on a terminal. */
function answered(args: readonly string[], answer: string): Promise<string> {
  let isAnswered = false
  return onTerminal([...args, '--store', store], (output, type) => {
    if (isAnswered || !output.includes('[y/N]')) return
    isAnswered = true
    type(answer === '\u0004' ? answer : `${answer}\r`)
  })
}

/** Alice has six packages, Bob one that was exposed, Carol a slot, and Dave's have expired. */
async function fill(): Promise<void> {
  const opened = lmdbStore({ path })
  for (const name of NAMES) await opened.put(packageNamed(name, alice, { expiresAt }), LIMITS, now)
  await opened.put(packageNamed('bob', bob, { expiresAt }), LIMITS, now)
  await opened.claim([claimBy('mallory', bob)], POLICY, now)
  await opened.put(slotNamed('slot', carol, 'phone', { expiresAt }), LIMITS, now)
  await opened.put(packageNamed('dave', dave, { expiresAt: now - 60 }), LIMITS, now - DAY)
  await opened.close()
}
