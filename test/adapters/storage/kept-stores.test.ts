/** Stores that an earlier version has written: nothing in them is lost, and the present rules apply from then on. */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { open } from 'lmdb'
import { lmdbStore } from '../../../adapters/storage/lmdb.ts'
import { memoryStore } from '../../../adapters/storage/memory.ts'
import { redisStore } from '../../../adapters/storage/redis.ts'
import type { MovableStore, PutOutcome } from '../../../plugin/store.ts'
import { recordsIn } from '../../../plugin/store-records.ts'
import { authorNamed, claimBy, DAY, deletionOf, NOW, POLICY, packageNamed } from '../../contract/index.ts'
import { deliveredIds, idsOf } from '../../contract/reading.ts'
import { importLine } from '../../support/import-line.ts'
import {
  AUTHORS,
  answersOf,
  KEPT_LIMITS,
  keptFile,
  keptLines,
  keptPublished,
} from '../../support/kept-store.ts'
import { type RedisServer, startRedis } from '../../support/redis.ts'
import { scratch } from '../../support/scratch.ts'
import { verifyEvent } from '../../support/signing.ts'

let server: RedisServer
let store: MovableStore

beforeAll(async () => {
  server = await startRedis()
})
afterEach(() => store.close())
afterAll(() => server?.stop())

const { alice: ALICE, dave: DAVE } = AUTHORS
const published = keptPublished()
const packages = { ...published.stored, ...published.later }

/** A kept copy in a place of its own: opened, what it says its format is, and whether that version would misread a claim. */
interface Kept {
  open(): Promise<MovableStore>
  format(): Promise<unknown>
  readonly misreads: 'claims' | 'packages'
}

const COPIES: readonly (readonly [name: string, copy: () => Promise<Kept>, formats: readonly unknown[]])[] = [
  ['LMDB', copyOfLmdb, [1, 3]],
  ['Redis', copyOfRedis, ['2', '4']],
]

describe.each(COPIES)('a store in %s that an earlier version has written', (_name, copy, [before, after]) => {
  let kept: Kept

  beforeEach(async () => {
    kept = await copy()
    store = await kept.open()
  })

  it('gives the answers of that version', async () => {
    const answers = JSON.parse(keptFile('answers.json').toString())
    // That version called a deleted relay list stale.
    expect({ ...(await answersOf(store, published)), deletedRelayList: 'stale' }).toEqual(answers)
  })

  it('is exported as by that version, and imported into an empty store without loss', async () => {
    const lines = await linesOf(store)
    expect(withoutKinds(lines)).toEqual(keptLines('export.jsonl'))
    await expectSameAfterImport(lines)
  })

  it('follows the rules for twins from now on', async () => {
    expect(await put('erin twin')).toBe('stored')
    expect(await put('dave slot twin')).toBe('stored')
    const twins = { narrowings: [{ kinds: [443] }] }
    for (const requester of ['xavier', 'yvonne']) {
      const outcomes = await store.claim([claimBy(requester, DAVE, twins)], POLICY, NOW)
      expect(deliveredIds(outcomes)).toEqual([packages['dave 1']?.id])
    }
    expect(await store.count([DAVE], NOW)).toEqual([1])
  })

  it('takes a newer event with the same KeyPackage for a slot', async () => {
    expect(await put('alice phone 2 signed again')).toBe('replaced')
    expect(await idsOf(store, ALICE)).not.toContain(packages['alice phone 2']?.id)
  })

  it('keeps what was in a deleted slot from coming back in another event of either kind (I3)', async () => {
    for (const name of ['alice old twin', 'alice old again']) expect(await put(name)).toBe('spent')
    await store.drop(ALICE, deletionOf({ slots: ['phone'] }), NOW)
    expect(await put('alice phone 2 signed again')).toBe('deleted')
  })

  it('drops relay lists and forgets authors as if it had written them itself', async () => {
    const authors = await all(store.authors())
    const lists = new Set((await all(store.relayLists())).map(({ author }) => author))
    expect(lists.size).toBeGreaterThan(0)
    expect(await store.countAuthors()).toBe(Math.max(authors.length, lists.size))
    await store.put(packageNamed('new', authorNamed('new')), KEPT_LIMITS, NOW)
    expect(await store.countAuthors()).toBe(Math.max(authors.length + 1, lists.size))
    await store.sweep(NOW, 600)
    expect(new Set((await all(store.relayLists())).map(({ author }) => author))).toEqual(lists)
    for (let day = 1; day < 110; day++) await store.sweep(NOW + day * DAY, 600)
    expect(await all(store.relayLists())).toEqual([])
  })

  it('gives everybody who claimed in the last minute the same package again', async () => {
    const policy = { ...POLICY, redeliverySeconds: 600 }
    const oneTime = { narrowings: [{ kinds: [443] }] }
    for (const [requester, name] of [
      ['xavier', 'alice 1'],
      ['yvonne', 'alice 2'],
    ] as const) {
      const outcomes = await store.claim([claimBy(requester, ALICE, oneTime)], policy, NOW)
      expect(deliveredIds(outcomes)).toEqual([packages[name]?.id])
    }
  })

  it('is refused by that version once something is written that it does not know, and not before', async () => {
    await linesOf(store)
    expect(await kept.format()).toBe(before)
    await store.claim([claimBy('xavier', ALICE)], POLICY, NOW)
    await store.sweep(NOW, 600)
    expect(await kept.format()).toBe(kept.misreads === 'claims' ? after : before)
    await put('erin twin')
    expect(await kept.format()).toBe(after)
    const again = await kept.open()
    expect(await again.count([DAVE], NOW)).toEqual([1])
    await again.close()
  })
})

describe('an export of an earlier version', () => {
  it('is imported without loss', async () => {
    store = memoryStore()
    const lines = keptLines('export.jsonl')
    for (const line of lines) await takeIn(store, line)
    expect(withoutKinds(await linesOf(store))).toEqual(lines)
  })
})

async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const list: Item[] = []
  for await (const item of items) list.push(item)
  return list
}

async function copyOfLmdb(): Promise<Kept> {
  const path = scratch()
  writeFileSync(join(path, 'data.mdb'), gunzipSync(keptFile('lmdb-format-1.mdb.gz')))
  return {
    open: async () => lmdbStore({ path }),
    async format() {
      const root = open({ path, noSubdir: false, readOnly: true })
      const format = root.openDB({ name: 'keypackage-gateway' }).get('format')
      await root.close()
      return format
    },
    misreads: 'packages',
  }
}

async function copyOfRedis(): Promise<Kept> {
  await server.command('FLUSHALL')
  for (const line of keptLines('redis-layout-2.jsonl'))
    await server.command(...(JSON.parse(line) as string[]))
  return {
    open: () => redisStore({ redis: server.url }),
    format: () => server.command('GET', 'kpg:layout'),
    misreads: 'claims',
  }
}

function put(name: string): Promise<PutOutcome> {
  const pkg = packages[name]
  if (pkg === undefined) throw new Error(`there is no package ${name}`)
  return store.put(pkg, KEPT_LIMITS, NOW)
}

async function expectSameAfterImport(lines: readonly string[]): Promise<void> {
  const other = memoryStore()
  for (const line of lines) await takeIn(other, line)
  expect(await linesOf(other)).toEqual(lines)
  await other.close()
}

async function takeIn(into: MovableStore, line: string): Promise<void> {
  const settings = { now: NOW, storeUrl: 'wss://keys.example/', verifyEvent }
  expect(['stored', 'remembered', 'relayList']).toContain(await importLine(into, line, settings))
}

/** The lines of an export, sorted. */
async function linesOf(store: MovableStore): Promise<string[]> {
  const lines: string[] = []
  for await (const record of recordsIn(store, NOW)) lines.push(JSON.stringify(record))
  return lines.sort()
}

/** That version knew relay lists of one kind. */
function withoutKinds(lines: readonly string[]): string[] {
  return lines.map((line) => line.replace('"kind":10051,"createdUntil"', '"createdUntil"'))
}
