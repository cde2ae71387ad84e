/** The last hour, for the operator's page. */

import { describe, expect, it } from '@jest/globals'
import { History } from '../../../adapters/http/history.ts'
import { Metrics } from '../../../adapters/http/metrics.ts'
import { NOW } from '../../support/key-packages.ts'

function start() {
  const metrics = new Metrics('1.2.3')
  const time = { now: NOW }
  const history = new History({
    read: () => metrics.registry.getMetricsAsJSON(),
    now: () => time.now,
  })
  return { metrics, history, time }
}

describe('a sample', () => {
  it('says what happened since the one before, and how things stand', async () => {
    const { metrics, history, time } = start()
    const { observer, storeCalls } = metrics
    const stock = { at: NOW, authors: 9, packages: 40, slotsOnly: 1, low: 3, out: 2, lowest: [] }
    metrics.add({
      server: () => ({ connections: 4, refused: {} }),
      stock: () => ({ ...stock, byFresh: new Map() }),
    })
    observer.claimed('delivered')
    await history.take()
    expect(history.samples).toEqual([])
    observer.claimed('delivered')
    observer.claimed('limited', 'perAuthor')
    observer.published('stored', 1)
    observer.refused('REQ', 'rate-limited')
    observer.refused('EVENT', 'rate-limited')
    for (let call = 0; call < 98; call += 1) storeCalls.took('claim', 1.5)
    for (let call = 0; call < 2; call += 1) storeCalls.took('put', 90)
    storeCalls.took('list', 900)
    time.now += 10
    await history.take()
    expect(history.samples).toEqual([
      {
        at: NOW + 10,
        claims: { delivered: 1, shared: 0, slots: 0, none: 0, limited: 1, unavailable: 0 },
        publishes: expect.objectContaining({ stored: 1, refused: 0 }),
        refusals: expect.objectContaining({ 'rate-limited': 2, invalid: 0 }),
        connections: 4,
        authors: 9,
        lowAuthors: 3,
        outAuthors: 2,
        storeMs: { p50: expect.closeTo(1.765, 2), p99: expect.closeTo(75, 5) },
      },
    ])
    await history.take()
    expect(history.samples.at(-1)).toMatchObject({
      claims: { delivered: 0, limited: 0 },
      storeMs: { p50: null, p99: null },
    })
  })

  it('has no numbers of authors before the first survey', async () => {
    const { metrics, history } = start()
    metrics.add({ stock: () => undefined })
    await history.take()
    await history.take()
    expect(history.samples).toMatchObject([
      { authors: null, lowAuthors: null, outAuthors: null, connections: 0 },
    ])
  })

  it('counts from zero again after a process that was counted has started again', async () => {
    let metrics = new Metrics('1.2.3')
    const history = new History({ read: () => metrics.registry.getMetricsAsJSON(), now: () => NOW })
    for (let claim = 0; claim < 5; claim += 1) metrics.observer.claimed('none')
    await history.take()
    metrics = new Metrics('1.2.3')
    metrics.observer.claimed('none')
    await history.take()
    expect(history.samples[0]?.claims.none).toBe(1)
  })

  it('is left out if the metrics cannot be read', async () => {
    const history = new History({ read: () => Promise.reject(new Error('gone')), now: () => NOW })
    await history.take()
    await history.take()
    expect(history.samples).toEqual([])
  })
})

describe('the history', () => {
  it('is that of the last hour, the oldest first', async () => {
    const { history, time } = start()
    for (let sample = 0; sample <= 400; sample += 1) {
      await history.take()
      time.now += 10
    }
    expect(history.samples).toHaveLength(360)
    expect(history.samples[0]?.at).toBe(NOW + 410)
    expect(history.samples.at(-1)?.at).toBe(NOW + 4000)
  })
})
