/** Surveys of the stock, again and again. */

import { afterEach, describe, expect, it } from '@jest/globals'
import { StockWatch } from '../../../adapters/http/stock-watch.ts'
import type { StockSurvey } from '../../../plugin/lifecycle/stock-survey.ts'
import { eventually } from '../../support/eventually.ts'
import { startGateway, stock } from '../../support/gateway.ts'
import { testLog } from '../../support/log.ts'
import { person } from '../../support/people.ts'

const alice = person('alice')
let watching: StockWatch
/** Resolves once it surveys no more. */
let ended: Promise<void>

afterEach(async () => {
  watching.stop()
  await ended
})

function watch(surveyStock: () => Promise<StockSurvey>, log = testLog()): void {
  watching = new StockWatch({ gateway: { surveyStock }, log, everyMs: 1 })
  ended = watching.start()
}

describe('the stock', () => {
  it('is surveyed again and again, until it is stopped', async () => {
    const test = startGateway()
    watch(() => test.gateway.surveyStock({ lowest: 10 }))
    await eventually('the empty store is surveyed', () => watching.last?.authors === 0)
    await stock(test, alice, 2)
    const last = await eventually('both are found', () => watching.last?.packages === 2 && watching.last)
    expect(last).toMatchObject({ low: 1, lowest: [{ pubkey: alice.pubkey, fresh: 2 }] })
    watching.stop()
    await ended
  })

  it('is as it was surveyed last while the store fails, which the log says once', async () => {
    const test = startGateway()
    let failures = 0
    let isBroken = false
    const log = testLog()
    watch(() => {
      if (!isBroken) return test.gateway.surveyStock()
      failures += 1
      return Promise.reject(new Error('gone'))
    }, log)
    const first = await eventually('it is surveyed', () => watching.last)
    isBroken = true
    await eventually('it has failed more than once', () => failures > 2)
    expect(watching.last).toMatchObject({ at: first?.at, authors: 0 })
    expect(log.lines.map(({ level, message }) => [level, message])).toEqual([
      ['warn', 'cannot count the stock of key packages; trying again every minute'],
    ])
    isBroken = false
    const known = watching.last
    await eventually('it is surveyed again', () => watching.last !== known)
  })
})
