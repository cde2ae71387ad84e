/** `import`: which lines are stored, what happens to the others, and what the report says. */

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { describe, expect, it } from '@jest/globals'
import { lmdbStore } from '../../../adapters/storage/lmdb.ts'
import type { SignedEvent } from '../../../plugin/nostr/messages.ts'
import type { MovableStore } from '../../../plugin/store.ts'
import { type CliSettings, runCli, runWarm } from '../../support/cli.ts'
import {
  type KeyPackageEventSettings,
  keyPackageEvent,
  makeKeyPackage,
  signEvent,
} from '../../support/key-packages.ts'
import { type Person, person } from '../../support/people.ts'
import type { Finished } from '../../support/processes.ts'
import { scratch } from '../../support/scratch.ts'

const DAY = 86_400
const folder = scratch()
let stores = 0
const newStore = () => `lmdb:${join(folder, `${stores++}`)}`

const [alice, bob] = [person('alice'), person('bob')]
const now = Math.floor(Date.now() / 1000)
const good = await published(alice)
const used = `{"spent":{"author":"${alice.pubkey}","names":["${good.id}"],"expiresAt":${now + DAY}}}`

describe('import', () => {
  it('stores events as a relay exports them, and reports how many', async () => {
    const store = newStore()
    const events = [good, await published(alice, { tags: { '-': [] } }), await published(bob)]
    expect(await importInto(store, events)).toEqual({
      code: 0,
      stdout: 'stored  3  key packages added to the stock\n',
      stderr: '',
    })
    const { stdout } = await runWarm(['export', '--store', store])
    const lines = stdout.trimEnd().split('\n')
    expect(new Set(lines.map((line) => JSON.parse(line)))).toEqual(
      new Set(events.map((event) => ({ event }))),
    )
  })

  it('gives a new store publicUrl as its URL, and leaves that of another', async () => {
    const store = newStore()
    for (const url of ['wss://keys.example', 'wss://other.example'])
      expect((await importInto(store, [good], ['--public-url', url])).code).toBe(0)
    const opened = lmdbStore({ path: store.slice('lmdb:'.length) })
    expect(await opened.keepUrl('wss://third.example/')).toBe('wss://keys.example/')
    await opened.close()
  })

  it('counts what is known already and what was used before (I3)', async () => {
    const store = newStore()
    expect(await counts(store, [good, good])).toEqual({ stored: 1, duplicate: 1 })
    expect(await counts(store, [used])).toEqual({ remembered: 1 })
    expect(await counts(store, [good])).toEqual({ spent: 1 })
  })

  it('lists each refused line with the reason, stores the others, and exits 1', async () => {
    const forged = { ...good, content: (await published(alice)).content }
    const lines = [
      good,
      '{',
      '',
      '[]',
      forged,
      { event: {} },
      { spent: { author: 'x' } },
      await published(bob),
    ]
    const { code, stdout } = await importInto(newStore(), lines)
    expect(code).toBe(1)
    expect(stdout.split('\n')).toEqual([
      'stored   2  key packages added to the stock',
      'invalid  5  refused',
      expect.stringMatching(/^line 2: not JSON: /),
      'line 4: must be a JSON object',
      expect.stringMatching(/^line 5: the id is not the hash of the event/),
      'line 6: id must be 64 lower-case hex characters',
      'line 7: spent.author: must be 64 lower-case hex characters',
      '',
    ])
  })

  it('lists the first twenty refused lines, and counts the rest', async () => {
    const { stdout } = await importInto(newStore(), Array(30).fill('no'))
    expect(stdout).toMatch(/^invalid {2}30 {2}refused\n(line \d+: .*\n){20}and 10 more\n$/)
  })

  it('does not refuse packages that have expired since they were published', async () => {
    const lifetime = { notBefore: now - 10 * DAY, notAfter: now - DAY }
    const made = await makeKeyPackage(alice, { lifetime })
    const expired = keyPackageEvent(alice, made, { createdAt: now - 5 * DAY })
    const expiredByTag = keyPackageEvent(alice, await makeKeyPackage(alice, { now: now - DAY }), {
      createdAt: now - DAY,
      tags: { expiration: [`${now - 60}`] },
    })
    const neverValid = keyPackageEvent(alice, made, { createdAt: now })
    expect(await counts(newStore(), [expired, expiredByTag])).toEqual({ expired: 2 })
    expect(await importInto(newStore(), [neverValid])).toMatchObject({ code: 1 })
  })

  it('stores relay lists, and ignores events of other kinds', async () => {
    const sign = (kind: number, tags: string[][]) =>
      signEvent(alice.secretKey, { kind, created_at: now, tags, content: '' })
    const lines = [
      sign(10051, [['relay', 'wss://relay.example.com']]),
      sign(10002, [['r', 'wss://relay.example.com']]),
      sign(10050, []),
      sign(1, []),
      sign(5, []),
      sign(444, []),
    ]
    expect(await counts(newStore(), lines)).toEqual({ relayList: 3, ignored: 3 })
    expect(await importInto(newStore(), [sign(10051, [])])).toMatchObject({ code: 1 })
    const early = signEvent(alice.secretKey, { kind: 10002, created_at: now + 3600, tags: [], content: '' })
    expect(await importInto(newStore(), [early])).toMatchObject({ code: 1 })
  })

  it('remembers deletions of relay lists; a line that names no kind is about kind 10051', async () => {
    const sign = (kind: number, tags: string[][]) =>
      signEvent(alice.secretKey, { kind, created_at: now, tags, content: '' })
    const lines = [
      { deletedRelayList: { author: alice.pubkey, createdUntil: now } },
      { deletedRelayList: { author: alice.pubkey, kind: 10050, createdUntil: now } },
      sign(10051, [['relay', 'wss://relay.example.com']]),
      sign(10050, []),
      sign(10002, []),
    ]
    const store = newStore()
    expect(await counts(store, lines.slice(0, 2))).toEqual({ remembered: 2 })
    expect(await counts(store, lines.slice(2))).toEqual({ deleted: 2, relayList: 1 })
    const wrong = { deletedRelayList: { author: alice.pubkey, kind: 1, createdUntil: now } }
    expect(await importInto(store, [wrong])).toMatchObject({ code: 1 })
  })

  it('deletes whom authors follow, by deletions and requests to vanish', async () => {
    const sign = (who: Person, kind: number, tags: string[][]) =>
      signEvent(who.secretKey, { kind, created_at: now, tags, content: '' })
    const address = newStore()
    const authors = [alice, bob].map(({ pubkey }) => pubkey)
    const carol = person('carol').pubkey
    await importInto(address, [await published(alice), await published(bob)])
    const use = async <Answer>(ask: (store: MovableStore) => Promise<Answer>): Promise<Answer> => {
      const store = lmdbStore({ path: address.slice('lmdb:'.length) })
      return ask(store).finally(() => store.close())
    }
    await use((store) =>
      Promise.all(
        authors.map((author) =>
          store.putFollowList({ author, kind: 3, id: '0'.repeat(64), createdAt: now, pubkeys: [carol] }),
        ),
      ),
    )
    const following = () =>
      use((store) => Promise.all(authors.map((author) => store.follows(author, [carol]))))
    expect(await following()).toEqual(['followed', 'followed'])
    const deletions = [
      sign(alice, 5, [['a', `3:${alice.pubkey}:`]]),
      sign(bob, 62, [['relay', 'ALL_RELAYS']]),
    ]
    expect(await counts(address, deletions)).toEqual({ remembered: 2 })
    expect(await following()).toEqual(['unknown', 'unknown'])
  })

  it('applies deletions and requests to vanish in any order, and remembers them (I3)', async () => {
    const sign = (who: Person, kind: number, tags: string[][]) =>
      signEvent(who.secretKey, { kind, created_at: now, tags, content: '' })
    const events = [await published(alice), await published(alice), await published(bob)]
    const [first, second, third] = events
    const deletions = [
      sign(alice, 5, [
        ['e', first?.id ?? ''],
        ['k', '443'],
      ]),
      sign(bob, 62, [['relay', 'wss://relay.example.com']]),
      sign(alice, 62, [['relay', 'wss://another.example']]),
    ]
    const env = { KPG_PUBLIC_URL: 'wss://relay.example.com' }
    const store = newStore()
    expect(await counts(store, deletions, [], env)).toEqual({ remembered: 2, ignored: 1 })
    expect(await counts(store, events, [], env)).toEqual({ stored: 1, deleted: 2 })
    const other = newStore()
    expect(await counts(other, events, [], env)).toEqual({ stored: 3 })
    expect(await counts(other, deletions, [], env)).toEqual({ remembered: 2, ignored: 1 })
    expect(await counts(other, [first, second, third], [], env)).toEqual({ duplicate: 1, spent: 2 })
    const forged = { ...deletions[0], created_at: now - 1 }
    expect(await importInto(newStore(), [forged], [], env)).toMatchObject({ code: 1 })
  })

  it('applies the limits of the stock but no publish quota', async () => {
    const env = { KPG_QUOTA_PUBLISH_MAX: '1' }
    const events = await Promise.all([1, 2, 3].map(() => published(alice)))
    expect(await counts(newStore(), events, [], env)).toEqual({ stored: 3 })
    const { code, stdout } = await importInto(newStore(), events, ['--stock-max', '2'], env)
    expect({ code, stdout }).toEqual({
      code: 1,
      stdout: expect.stringMatching(/^stored {2}2 .*\nfull {4}1 .*\n$/),
    })
  })

  it('applies the kinds and validation settings', async () => {
    const slot = keyPackageEvent(alice, await makeKeyPackage(alice, { now }), {
      kind: 30443,
      createdAt: now,
      tags: { d: ['phone'] },
    })
    expect((await importInto(newStore(), [slot], ['--kinds', '443'])).stdout).toContain(
      'line 1: kind 30443 is not accepted here\n',
    )
    expect(await counts(newStore(), [slot])).toEqual({ stored: 1 })
  })

  it('foretells in a dry run what would become of each line, also of a full stock, and changes nothing', async () => {
    const store = newStore()
    const events = await Promise.all([1, 2, 3].map(() => published(alice)))
    const slots = await Promise.all(
      ['phone', 'phone', 'desk'].map(async (d, age) =>
        keyPackageEvent(alice, await makeKeyPackage(alice, { now }), {
          kind: 30443,
          createdAt: now - age,
          tags: { d: [d] },
        }),
      ),
    )
    const deletion = signEvent(person('carol').secretKey, {
      kind: 62,
      created_at: now,
      tags: [['relay', 'ALL_RELAYS']],
      content: '',
    })
    const lists = [0, 1].map((age) =>
      signEvent(bob.secretKey, { kind: 10002, created_at: now - age, tags: [], content: '' }),
    )
    await importInto(store, [good, events[0], lists[0], used])
    const lines = [...events, ...slots, await published(bob), deletion, good, ...lists]
    const flags = ['--stock-max', '2', '--json']
    const foretold = JSON.parse((await importInto(store, lines, [...flags, '--dry-run'])).stdout)
    expect(foretold).toMatchObject({
      stored: 4,
      duplicate: 2,
      full: 1,
      stale: 2,
      remembered: 1,
      spent: 1,
    })
    const before = (await runWarm(['stats', '--json', '--store', store])).stdout
    expect(JSON.parse((await importInto(store, lines, flags)).stdout)).toEqual(foretold)
    expect((await runWarm(['stats', '--json', '--store', store])).stdout).not.toBe(before)
  })

  it('writes the ids of the key packages that are in the store then to a file (--taken)', async () => {
    const [store, taken] = [newStore(), join(folder, 'taken')]
    const events = await Promise.all([1, 2, 3].map(() => published(alice)))
    const list = signEvent(alice.secretKey, { kind: 10002, created_at: now, tags: [], content: '' })
    await importInto(store, [good, used])
    const lines = ['no', ...events, good, list]
    const { code } = await importInto(store, lines, ['--stock-max', '2', '--taken', taken])
    expect(code).toBe(1)
    // Not the third, for which there is no room; that one stays where it is.
    const ids = readFileSync(taken, 'utf8').trimEnd().split('\n')
    expect(ids).toHaveLength(3)
    expect(new Set([...events.map(({ id }) => id), good.id])).toEqual(
      new Set([...ids, ...events.map(({ id }) => id).filter((id) => !ids.includes(id))]),
    )
    expect(ids).toContain(good.id)
    expect(await importInto(store, [], ['--taken', '/dev/null/x'])).toMatchObject({
      code: 2,
      stderr: 'error: cannot write /dev/null/x: a part of its path is not a directory\n',
    })
    expect(await importInto(store, [], ['--taken', taken, '--dry-run'])).toMatchObject({ code: 2 })
  })

  it('reads what is compressed with gzip, as export --gzip writes it', async () => {
    const [store, copy] = [newStore(), newStore()]
    const file = join(folder, 'lines.jsonl.gz')
    expect((await importInto(store, [good, await published(bob)])).code).toBe(0)
    const exported = await runCli(['export', '--gzip', '--store', store], { output: file })
    expect(exported).toMatchObject({ code: 0, stderr: '' })
    const packed = readFileSync(file)
    expect(gunzipSync(packed).toString().split('\n')).toHaveLength(3)
    expect(await runWarm(['import', file, '--store', copy, '--json'])).toMatchObject({
      code: 0,
      stdout: '{"stored":2,"refused":[]}\n',
    })
    // Files that were compressed one by one and put together are one file (RFC 1952 section 2.2).
    writeFileSync(file, Buffer.concat([gzipSync(`${JSON.stringify(good)}\n`), gzipSync('no\n')]))
    expect((await runWarm(['import', file, '--store', copy])).stdout).toMatch(/^duplicate +1 .*\ninvalid +1 /)
  })

  it('imports what comes before the damage of a compressed file, and says where it stopped', async () => {
    const [store, file] = [newStore(), join(folder, 'cut.jsonl.gz')]
    const noteOf = (index: number) => ({ kind: 1, created_at: now - index, tags: [], content: '' })
    const notes = Array.from({ length: 400 }, (_, index) => signEvent(bob.secretKey, noteOf(index)))
    const lines = [good, await published(bob), ...notes]
    const packed = gzipSync(lines.map((line) => JSON.stringify(line)).join('\n'))
    writeFileSync(file, packed.subarray(0, packed.length - 2000))
    const { code, stdout, stderr } = await runWarm(['import', file, '--store', store])
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    const [, line] =
      /its gzip data is damaged, or ends too early\nerror: stopped after line (\d+);/.exec(stderr) ?? []
    expect(Number(line)).toBeGreaterThan(2)
    const { packages } = JSON.parse((await runWarm(['stats', '--json', '--store', store])).stdout)
    expect(packages).toBe(2)
  })

  it('refuses what is compressed in another way, and says how to read it', async () => {
    const file = join(folder, 'lines.zst')
    writeFileSync(file, Buffer.from('28b52ffd00', 'hex'))
    expect(await runWarm(['import', file, '--store', newStore()])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('`zstd -dc`'),
    })
  })

  it('gives each of many lines, which threads check, its own result', async () => {
    const events = await Promise.all([1, 2, 3].map(() => published(alice)))
    const note = signEvent(bob.secretKey, { kind: 1, created_at: now, tags: [], content: 'x' })
    const lines = Array.from({ length: 3000 }, (_, index) => {
      if (index % 1000 === 999) return events[(index - 999) / 1000]
      return index % 1000 === 500 ? `no ${index}` : note
    })
    const { code, stdout } = await importInto(newStore(), lines, ['--json'])
    expect(code).toBe(1)
    const { refused, ...counted } = JSON.parse(stdout)
    expect(counted).toEqual({ ignored: 2994, stored: 3, invalid: 3 })
    expect(refused.map(({ line }: { line: number }) => line)).toEqual([501, 1501, 2501])
  })

  it('checks every line of a dry run, and creates no store', async () => {
    const store = newStore()
    const { code, stdout } = await importInto(store, [good, 'no', used], ['--dry-run'])
    expect(code).toBe(1)
    expect(stdout).toMatch(/^dry run: .*\nstored .*\nremembered .*\ninvalid .*\nline 2: not JSON/)
    expect(existsSync(store.slice('lmdb:'.length))).toBe(false)
  })

  it('reads a large file piece by piece, however long a line is', async () => {
    const file = join(folder, 'large.jsonl')
    const note = `${JSON.stringify(signEvent(bob.secretKey, { kind: 1, created_at: now, tags: [], content: 'x'.repeat(2000) }))}\n`
    const endless = 'x'.repeat(60_000_000)
    writeFileSync(file, `${note.repeat(20_000)}${endless}\n${JSON.stringify(good)}`)
    const { code, stdout } = await runCli(['import', file, '--store', newStore(), '--json'], {
      env: { NODE_OPTIONS: '--max-old-space-size=48' },
    })
    expect(code).toBe(1)
    expect(JSON.parse(stdout)).toEqual({
      ignored: 20_000,
      stored: 1,
      invalid: 1,
      refused: [{ line: 20_001, reason: expect.stringMatching(/^not JSON/) }],
    })
  })

  it.each([
    ['a file that does not exist', 'missing.jsonl', /cannot read .*missing\.jsonl: there is no such file/],
    ['a directory', '.', /cannot read .*: it is a directory/],
  ])('exits 2 on %s', async (_, name, stderr) => {
    const finished = await runWarm(['import', join(folder, name), '--store', newStore()])
    expect(finished).toEqual({ code: 2, stdout: '', stderr: expect.stringMatching(stderr) })
  })
})

async function published(who: Person, settings: KeyPackageEventSettings = {}): Promise<SignedEvent> {
  return keyPackageEvent(who, await makeKeyPackage(who, { now }), { createdAt: now, ...settings })
}

function importInto(
  store: string,
  lines: readonly unknown[],
  flags: readonly string[] = [],
  env: NonNullable<CliSettings['env']> = {},
): Promise<Finished> {
  const input = lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n')
  return runWarm(['import', '-', '--store', store, ...flags], { input, env })
}

/** The counts of an import that refuses nothing. */
async function counts(...call: Parameters<typeof importInto>): Promise<object> {
  const [store, lines, flags = [], env = {}] = call
  const { code, stdout, stderr } = await importInto(store, lines, [...flags, '--json'], env)
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  const { refused, ...counted } = JSON.parse(stdout)
  expect(refused).toEqual([])
  return counted
}
