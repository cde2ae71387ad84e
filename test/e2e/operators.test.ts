/** The operators' commands next to running servers: importing from a relay, and moving to another store. */

import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { runCli, serveCli } from '../support/cli.ts'
import { Client } from '../support/client.ts'
import { keyPackageEvent, makeKeyPackage } from '../support/key-packages.ts'
import { person } from '../support/people.ts'
import { startRedis } from '../support/redis.ts'
import { scratch } from '../support/scratch.ts'

const folder = scratch()
const alice = person('alice')
const now = Math.floor(Date.now() / 1000)

describe('moving key packages', () => {
  it('from a relay into a store in use, and then to Redis, hands no package out twice (I1, I3)', async () => {
    const redis = await startRedis()
    const [first, second] = [`lmdb:${join(folder, 'first')}`, redis.url]
    const events = []
    for (const age of [0, 1, 2]) {
      events.push(keyPackageEvent(alice, await makeKeyPackage(alice, { now }), { createdAt: now - age }))
    }
    const relayExport = events.map((event) => JSON.stringify(event)).join('\n')

    const old = await serveCli(['--store', first, ...EACH_ANEW])
    expect(await runCli(['import', '-', '--store', first], { input: relayExport })).toMatchObject({ code: 0 })
    const claimed = [await claim(old.url), await claim(old.url)]
    expect(new Set(claimed).size).toBe(2)
    old.kill('SIGTERM')
    await old.finished

    const { stdout: moved } = await runCli(['export', '--store', first])
    const imported = await runCli(['import', '-', '--json', '--store', second], { input: moved })
    expect(JSON.parse(imported.stdout)).toEqual({ stored: 1, remembered: 2, refused: [] })
    expect((await runCli(['export', '--store', second])).stdout.split('\n').sort()).toEqual(
      moved.split('\n').sort(),
    )

    const next = await serveCli(['--store', second, ...EACH_ANEW])
    const again = await runCli(['import', '-', '--json', '--store', second], { input: relayExport })
    expect(JSON.parse(again.stdout)).toEqual({ duplicate: 1, spent: 2, refused: [] })
    expect(claimed).not.toContain(await claim(next.url))
    next.kill('SIGTERM')
    await next.finished
    await redis.stop()
  })
})

/** Another package for each claim, although all come from one address. */
const EACH_ANEW = [
  '--claim-redelivery-seconds',
  '0',
  '--quota-fresh-per-address-max',
  '0',
  '--stock-keep',
  '0',
]

/** Claims a package of Alice; resolves with its id. */
async function claim(url: string): Promise<string> {
  const client = await Client.greeted(url)
  client.send(['REQ', 's', { kinds: [443], authors: [alice.pubkey] }])
  const [[, , event] = []] = await client.until('EOSE')
  client.close()
  return (event as { id: string }).id
}
