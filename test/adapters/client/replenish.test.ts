/** When the callback is called for a relay's request for more key packages. */

import { beforeEach, describe, expect, it } from '@jest/globals'
import { type LowStockRequest, RelayReplenisher } from '../../../adapters/client/replenish.ts'
import { eventually } from '../../support/eventually.ts'
import { ManualTime } from '../../support/manual-time.ts'

const MINUTE = 60_000

describe('a request for more', () => {
  let time: ManualTime
  let requests: LowStockRequest[]
  let fails: boolean
  let replenisher: RelayReplenisher

  beforeEach(() => {
    time = new ManualTime()
    requests = []
    fails = false
    replenisher = new RelayReplenisher('wss://relay.example', 'alice', time, async (request) => {
      requests.push(request)
      if (fails) throw new Error('not now')
    })
  })
  /** Resolves when everything that follows from a request without a timer is done. */
  const idle = () => new Promise(setImmediate)

  it('calls back at once, with the relay, the author and the kinds', () => {
    replenisher.request([443])
    expect(requests).toMatchObject([{ relay: 'wss://relay.example', author: 'alice', kinds: [443] }])
    expect(requests[0]?.signal.aborted).toBe(false)
  })

  it('within 300 s of the last call waits until they have passed', async () => {
    replenisher.request([443])
    await idle()
    time.advance(2 * MINUTE)
    replenisher.request([443])
    replenisher.request([443])
    time.advance(3 * MINUTE - 1)
    expect(requests).toHaveLength(1)
    time.advance(1)
    expect(requests).toHaveLength(2)
  })

  it('that is withdrawn while it waits does not call back', async () => {
    replenisher.request([443])
    await idle()
    time.advance(MINUTE)
    replenisher.request([443])
    replenisher.withdraw()
    time.advance(10 * MINUTE)
    expect(requests).toHaveLength(1)
    replenisher.request([443])
    expect(requests).toHaveLength(2)
  })

  it('during the call for an earlier, withdrawn request waits 300 s from the end of that call', async () => {
    let finish = () => {}
    const slow = new RelayReplenisher('wss://relay.example', 'alice', time, (request) => {
      requests.push(request)
      return new Promise<void>((resolve) => {
        finish = resolve
      })
    })
    slow.request([443])
    slow.withdraw()
    slow.request([443])
    expect(requests).toHaveLength(1)
    finish()
    await idle()
    time.advance(5 * MINUTE - 1)
    expect(requests).toHaveLength(1)
    time.advance(1)
    expect(requests).toHaveLength(2)
  })

  it('for other kinds replaces one that waits', async () => {
    replenisher.request([443])
    await idle()
    replenisher.request([443])
    replenisher.request([443, 30443])
    time.advance(5 * MINUTE)
    await idle()
    expect(requests.map(({ kinds }) => kinds)).toEqual([[443], [443, 30443]])
    time.advance(10 * MINUTE)
    expect(requests).toHaveLength(2)
  })

  it('for another kind during a call is not lost', async () => {
    replenisher.request([443])
    replenisher.request([443, 30443])
    await idle()
    expect(requests.map(({ kinds }) => kinds)).toEqual([[443]])
    time.advance(5 * MINUTE)
    await idle()
    expect(requests.map(({ kinds }) => kinds)).toEqual([[443], [443, 30443]])
    time.advance(10 * MINUTE)
    expect(requests).toHaveLength(2)
  })

  it('that is withdrawn during its call aborts the signal', () => {
    replenisher.request([443])
    replenisher.withdraw()
    expect(requests[0]?.signal.aborted).toBe(true)
  })

  it('whose call fails calls back again, after growing delays, until a call succeeds', async () => {
    fails = true
    replenisher.request([443])
    await eventually('the first retry waits', () => time.pending.includes(750))
    time.advance(750)
    await eventually('the second retry waits', () => time.pending.includes(1500))
    fails = false
    time.advance(1500)
    await idle()
    expect(requests).toHaveLength(3)
    expect(time.pending).toEqual([])
  })

  it('whose call fails after it was withdrawn does not call back again', async () => {
    fails = true
    replenisher.request([443])
    replenisher.withdraw()
    await idle()
    expect(time.pending).toEqual([])
  })
})
