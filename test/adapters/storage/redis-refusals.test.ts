/** What a server refuses while a script runs: every version of Redis words it its own way, and it is reported alike (I7). */

import { mkdirSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import { redisStore } from '../../../adapters/storage/redis.ts'
import type { KeyPackageStore } from '../../../plugin/store.ts'
import { authorNamed, claimBy, LIMITS, NOW, POLICY, packageNamed } from '../../contract/index.ts'
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

/** A state of the server, what is said of it, and how it comes and goes. */
interface Refusal {
  readonly what: string
  readonly fault: string
  readonly said: string
  begin(): Promise<unknown>
  end(): Promise<unknown>
}

const set = (name: string, value: string) => server.command('CONFIG', 'SET', name, value)
const mayWrite = (rule: string) => server.command('ACL', 'SETUSER', 'ann', rule)
/** A snapshot is renamed to this when it is done, which fails while it is a directory. */
const obstacle = () => join(server.directory, 'dump.rdb')

const REFUSALS: readonly Refusal[] = [
  {
    what: 'its memory is full',
    fault: 'OOM',
    said: 'it has reached maxmemory',
    begin: () => set('maxmemory', '1'),
    end: () => set('maxmemory', '0'),
  },
  {
    what: 'it is a read-only replica',
    fault: 'READONLY',
    said: 'it is a read-only replica',
    begin: () => server.command('REPLICAOF', '127.0.0.1', '1'),
    end: () => server.command('REPLICAOF', 'NO', 'ONE'),
  },
  {
    what: 'it has too few replicas',
    fault: 'NOREPLICAS',
    said: 'too few replicas',
    begin: () => set('min-replicas-to-write', '1'),
    end: () => set('min-replicas-to-write', '0'),
  },
  {
    what: 'it cannot write a snapshot',
    fault: 'MISCONF',
    said: 'it cannot write to its disk',
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
    what: 'the user may not use a command of the script',
    fault: 'NOPERM',
    said: 'this user may not do what is needed',
    begin: () => mayWrite('-@write'),
    end: () => mayWrite('+@write'),
  },
  {
    what: 'somebody else wrote to a key',
    fault: 'WRONGTYPE',
    said: 'a key is not what it should be',
    begin: () => server.command('SET', STOCK, 'a string'),
    end: async () => undefined,
  },
  {
    what: 'somebody else wrote into a key',
    fault: 'WRONGTYPE',
    said: 'a key is not what it should be',
    begin: () => server.command('HSET', STOCK, 'head', 'short', 'packages', 'short'),
    end: async () => undefined,
  },
]

describe.each(REFUSALS)('where $what', ({ fault, said, begin, end }) => {
  it.each<[what: string, ask: () => Promise<unknown>]>([
    ['a claim', () => store.claim([claimBy('bob', AUTHOR)], POLICY, NOW)],
    ['a package', () => store.put(packageNamed('new', AUTHOR), LIMITS, NOW)],
    ['a package that counts towards no quota', () => store.put(packageNamed('new', AUTHOR), UNCOUNTED, NOW)],
    ['a deletion', () => store.drop(AUTHOR, { by: 'id', ids: [packageNamed('other', AUTHOR).id] }, NOW)],
  ])('%s is refused, and the log says why', async (_what, ask) => {
    await openStore(end)
    await begin()
    await expect(ask()).rejects.toThrow(said)
    expect(log.lines.map(({ fields }) => fields.fault)).toEqual([fault])
  })
})

/** With two packages of the author. `after` is done once the test is over. */
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
