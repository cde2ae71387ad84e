/** The LMDB store: the contract, opening an existing store, and errors when it cannot be opened or written. */

import { chmodSync, existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'
import { open } from 'lmdb'
import { lmdbStore } from '../../../adapters/storage/lmdb.ts'
import { type MovableStore, StoreError } from '../../../plugin/store.ts'
import {
  authorNamed,
  claimBy,
  describeKeyPackageStore,
  LIMITS,
  NOW,
  POLICY,
  packageNamed,
  relayListOf,
} from '../../contract/index.ts'
import { runLimited } from '../../support/lmdb-workers.ts'
import { scratch } from '../../support/scratch.ts'
import { LmdbStores } from '../../support/stores.ts'

const stores = new LmdbStores()

const again = async (store: MovableStore) => stores.again(store)
describeKeyPackageStore(
  'the LMDB store',
  async () => stores.open(),
  { describe, it },
  { reopen: again, share: again, signals: 'shared' },
)

const directory = scratch()
const below = (name: string) => `${directory}/${name}`

const alice = authorNamed('alice')
const bob = authorNamed('bob')

it('a new LMDB store can be read by nobody but its user (I4)', async () => {
  await lmdbStore({ path: below('new/store') }).close()
  for (const path of ['new', 'new/store']) expect(statSync(below(path)).mode & 0o077).toBe(0)
})

describe('an LMDB store that cannot be opened', () => {
  const message = (path: string) => {
    try {
      lmdbStore({ path })
    } catch (error) {
      if (error instanceof StoreError) return error.message
    }
    return 'no StoreError'
  }

  it('reports the format of another version', async () => {
    const path = below('newer')
    await lmdbStore({ path }).close()
    const root = open({ path, overlappingSync: false, noSubdir: false })
    await root.openDB<number, string>({ name: 'keypackage-gateway' }).put('format', 4)
    await root.close()
    expect(message(path)).toBe(
      `${path} has format 4, this version reads formats 1, 2, 3: use the version that wrote it, or export the packages with that version and import them with this one`,
    )
  })

  it('reports a directory with data of another program', async () => {
    const path = below('foreign')
    const root = open({ path, overlappingSync: false, noSubdir: false })
    await root.put('somebody', 'else')
    await root.close()
    expect(message(path)).toBe(`${path} contains data of another program: use another directory`)
  })

  it.each([
    ['short', 'hello'],
    ['long', 'hello world'.repeat(1000)],
  ])('reports a %s data file that is not LMDB, instead of crashing (I9)', (name, content) => {
    mkdirSync(below(name))
    writeFileSync(`${below(name)}/data.mdb`, content)
    expect(message(below(name))).toBe(
      `${below(name)}/data.mdb is not an LMDB file: use another directory, or move the file away`,
    )
  })

  it('reports a path that is a file or below one', () => {
    writeFileSync(below('file'), '')
    for (const path of [below('file'), below('file/below')]) {
      expect(message(path)).toMatch(
        /^cannot open the LMDB store in .*: not a directory \(E\w+\): check the path/,
      )
    }
  })

  it('reports a folder in which the system makes none, without trying for ever', () => {
    const path = process.platform === 'linux' ? '/proc/keypackages/store' : below('none\0')
    expect(message(path)).toMatch(/^cannot open the LMDB store in .*: /)
  })

  it('reports missing write permission', () => {
    const path = process.getuid?.() === 0 ? '/sys/keypackages' : below('locked/keypackages')
    mkdirSync(below('locked'))
    chmodSync(below('locked'), 0o500)
    expect(message(path)).toMatch(/: permission denied \(E\w+\): give this user write access/)
  })
})

describe('an LMDB store of a version that kept relay lists of kind 10051 alone', () => {
  it('opens with the lists and deletions that are there, and keeps lists of other kinds beside them', async () => {
    const path = below('older')
    await lmdbStore({ path }).close()
    const root = open({ path, overlappingSync: false, noSubdir: false })
    const older = root.openDB<object, string>({ name: 'relay-lists' })
    const list = relayListOf(alice, NOW)
    await older.put(alice, { event: list, deletedUntil: NOW - 1 })
    await older.put(bob, { deletedUntil: NOW })
    await root.close()

    const store = lmdbStore({ path })
    const writes = relayListOf(alice, NOW, 'wss://relay.example', 10002)
    expect(await store.putRelayList(writes, NOW)).toBe('stored')
    expect(await store.putRelayList(relayListOf(bob, NOW), NOW)).toBe('deleted')
    await store.close()
    const again = lmdbStore({ path })
    expect(await again.getRelayLists([alice, bob], [10051, 10002])).toEqual([list, writes])
    expect(await again.putRelayList(relayListOf(alice, NOW - 1, 'wss://other.example'), NOW)).toBe('deleted')
    await again.close()
  })
})

describe('an LMDB store that must exist', () => {
  const openExisting = (path: string) => lmdbStore({ path, ifMissing: 'fail' })

  it('is opened if it exists', async () => {
    const path = below('missing/parents/existing')
    const made = lmdbStore({ path })
    await made.put(packageNamed('one', alice), LIMITS, NOW)
    await made.close()
    const store = openExisting(path)
    expect(await store.count([alice], NOW)).toEqual([1])
    await store.close()
  })

  it('is not created if the directory does not exist, and the error names the path', () => {
    const path = below('absent/keypackages')
    expect(() => openExisting(path)).toThrow(
      new StoreError(`no key package store in ${path}: the directory does not exist; check the path`),
    )
    expect(existsSync(below('absent'))).toBe(false)
  })

  it('is not created in a directory with other contents', () => {
    const path = below('documents')
    mkdirSync(path)
    writeFileSync(`${path}/notes.txt`, 'hello')
    expect(() => openExisting(path)).toThrow(
      new StoreError(`no key package store in ${path}: the directory has no data.mdb; check the path`),
    )
    expect(readdirSync(path)).toEqual(['notes.txt'])
  })

  it('is not created in an LMDB environment without tables or with an empty data file', async () => {
    const path = below('bare')
    await open({ path, overlappingSync: false, noSubdir: false }).close()
    const message = /^no key package store in .*: data\.mdb holds no tables; check the path$/
    expect(() => openExisting(path)).toThrow(message)
    mkdirSync(below('hollow'))
    writeFileSync(below('hollow/data.mdb'), '')
    expect(() => openExisting(below('hollow'))).toThrow(message)
    expect(readdirSync(below('hollow'))).toEqual(['data.mdb'])
  })
})

describe('an LMDB store on a full disk', () => {
  it('rejects what it could not commit, keeps the rest, and continues to work (I6, I7)', async () => {
    const path = below('full')
    const { rejected, stored, error } = await runLimited(path)
    expect(rejected).toBeGreaterThan(0)
    expect(error).toMatch(/^the LMDB store could not commit: /)
    const store = lmdbStore({ path })
    expect((await store.list(alice, NOW)).map(({ id }) => id).sort()).toEqual(stored.toSorted())
    await store.close()
  })
})

describe('an LMDB store with a damaged author', () => {
  it('changes nothing if it cannot answer all claims of a call, and answers those of others', async () => {
    const path = below('damaged author')
    const store = lmdbStore({ path })
    await store.put(packageNamed('one', alice), LIMITS, NOW)
    await store.put(packageNamed('two', alice), LIMITS, NOW)
    const lost = packageNamed('lost', bob)
    await store.put(lost, LIMITS, NOW)
    const root = open({ path, overlappingSync: false, noSubdir: false })
    await root.openDB<object, [string, string]>({ name: 'packages' }).remove([bob, lost.id])

    const claims = [claimBy('carol', alice), claimBy('carol', alice), claimBy('carol', bob)]
    const [both, ofAlice] = await Promise.allSettled([
      store.claim(claims, POLICY, NOW),
      store.claim([claimBy('dave', alice)], POLICY, NOW),
    ])
    expect(both).toMatchObject({
      status: 'rejected',
      reason: new StoreError('the event of a key package is missing'),
    })
    expect(ofAlice).toMatchObject({ value: [{ outcome: 'delivered', remaining: 1 }] })
    expect(await store.count([alice, bob], NOW)).toEqual([1, 1])
    await root.close()
    await store.close()
  })
})
