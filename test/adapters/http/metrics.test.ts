/** The metrics: what is counted, under which names and labels, from the beginning on. */

import { describe, expect, it } from '@jest/globals'
import { measuredStore } from '../../../adapters/http/measured-store.ts'
import { Metrics } from '../../../adapters/http/metrics.ts'
import { memoryStore } from '../../../adapters/storage/memory.ts'
import type { StockSurvey } from '../../../plugin/lifecycle/stock-survey.ts'
import { LIMITS, packageNamed } from '../../contract/packages.ts'
import { NOW } from '../../support/key-packages.ts'
import { person } from '../../support/people.ts'

const alice = person('alice').pubkey

/** The series of a metric, as they are written. */
async function series({ registry }: Metrics, name: string): Promise<string[]> {
  const lines = (await registry.metrics()).split('\n')
  return lines.filter((line) => line.startsWith(`keypackage_gateway_${name}`)).map((line) => line.slice(19))
}

describe('counters', () => {
  it('begin at zero for every outcome, so that a rate is known from the first event on', async () => {
    const metrics = new Metrics('1.2.3')
    expect(await series(metrics, 'claims_total')).toEqual([
      'claims_total{outcome="delivered"} 0',
      'claims_total{outcome="shared"} 0',
      'claims_total{outcome="slots"} 0',
      'claims_total{outcome="none"} 0',
      'claims_total{outcome="limited"} 0',
      'claims_total{outcome="unavailable"} 0',
    ])
    expect(await series(metrics, 'refusals_total')).toHaveLength(7 * 6)
    expect(await series(metrics, 'build_info')).toEqual(['build_info{version="1.2.3"} 1'])
  })

  it('count what the observer is told, and how long it took in seconds', async () => {
    const metrics = new Metrics('1.2.3')
    const { observer } = metrics
    observer.claimed('delivered')
    observer.claimed('limited', 'perAuthor')
    observer.claimsTook(3)
    observer.published('stored', 20)
    observer.refused('REQ', 'rate-limited')
    observer.removed('expired')
    observer.released('owner')
    const text = await metrics.registry.metrics()
    for (const line of [
      'claims_total{outcome="delivered"} 1',
      'claims_total{outcome="limited"} 1',
      'claims_limited_total{quota="perAuthor"} 1',
      'claim_duration_seconds_bucket{le="0.0025"} 0',
      'claim_duration_seconds_bucket{le="0.005"} 1',
      'claim_duration_seconds_sum 0.003',
      'publishes_total{outcome="stored"} 1',
      'publish_duration_seconds_sum 0.02',
      'refusals_total{verb="REQ",reason="rate-limited"} 1',
      'removals_total{reason="expired"} 1',
      'releases_total{reason="owner"} 1',
    ])
      expect(text).toContain(`\nkeypackage_gateway_${line}\n`)
  })
})

describe('what is read from elsewhere', () => {
  it('has no value before it is known, and the one of now after that', async () => {
    const metrics = new Metrics('1.2.3')
    let survey: StockSurvey | undefined
    metrics.add({ stock: () => survey })
    expect(await series(metrics, 'authors')).toEqual([])
    expect(await series(metrics, 'stock_authors')).toEqual([])
    const counted = { at: NOW, authors: 9, packages: 40, slotsOnly: 1, low: 3, out: 2, lowest: [] }
    survey = {
      ...counted,
      byFresh: new Map([
        [0, 1],
        [4, 2],
        [5, 1],
        [9, 1],
        [10, 1],
        [700, 2],
      ]),
    }
    expect(await series(metrics, 'authors')).toEqual([
      'authors 9',
      'authors_low 3',
      'authors_out 2',
      'authors_slots_only 1',
    ])
    expect(await series(metrics, 'stock_authors')).toEqual([
      'stock_authors{fresh="0"} 1',
      'stock_authors{fresh="1"} 0',
      'stock_authors{fresh="2"} 0',
      'stock_authors{fresh="3"} 0',
      'stock_authors{fresh="4"} 2',
      'stock_authors{fresh="5-9"} 2',
      'stock_authors{fresh="10-19"} 1',
      'stock_authors{fresh="20-49"} 0',
      'stock_authors{fresh="50+"} 2',
    ])
  })

  it('has the connections and the relay behind only where there are any', async () => {
    const metrics = new Metrics('1.2.3')
    let upstream: 'reachable' | 'unreachable' = 'reachable'
    metrics.add({ server: () => ({ connections: 3, refused: { full: 2 }, upstream }) })
    expect(await series(metrics, 'connections')).toEqual([
      'connections 3',
      'connections_refused_total{reason="full"} 2',
    ])
    expect(await series(metrics, 'upstream_up')).toEqual(['upstream_up 1'])
    upstream = 'unreachable'
    expect(await series(metrics, 'upstream_up')).toEqual(['upstream_up 0'])
    const alone = new Metrics('1.2.3')
    alone.add({ server: () => ({ connections: 0, refused: {} }) })
    expect(await series(alone, 'upstream_up')).toEqual([])
  })
})

describe('a measured store', () => {
  it('answers as the store does, and its calls are counted and timed', async () => {
    const metrics = new Metrics('1.2.3')
    const store = memoryStore()
    const measured = measuredStore(store, metrics.storeCalls)
    expect(measured.durable).toBe(false)
    expect(measured.clock).toBeUndefined()
    const pkg = packageNamed('one', alice)
    const told: unknown[] = []
    measured.onPublished((...published) => told.push(published))
    expect(await measured.put(pkg, LIMITS, NOW)).toBe('stored')
    expect(told).toEqual([[alice, pkg.id]])
    expect(await measured.count([alice], NOW)).toEqual([1])
    const authors: string[] = []
    for await (const author of measured.authors()) authors.push(author)
    expect(authors).toEqual([alice])
    expect(await measured.remembered(alice, NOW)).toEqual(await store.remembered(alice, NOW))
    await measured.close()
    await expect(measured.count([alice], NOW)).rejects.toThrow('closed')
    const counts = await series(metrics, 'store_call_duration_seconds_count')
    expect(counts.filter((line) => !line.endsWith(' 0'))).toEqual([
      'store_call_duration_seconds_count{operation="put"} 1',
      'store_call_duration_seconds_count{operation="count"} 2',
    ])
    expect(await series(metrics, 'store_failures_total{operation="count"}')).toEqual([
      'store_failures_total{operation="count"} 1',
    ])
  })

  it("that is a server's tells of its clock", async () => {
    const store = Object.assign(memoryStore(), { clock: async () => 7 })
    const measured = measuredStore(store, new Metrics('1.2.3').storeCalls)
    expect(await measured.clock()).toBe(7)
  })
})
