/** The LMDB store: the contract, what it has once opened again, and when it cannot be opened or written. */

import { chmodSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'
import { open } from 'lmdb'
import { lmdbStore } from '../../../adapters/storage/lmdb.ts'
import type { MovableStore } from '../../../plugin/store.ts'
import { StoreError } from '../../../plugin/store-error.ts'
import { authorNamed, describeKeyPackageStore, LIMITS, NOW, packageNamed } from '../../contract/index.ts'
import { runLimited } from '../../support/lmdb-workers.ts'
import { scratch } from '../../support/scratch.ts'
import { LmdbStores } from '../../support/stores.ts'

const stores = new LmdbStores()

const again = async (store: MovableStore) => stores.again(store)
describeKeyPackageStore(
  'the LMDB store',
  async () => stores.open(),
  { describe, it },
  { reopen: again, share: again },
)

const directory = scratch()
const below = (name: string) => `${directory}/${name}`

const alice = authorNamed('alice')

describe('an LMDB store that cannot be opened', () => {
  const message = (path: string) => {
    try {
      lmdbStore({ path })
    } catch (error) {
      if (error instanceof StoreError) return error.message
    }
    return 'no StoreError'
  }

  it('says so where the format is of another version', async () => {
    const path = below('newer')
    await lmdbStore({ path }).close()
    const root = open({ path, overlappingSync: false, noSubdir: false })
    await root.openDB<number, string>({ name: 'keypackage-gateway' }).put('format', 2)
    await root.close()
    expect(message(path)).toBe(
      `${path} is written in format 2, this version reads format 1: use the version that wrote it, or export its packages there and import them here`,
    )
  })

  it('says so where the directory holds the data of another program', async () => {
    const path = below('foreign')
    const root = open({ path, overlappingSync: false, noSubdir: false })
    await root.put('somebody', 'else')
    await root.close()
    expect(message(path)).toBe(`${path} holds the data of another program: name another directory`)
  })

  it.each([
    ['short', 'hello'],
    ['long', 'hello world'.repeat(1000)],
  ])('says so where the data file is not LMDB’s (a %s one), instead of crashing (I9)', (name, content) => {
    mkdirSync(below(name))
    writeFileSync(`${below(name)}/data.mdb`, content)
    expect(message(below(name))).toBe(
      `${below(name)}/data.mdb is not an LMDB file: name another directory, or move the file away`,
    )
  })

  it('says so where the path is a file, or below one', () => {
    writeFileSync(below('file'), '')
    for (const path of [below('file'), below('file/below')]) {
      expect(message(path)).toMatch(/^cannot open the LMDB store in .*: it is or lies below a file \(E\w+\)/)
    }
  })

  it('says so where this user may not write', () => {
    const path = process.getuid?.() === 0 ? '/sys/keypackages' : below('locked/keypackages')
    mkdirSync(below('locked'))
    chmodSync(below('locked'), 0o500)
    expect(message(path)).toMatch(/: no permission to write there \(E\w+\): give this user the directory/)
  })
})

describe('an LMDB store that must exist', () => {
  const openExisting = (path: string) => lmdbStore({ path, ifMissing: 'fail' })

  it('is opened where there is one', async () => {
    const path = below('missing/parents/existing')
    const made = lmdbStore({ path })
    await made.put(packageNamed('one', alice), LIMITS, NOW)
    await made.close()
    const store = openExisting(path)
    expect(await store.count([alice], NOW)).toEqual([1])
    await store.close()
  })

  it('is not created where the directory does not exist, and the error names the path', () => {
    const path = below('absent/keypackages')
    expect(() => openExisting(path)).toThrow(
      new StoreError(`no key package store in ${path}: the directory does not exist; check the path`),
    )
    expect(existsSync(below('absent'))).toBe(false)
  })

  it('is not created in a directory that holds something else', () => {
    const path = below('documents')
    mkdirSync(path)
    writeFileSync(`${path}/notes.txt`, 'hello')
    expect(() => openExisting(path)).toThrow(
      new StoreError(`no key package store in ${path}: the directory has no data.mdb; check the path`),
    )
    expect(readdirSync(path)).toEqual(['notes.txt'])
  })

  it('is not created in an LMDB environment without tables, nor in an empty data file', async () => {
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

describe('an LMDB store that has no room to write', () => {
  it('rejects what it could not commit, keeps the rest, and stays alive (I6, I7)', async () => {
    const path = below('full')
    const { rejected, stored, error } = await runLimited(path)
    expect(rejected).toBeGreaterThan(0)
    expect(error).toMatch(/^the LMDB store could not commit: /)
    const store = lmdbStore({ path })
    expect((await store.list(alice, NOW)).map(({ id }) => id).sort()).toEqual(stored.toSorted())
    await store.close()
  })
})
