/** LMDB stores whose files cannot be used: the process says which file, and what to do, instead of crashing (I9). */

import { once } from 'node:events'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, it } from '@jest/globals'
import { open } from 'lmdb'
import { dataFileState } from '../../../adapters/storage/lmdb/data-file.ts'
import { MAX_READERS } from '../../../adapters/storage/lmdb/files.ts'
import { lmdbStore } from '../../../adapters/storage/lmdb.ts'
import { StoreError } from '../../../plugin/store.ts'
import { authorNamed, LIMITS, NOW, packageNamed } from '../../contract/index.ts'
import { runCli } from '../../support/cli.ts'
import { keyPackageEvent, makeKeyPackage } from '../../support/key-packages.ts'
import { lockLmdb } from '../../support/lmdb-holder.ts'
import { LmdbWorker } from '../../support/lmdb-workers.ts'
import { person } from '../../support/people.ts'
import { run, startProcess } from '../../support/processes.ts'
import { scratch } from '../../support/scratch.ts'
import { questionAbout } from '../../support/strfry.ts'

const directory = scratch()
const good = `${directory}/good`
const PAGE = 4096
const RESTORE = 'restore it from a backup, or use another directory to start with an empty store'
const MOVE = 'use another directory, or move the file away'

let made = 0

beforeAll(async () => {
  const store = lmdbStore({ path: good })
  const authors = Array.from({ length: 200 }, (_, index) => authorNamed(`author ${index}`))
  await Promise.all(authors.map((author) => store.put(packageNamed(author, author), LIMITS, NOW)))
  // In a transaction of its own, so that each of the two meta pages stands for packages.
  await store.put(packageNamed('last', authorNamed('last')), LIMITS, NOW)
  await store.close()
})

/** A copy of the good store. */
function copied(): string {
  const path = `${directory}/${made++}`
  cpSync(good, path, { recursive: true })
  return path
}

function fault(path: string, ifMissing: 'create' | 'fail' = 'create') {
  try {
    void lmdbStore({ path, ifMissing }).close()
  } catch (error) {
    if (error instanceof StoreError) return { message: error.message, fault: error.fault }
    throw error
  }
  return 'opened'
}

/** What is said of a data file, which stays as it is. */
function expectRefused(path: string, why: string, advice: string): void {
  const before = readFileSync(`${path}/data.mdb`)
  const message = `${path}/data.mdb ${why}${advice}`
  expect(fault(path)).toEqual({ message, fault: 'configuration' })
  expect(fault(path, 'fail')).toEqual({ message, fault: 'configuration' })
  expect(readFileSync(`${path}/data.mdb`).equals(before)).toBe(true)
}

function patched(change: (data: Buffer) => void): string {
  const path = copied()
  const data = readFileSync(`${path}/data.mdb`)
  change(data)
  writeFileSync(`${path}/data.mdb`, data)
  return path
}

describe('a data file that was cut', () => {
  it.each([100, PAGE, PAGE + 100])('after %i bytes, which leaves no two meta pages', (size) => {
    const path = copied()
    truncateSync(`${path}/data.mdb`, size)
    const why = size < PAGE ? 'invalid' : 'missing or invalid'
    expectRefused(path, `is damaged: one of its two meta pages is ${why}; `, RESTORE)
  })

  it.each([
    ['to its meta pages', () => 2 * PAGE],
    ['to ten pages', () => 10 * PAGE],
    ['to half', (size: number) => Math.floor(size / 2)],
    ['by a page', (size: number) => size - PAGE],
    ['by a byte', (size: number) => size - 1],
  ])('%s', (_, sizeOf) => {
    const path = copied()
    const size = sizeOf(statSync(`${path}/data.mdb`).size)
    truncateSync(`${path}/data.mdb`, size)
    const found = fault(path)
    const expected = new RegExp(
      `^${path}/data.mdb is damaged: it ends after ${size} bytes, and page \\d+ is missing; ${RESTORE}$`,
    )
    expect(found).toEqual({ message: expect.stringMatching(expected), fault: 'configuration' })
    expect(fault(path, 'fail')).toEqual(found)
    expect(statSync(`${path}/data.mdb`).size).toBe(size)
  })
})

describe('a data file that is not what it should be', () => {
  it('of zeros, as a power failure leaves it', () => {
    const path = patched((data) => data.fill(0))
    expectRefused(path, 'is damaged: it begins with zeros; ', RESTORE)
  })

  it.each(['first', 'second'])(
    'without its %s meta page, of which the other is a transaction older (I3)',
    (which) => {
      const at = which === 'first' ? 0 : PAGE
      const path = patched((data) => data.fill(0xff, at, at + PAGE))
      if (which === 'first') expectRefused(path, 'is not an LMDB file: ', MOVE)
      else expectRefused(path, 'is damaged: one of its two meta pages is missing or invalid; ', RESTORE)
    },
  )

  it('of an impossible page size', () => {
    const path = patched((data) => data.writeUInt32LE(768, 48))
    expectRefused(path, 'is damaged: one of its two meta pages is invalid; ', RESTORE)
  })

  it('of another version of LMDB, as strfry has it', () => {
    const path = patched((data) => data.writeUInt32LE(1, 28))
    const why = 'was written by another version of LMDB (data version 1), as that of strfry is: '
    expectRefused(path, why, MOVE)
  })

  it('of the same version with a page header of 16 bytes', () => {
    const path = patched((data) => data.copyWithin(16, 24, PAGE))
    const why = 'was written by another version of LMDB (data version 2), as that of strfry is: '
    expectRefused(path, why, MOVE)
  })

  it('of a machine with another byte order', () => {
    const path = patched((data) => data.subarray(24, 32).swap32())
    expectRefused(path, 'was written on a machine with another byte order: ', MOVE)
  })

  it('with a root page of no kind, which LMDB itself finds out', () => {
    const path = patched((data) => {
      const latest = data.readBigUInt64LE(152) > data.readBigUInt64LE(PAGE + 152) ? 0 : PAGE
      data.writeUInt16LE(0, Number(data.readBigUInt64LE(latest + 136)) * PAGE + 18)
    })
    const why = 'MDB_CORRUPTED: Located page was wrong type'
    expect(fault(path)).toEqual({
      message: `cannot open the LMDB store in ${path}: ${path}/data.mdb is damaged (${why}): ${RESTORE}`,
      fault: 'configuration',
    })
  })
})

describe('a store whose files are something else', () => {
  it.each(['data.mdb', 'lock.mdb'])('a directory, a pipe or a link in a circle as %s', async (name) => {
    const path = copied()
    const file = `${path}/${name}`
    const message = `${file} is not a file: move it away, or use another directory`
    rmSync(file)
    mkdirSync(file)
    expect(fault(path)).toEqual({ message, fault: 'configuration' })
    rmSync(file, { recursive: true })
    await run('mkfifo', [file])
    expect(fault(path)).toEqual({ message, fault: 'configuration' })
    rmSync(file)
    symlinkSync(file, file)
    expect(fault(path)).toMatchObject({ message: expect.stringContaining('ELOOP') })
  })

  it.each(['data.mdb', 'lock.mdb', '.'])('of which this user may not write %s', async (name) => {
    const path = copied()
    if (name === '.') rmSync(`${path}/lock.mdb`)
    chmodSync(`${path}/${name}`, name === '.' ? 0o555 : 0o444)
    chmodSync(directory, 0o755)
    const said = await run(process.execPath, ['--input-type=module', '-e', AS_NOBODY, path])
    expect(said).toMatch(/permission denied \(EACCES\): give this user write access to the directory/)
  })

  it('has a lock file that nobody uses and that means nothing: it is made anew', async () => {
    const path = copied()
    writeFileSync(`${path}/lock.mdb`, 'hello')
    expect(fault(path)).toBe('opened')
  })

  it('has a lock file that a process with another LMDB uses: it is said that LMDB crashes', async () => {
    const path = copied()
    const holder = await lockLmdb(path)
    const lock = readFileSync(`${path}/lock.mdb`)
    lock.writeUInt32LE(lock.readUInt32LE(4) + 1, 4)
    writeFileSync(`${path}/lock.mdb`, lock, { flag: 'r+' })
    const { code, stderr } = await runCli(['stats', '--store', `lmdb:${path}`])
    expect(stderr).toMatch(
      /^error: cannot open the LMDB store in .*: LMDB crashes on it \(SIG\w+\): end the processes that use it and try again/,
    )
    expect(code).toBe(1)
    await holder.kill()
  })
})

/** Root may write everything, so it becomes nobody, once everything is loaded. */
const AS_NOBODY = `
  import { lmdbStore } from 'keypackage-gateway/lmdb'
  if (process.getuid() === 0) process.setuid(65534)
  try { lmdbStore({ path: process.argv[1] }) } catch (error) { console.log(error.message) }`

describe('a data file that LMDB left shorter than its last page', () => {
  it('is whole: pages that a transaction took and gave back are never written', async () => {
    const path = copied()
    const root = open({ path, noSubdir: false, overlappingSync: false })
    const table = root.openDB({ name: 'authors' })
    root.transactionSync(() => {
      for (let turn = 0; turn < 20; turn++) table.put(`${turn}`, 'x'.repeat(50_000))
      for (let turn = 0; turn < 20; turn++) table.remove(`${turn}`)
    })
    await root.close()
    const data = readFileSync(`${path}/data.mdb`)
    const last = Math.max(...[0, PAGE].map((at) => Number(data.readBigUInt64LE(at + 144))))
    expect(data.length).toBeLessThan((last + 1) * PAGE)
    expect(dataFileState(`${path}/data.mdb`)).toEqual({ state: 'whole' })
    const store = lmdbStore({ path })
    expect(await store.stats()).toEqual({ authors: 201, packages: 201 })
    await store.close()
  })
})

describe('a store that other processes make and fill meanwhile', () => {
  it('is never taken for a damaged one', async () => {
    const path = `${directory}/growing`
    const workers = ['one', 'two'].map((name) => new LmdbWorker(path, name, 'churn'))
    const states = new Map<string, number>()
    const look = () => {
      const { state } = dataFileState(`${path}/data.mdb`)
      states.set(state, (states.get(state) ?? 0) + 1)
    }
    const printed = Promise.all(workers.map((worker) => worker.printed(500)))
    let over = false
    void printed.then(() => {
      over = true
    })
    while (!over) {
      for (let turn = 0; turn < 50; turn++) if (existsSync(`${path}/data.mdb`)) look()
      await new Promise((resolve) => setImmediate(resolve))
    }
    await Promise.all(workers.map((worker) => worker.kill()))
    expect(states.get('whole')).toBeGreaterThan(1000)
    expect([...states.keys()].filter((state) => state !== 'whole' && state !== 'empty')).toEqual([])
  })
})

describe('a store that many processes have open', () => {
  const script = fileURLToPath(new URL('../../support/lmdb-readers.mjs', import.meta.url))

  async function hold(path: string, count: number): Promise<number> {
    const holder = startProcess(process.execPath, [script, path, String(count), String(MAX_READERS)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [data] = await once(holder.stdout, 'data')
    return Number(data)
  }

  it('has room for more than the 126 of LMDB', async () => {
    const path = copied()
    expect(await hold(path, 500)).toBe(500)
    const store = lmdbStore({ path })
    expect(await store.stats()).toEqual({ authors: 201, packages: 201 })
    await store.close()
  })

  it('says so when there is no more room', async () => {
    const path = copied()
    expect(await hold(path, 2 * MAX_READERS)).toBe(MAX_READERS)
    const { code, stderr } = await runCli(['stats', '--store', `lmdb:${path}`])
    expect(stderr).toBe(
      `error: cannot open the LMDB store in ${path}: all ${MAX_READERS} places for readers are taken (MDB_READERS_FULL): end some of the processes that use it\n`,
    )
    expect(code).toBe(1)
  })
})

describe('every command that opens a store', () => {
  const alice = person('alice')
  const newKeyPackage = async () => {
    const now = Math.floor(Date.now() / 1000)
    return keyPackageEvent(alice, await makeKeyPackage(alice, { now }), { createdAt: now })
  }
  const COMMANDS = {
    stats: ['stats'],
    export: ['export'],
    sweep: ['sweep'],
    bans: ['bans'],
    ban: ['ban', '203.0.113.7'],
    import: ['import', '-'],
    serve: ['serve', '--listen', '127.0.0.1:0'],
    strfry: ['strfry'],
  }

  it.each(Object.entries(COMMANDS))(
    '%s says what is wrong with a cut data file, and what to do',
    async (name, args) => {
      const path = copied()
      truncateSync(`${path}/data.mdb`, 10 * PAGE)
      const input = name === 'strfry' ? questionAbout(await newKeyPackage()) : ''
      const { code, stdout, stderr } = await runCli([...args, '--store', `lmdb:${path}`], { input })
      expect(stderr).toContain(`${path}/data.mdb is damaged: it ends after 40960 bytes, and page`)
      expect(stderr).toContain(RESTORE)
      // strfry would end with its plugin, so the plugin goes on and refuses key packages.
      expect(code).toBe(name === 'strfry' ? 0 : 1)
      if (name === 'strfry') expect(JSON.parse(stdout)).toMatchObject({ action: 'reject' })
    },
  )
})
