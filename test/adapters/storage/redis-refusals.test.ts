/** Errors inside scripts: every Redis version words them differently, and they are reported the same way (I7). */

import { mkdirSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import { redisStore } from '../../../adapters/storage/redis.ts'
import type { KeyPackageStore } from '../../../plugin/store.ts'
import { authorNamed, claimBy, deletionOf, LIMITS, NOW, POLICY, packageNamed } from '../../contract/index.ts'
import { eventually } from '../../support/eventually.ts'
import { type TestLog, testLog } from '../../support/log.ts'
import { type RedisServer, startRedis } from '../../support/redis.ts'

const AUTHOR = authorNamed('alice')
const STOCK = `kpg:{${AUTHOR}}:stock`
const { publish: _publish, ...UNCOUNTED } = LIMITS

let server: RedisServer
let store: KeyPackageStore
let log: TestLog
let undo: () => Promise<unknown>

beforeAll(async () => {
  server = await startRedis()
}, 300_000)
afterAll(() => server?.stop())
afterEach(async () => {
  await undo()
  await store.close()
  await server.command('FLUSHALL')
})

/** A fault of the server, how it is reported, and how to cause and end it. */
interface Refusal {
  readonly what: string
  readonly fault: string
  readonly said: string
  begin(): Promise<unknown>
  end(): Promise<unknown>
}

const set = (name: string, value: string) => server.command('CONFIG', 'SET', name, value)
const mayWrite = (rule: string) => server.command('ACL', 'SETUSER', 'ann', rule)
/** Redis renames a finished snapshot to this path, which fails while it is a directory. */
const obstacle = () => join(server.directory, 'dump.rdb')

const REFUSALS: readonly Refusal[] = [
  {
    what: 'memory is full',
    fault: 'OOM',
    said: 'maxmemory reached',
    begin: () => set('maxmemory', '1'),
    end: () => set('maxmemory', '0'),
  },
  {
    what: 'the server is a read-only replica',
    fault: 'READONLY',
    said: 'read-only replica',
    begin: () => server.command('REPLICAOF', '127.0.0.1', '1'),
    end: () => server.command('REPLICAOF', 'NO', 'ONE'),
  },
  {
    what: 'the server has too few replicas',
    fault: 'NOREPLICAS',
    said: 'too few replicas',
    begin: () => set('min-replicas-to-write', '1'),
    end: () => set('min-replicas-to-write', '0'),
  },
  {
    what: 'the server cannot write a snapshot',
    fault: 'MISCONF',
    said: 'the server cannot write to disk',
    begin: async () => {
      mkdirSync(obstacle())
      await set('save', '3600 1')
      await server.command('BGSAVE')
      await eventually('it fails', async () => {
        const persistence = await server.command('INFO', 'persistence')
        return /rdb_bgsave_in_progress:0.*rdb_last_bgsave_status:err/s.test(persistence)
      })
    },
    end: async () => {
      await set('save', '')
      rmdirSync(obstacle())
    },
  },
  {
    what: 'the user lacks permission for a command of the script',
    fault: 'NOPERM',
    said: 'permission denied',
    begin: () => mayWrite('-@write'),
    end: () => mayWrite('+@write'),
  },
  {
    what: 'another client replaced a key',
    fault: 'WRONGTYPE',
    said: 'unexpected data in a key',
    begin: () => server.command('SET', STOCK, 'a string'),
    end: async () => undefined,
  },
  {
    what: 'another client wrote fields of a key',
    fault: 'WRONGTYPE',
    said: 'unexpected data in a key',
    begin: () => server.command('HSET', STOCK, 'head', 'short', 'packages', 'short'),
    end: async () => undefined,
  },
]

describe.each(REFUSALS)('if $what', ({ fault, said, begin, end }) => {
  it.each<[what: string, ask: () => Promise<unknown>]>([
    ['a claim', () => store.claim([claimBy('bob', AUTHOR)], POLICY, NOW)],
    ['a package', () => store.put(packageNamed('new', AUTHOR), LIMITS, NOW)],
    ['a package that counts towards no quota', () => store.put(packageNamed('new', AUTHOR), UNCOUNTED, NOW)],
    ['a deletion', () => store.drop(AUTHOR, deletionOf({ ids: [packageNamed('other', AUTHOR).id] }), NOW)],
  ])('%s is refused, and the log says why', async (_what, ask) => {
    await openStore(end)
    await begin()
    await expect(ask()).rejects.toThrow(said)
    expect(log.lines.map(({ fields }) => fields.fault)).toEqual([fault])
  })
})

/** Opens a store with two packages of the author. `after` runs when the test is over. */
async function openStore(after: () => Promise<unknown>): Promise<void> {
  undo = after
  log = testLog()
  await server.admit('ann', 'right')
  store = await redisStore({
    redis: server.url.replace('//', '//ann:right@'),
    log: { ...log, info() {}, warn() {} },
  })
  for (const name of ['first', 'second']) await store.put(packageNamed(name, AUTHOR), LIMITS, NOW)
}
