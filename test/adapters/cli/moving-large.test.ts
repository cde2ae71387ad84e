/** A store larger than the memory of a process moves from store to store without loss. */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { initNostrWasm } from 'nostr-wasm'
import { lmdbStore } from '../../../adapters/storage/lmdb.ts'
import { redisStore } from '../../../adapters/storage/redis.ts'
import type { MovableStore } from '../../../plugin/store.ts'
import { claimBy, POLICY } from '../../contract/index.ts'
import { runCli } from '../../support/cli.ts'
import { person } from '../../support/people.ts'
import { type RedisServer, startRedis } from '../../support/redis.ts'
import { scratch } from '../../support/scratch.ts'

const AUTHORS = 400
const PACKAGES = 3
/** The size of each package: 72 MB in all, for processes with a heap of 64 MB, half of which they need to start. */
const BYTES = 45_000
const LITTLE_MEMORY = { NODE_OPTIONS: '--max-old-space-size=64', KPG_VALIDATION_MLS: 'off' }

const folder = scratch()
const now = Math.floor(Date.now() / 1000)
const people = Array.from({ length: AUTHORS }, (_, index) => person(`author ${index}`))
let server: RedisServer

beforeAll(async () => {
  server = await startRedis()
})
afterAll(async () => {
  await server?.stop()
})

it('moves into LMDB, on to Redis and back, with used and exposed packages unchanged (I1, I3)', async () => {
  const [here, there] = [join(folder, 'here'), join(folder, 'there')]
  const all = AUTHORS * PACKAGES
  expect(await importInto(`lmdb:${here}`, await published())).toEqual({ stored: all })
  await claimOfEach(lmdbStore({ path: here }), 'bob')

  const first = await exportOf(`lmdb:${here}`)
  const left = { stored: all - AUTHORS, remembered: AUTHORS }
  expect(await importInto(server.url, first)).toEqual(left)
  expect(sorted(await exportOf(server.url))).toEqual(sorted(first))

  // Of the two packages left of each author, one is used, and the other is delivered as the last one.
  await claimOfEach(await redisStore({ redis: server.url }), 'carol', 'dave')
  const second = await exportOf(server.url)
  expect(second.split('"exposure"')).toHaveLength(1 + AUTHORS)
  await importInto(`lmdb:${there}`, second)
  expect(sorted(await exportOf(`lmdb:${there}`))).toEqual(sorted(second))
})

/** Lines of events, oldest first, signed with the fast WebAssembly signer. */
async function published(): Promise<string> {
  const { finalizeEvent } = await initNostrWasm()
  const lines: string[] = []
  for (const [index, { pubkey, secretKey }] of people.entries()) {
    for (let number = 0; number < PACKAGES; number++) {
      const event = {
        id: '',
        sig: '',
        pubkey,
        kind: 443,
        created_at: now - PACKAGES + number,
        tags: [
          ['mls_protocol_version', '1.0'],
          ['mls_ciphersuite', '0x0001'],
          ['mls_extensions', '0x000a'],
          ['encoding', 'base64'],
        ],
        content: Buffer.alloc(BYTES, `${index}/${number}`).toString('base64'),
      }
      finalizeEvent(event, secretKey)
      lines.push(JSON.stringify(event))
    }
  }
  return lines.join('\n')
}

/** Each requester claims one package of every author. */
async function claimOfEach(store: MovableStore, ...requesters: readonly string[]): Promise<void> {
  for (const requester of requesters) {
    const outcomes = await store.claim(
      people.map(({ pubkey }) => claimBy(requester, pubkey)),
      POLICY,
      now,
    )
    expect(new Set(outcomes.map(({ outcome }) => outcome))).toEqual(new Set(['delivered']))
  }
  await store.close()
}

async function importInto(store: string, lines: string): Promise<unknown> {
  const file = join(folder, 'lines.jsonl')
  writeFileSync(file, lines)
  const { code, stdout } = await runCli(['import', file, '--store', store, '--json'], { env: LITTLE_MEMORY })
  expect(code).toBe(0)
  const { refused, ...counts } = JSON.parse(stdout) as { refused: unknown }
  expect(refused).toEqual([])
  return counts
}

async function exportOf(store: string): Promise<string> {
  const { code, stdout } = await runCli(['export', '--store', store], { env: LITTLE_MEMORY })
  expect(code).toBe(0)
  return stdout
}

function sorted(lines: string): string[] {
  return lines.trimEnd().split('\n').sort()
}
