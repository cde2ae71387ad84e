/** When a relay's request for more key packages is passed on. */

import { beforeEach, describe, expect, it } from '@jest/globals'
import { type LowStock, Replenishing } from '../../../adapters/client/replenishing.ts'
import { eventually } from '../../support/eventually.ts'
import { ManualTime } from '../../support/manual-time.ts'

const MINUTE = 60_000

describe('a request for more', () => {
  let time: ManualTime
  let requests: LowStock[]
  let fails: boolean
  let replenishing: Replenishing

  beforeEach(() => {
    time = new ManualTime()
    requests = []
    fails = false
    replenishing = new Replenishing('wss://relay.example', 'alice', time, async (request) => {
      requests.push(request)
      if (fails) throw new Error('not now')
    })
  })
  /** All that a request brings about at once has happened. */
  const settled = () => new Promise(setImmediate)

  it('is passed on at once, with who asks for whose', () => {
    replenishing.low()
    expect(requests).toMatchObject([{ relay: 'wss://relay.example', author: 'alice' }])
    expect(requests[0]?.signal.aborted).toBe(false)
  })

  it('within 300 s of the last answer waits until they are over, and is not forgotten', async () => {
    replenishing.low()
    await settled()
    time.advance(2 * MINUTE)
    replenishing.low()
    replenishing.low()
    time.advance(3 * MINUTE - 1)
    expect(requests).toHaveLength(1)
    time.advance(1)
    expect(requests).toHaveLength(2)
  })

  it('that is withdrawn meanwhile is not passed on', async () => {
    replenishing.low()
    await settled()
    time.advance(MINUTE)
    replenishing.low()
    replenishing.over()
    time.advance(10 * MINUTE)
    expect(requests).toHaveLength(1)
    replenishing.low()
    expect(requests).toHaveLength(2)
  })

  it('that comes while another, withdrawn meanwhile, is still being answered, waits its time after that', async () => {
    let finish = () => {}
    const slow = new Replenishing('wss://relay.example', 'alice', time, (request) => {
      requests.push(request)
      return new Promise<void>((resolve) => {
        finish = resolve
      })
    })
    slow.low()
    slow.over()
    slow.low()
    expect(requests).toHaveLength(1)
    finish()
    await settled()
    time.advance(5 * MINUTE - 1)
    expect(requests).toHaveLength(1)
    time.advance(1)
    expect(requests).toHaveLength(2)
  })

  it('that is withdrawn while it is answered says so to whoever answers', () => {
    replenishing.low()
    replenishing.over()
    expect(requests[0]?.signal.aborted).toBe(true)
  })

  it('that could not be answered is passed on again, after a while, until it can', async () => {
    fails = true
    replenishing.low()
    await eventually('it waits', () => time.pending.includes(750))
    time.advance(750)
    await eventually('it waits longer', () => time.pending.includes(1500))
    fails = false
    time.advance(1500)
    await settled()
    expect(requests).toHaveLength(3)
    expect(time.pending).toEqual([])
  })

  it('that could not be answered, and is withdrawn, is over', async () => {
    fails = true
    replenishing.low()
    replenishing.over()
    await settled()
    expect(time.pending).toEqual([])
  })
})
