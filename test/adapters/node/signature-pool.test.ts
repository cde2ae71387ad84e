/** The signature pool: events are verified in other threads, and none is lost with them. */

import { afterEach, describe, expect, it } from '@jest/globals'
import { type SignaturePool, signaturePool } from '../../../adapters/node/signature-pool.ts'
import type { SignedEvent } from '../../../plugin/nostr/messages.ts'
import { eventually } from '../../support/eventually.ts'
import { NOW, signEvent } from '../../support/key-packages.ts'
import { testLog } from '../../support/log.ts'
import { person } from '../../support/people.ts'
import { run } from '../../support/processes.ts'

const alice = person('alice')
const PROGRAM = new URL('../../../dist/adapters/node/signature-worker.js', import.meta.url)
/** Finds every event valid. */
const YES = program(
  'port.on("message", (asked) => port.postMessage(asked.map(([number]) => [number, true])))',
)
/** Ends with the first event. */
const ENDS = program('port.on("message", () => { throw new Error("ended") })')
const FAILS = program('throw new Error("does not start")')

const pools: SignaturePool[] = []
afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.close()))
})

function start(program: URL, threads = 1) {
  const log = testLog()
  const pool = signaturePool({ program, threads, log })
  pools.push(pool)
  return { pool, log }
}

function program(code: string): URL {
  const whole = `import { parentPort as port } from 'node:worker_threads'; ${code}; port.postMessage('ready')`
  return new URL(`data:text/javascript,${encodeURIComponent(whole)}`)
}

function event(content: string): SignedEvent {
  return signEvent(alice.secretKey, { kind: 1, created_at: NOW, tags: [['t', 'x']], content })
}

/** Threads that find every event valid show by that that they are at work. */
async function threadsAtWork(pool: SignaturePool): Promise<void> {
  pool.start()
  const bad = { ...event('a'), content: 'b' }
  await eventually('the threads are ready', () => pool.verifyEvent(bad))
}

describe('the signature pool', () => {
  it('says of many events at a time which are valid, whatever else they hold', async () => {
    const { pool } = start(PROGRAM, 2)
    pool.start()
    const good = Array.from({ length: 60 }, (_, index) => event(`note ${index}`))
    const bad = good.map((each) => ({ ...each, content: `${each.content}!` }))
    const extra = good.map((each) => ({ ...each, extra: () => {} }))
    for (let round = 0; round < 3; round++) {
      const results = await Promise.all([...good, ...bad, ...extra].map((each) => pool.verifyEvent(each)))
      expect(results).toEqual([...good.map(() => true), ...bad.map(() => false), ...extra.map(() => true)])
    }
  })

  it('leaves the work to its threads', async () => {
    const { pool } = start(YES)
    await threadsAtWork(pool)
    expect(await pool.verifyEvent({ ...event('a'), content: 'b' })).toBe(true)
  })

  it('verifies in this thread until the others have started, and where there are none', async () => {
    for (const { pool } of [start(YES), start(YES, 0)])
      expect(await pool.verifyEvent({ ...event('a'), content: 'b' })).toBe(false)
  })

  it('does the work of a thread again that has ended, and says so in the log', async () => {
    const { pool, log } = start(ENDS)
    pool.start()
    const events = Array.from({ length: 20 }, (_, index) => event(`note ${index}`))
    await eventually('a thread has ended', async () => {
      expect(await Promise.all(events.map((each) => pool.verifyEvent(each)))).toEqual(events.map(() => true))
      return log.lines.length > 0
    })
    expect(log.lines[0]).toMatchObject({
      level: 'warn',
      message: 'a thread that verifies signatures has ended; its work is done again',
    })
  })

  it('verifies in this thread if the others do not start, and says so once', async () => {
    const { pool, log } = start(FAILS, 3)
    pool.start()
    await eventually('it has noticed', async () => log.lines.length > 0)
    expect(await pool.verifyEvent(event('a'))).toBe(true)
    expect(await pool.verifyEvent({ ...event('a'), content: 'b' })).toBe(false)
    expect(log.lines).toMatchObject([
      { level: 'warn', message: 'cannot start threads that verify signatures; the main thread does it' },
    ])
  })

  it('keeps no process running, except while there is something to verify', async () => {
    const code = `import { signaturePool } from 'keypackage-gateway'
      const pool = signaturePool()
      pool.start()
      pool.verifyEvent(${JSON.stringify(event('a'))}).then(console.log)
      const working = setInterval(async () => {
        if (await pool.verifyEvent({})) return
        clearInterval(working)
        pool.verifyEvent(${JSON.stringify(event('b'))}).then(console.log)
      }, 500)`
    expect(await run(process.execPath, ['--input-type=module', '-e', code])).toBe('true\ntrue\n')
  })

  it('answers what its threads have not verified when they are ended', async () => {
    const { pool, log } = start(YES)
    await threadsAtWork(pool)
    const verified = pool.verifyEvent(event('a'))
    await pool.close()
    expect(await verified).toBe(true)
    expect(await pool.verifyEvent({ ...event('a'), content: 'b' })).toBe(false)
    expect(log.lines).toEqual([])
  })
})
