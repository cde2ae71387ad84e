/** examples/redis works as its README says: two servers form one directory. */

import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { Client } from '../support/client.ts'
import { eventually } from '../support/eventually.ts'
import { keyPackageEvent, makeKeyPackage } from '../support/key-packages.ts'
import { person } from '../support/people.ts'
import { startProcess } from '../support/processes.ts'
import { freePort } from '../support/redis.ts'
import { findRedis } from '../support/redis-binaries.ts'
import { scratch } from '../support/scratch.ts'

const START = fileURLToPath(new URL('../../examples/redis/start.sh', import.meta.url))
const data = scratch()

let ports: readonly number[]
let stop: () => Promise<unknown>

beforeAll(async () => {
  findRedis()
  ports = await Promise.all([freePort(), freePort(), freePort()])
  const [redis, ...servers] = ports
  const child = startProcess(START, {
    env: { ...process.env, REDIS_PORT: String(redis), PORTS: servers.join(' '), DATA: data },
    stdio: 'ignore',
  })
  const exited = once(child, 'exit')
  stop = () => {
    child.kill('SIGTERM')
    return exited
  }
}, 300_000)
afterAll(async () => {
  await stop()
})

describe('examples/redis', () => {
  it('hands out at either server what was published at one, each package once, and stops on SIGTERM', async () => {
    const [, first, second] = ports
    const alice = person()
    const now = Math.floor(Date.now() / 1000)
    const events = await Promise.all(
      [2, 1].map(async (age) =>
        keyPackageEvent(alice, await makeKeyPackage(alice, { now }), { createdAt: now - age }),
      ),
    )
    const one = await eventually('the first serves', () => Client.connect(`ws://127.0.0.1:${first}`), 30_000)
    const other = await eventually(
      'the second serves',
      () => Client.connect(`ws://127.0.0.1:${second}`),
      30_000,
    )

    for (const event of events) expect(await one.publish(event)).toEqual([true, ''])
    await one.authenticate(person('bob'), now)
    await other.authenticate(person('carol'), now)
    const filter = { kinds: [443], authors: [alice.pubkey] }
    const delivered = [
      ...(await one.request('bob asks', filter)).events,
      ...(await other.request('carol asks', filter)).events,
    ]
    const sorted = (ids: readonly { id: string }[]) => ids.map(({ id }) => id).sort()
    expect(sorted(delivered)).toEqual(sorted(events))

    await Promise.all([one.close(), other.close()])
    expect(await stop()).toEqual([0, null])
  })
})
