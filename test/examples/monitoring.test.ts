/** examples/monitoring: every panel of the dashboard has something to show of a gateway that is used, and every alert is about something. */

import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { parse } from 'yaml'
import { type Serving, serveCli } from '../support/cli.ts'
import { Client } from '../support/client.ts'
import { eventually } from '../support/eventually.ts'
import { http } from '../support/http.ts'
import { keyPackageEvent, makeKeyPackage } from '../support/key-packages.ts'
import { person } from '../support/people.ts'
import { evaluate, readScrape, type Scrape, unmatchedSelectors } from '../support/promql.ts'
import { startRelay, type TestRelay } from '../support/relay.ts'

interface Target {
  readonly expr: string
}

interface Panel {
  readonly type: string
  readonly title: string
  readonly description?: string
  readonly targets?: readonly Target[]
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
}

interface Dashboard {
  readonly panels: readonly Panel[]
  readonly templating: { readonly list: readonly { readonly name: string }[] }
}

const ADDED = { job: 'keypackage-gateway', instance: '127.0.0.1:9447' }
const dashboard: Dashboard = JSON.parse(example('dashboard.json'))
const panels = dashboard.panels.filter(({ type }) => type !== 'row')
const rules: readonly { readonly alert: string; readonly expr: string }[] = parse(example('alerts.yml'))
  .groups[0].rules

let relay: TestRelay
let serving: Serving
/** Before anybody has used the gateway, and after that. */
let before: Scrape
let idle: Scrape
let now: Scrape

beforeAll(async () => {
  relay = await startRelay()
  serving = await serveCli(['--admin-listen', '127.0.0.1:0', '--store', 'memory:', '--upstream', relay.url])
  const operator = String(serving.log.find(({ url }) => url !== undefined)?.operator)
  const scrape = async (at: number) => readScrape((await http(`${operator}/metrics`)).body, at, ADDED)
  const isSurveyed = async () => evaluate('keypackage_gateway_authors', idle, await scrape(0)).length > 0
  idle = await scrape(-15)
  await eventually('the stock is surveyed', isSurveyed)
  before = await scrape(0)
  await live(serving.url)
  now = await scrape(15)
})
afterAll(async () => {
  serving?.kill('SIGTERM')
  await serving?.finished
  await relay?.stop()
})

/** Something of everything: publishes, claims, refusals, a limit. */
async function live(url: string): Promise<void> {
  const alice = person('alice')
  const at = Math.floor(Date.now() / 1000)
  const client = await Client.connect(url)
  for (const age of [3, 2, 1]) {
    const event = keyPackageEvent(alice, await makeKeyPackage(alice, { now: at }), { createdAt: at - age })
    expect(await client.publish(event)).toEqual([true, ''])
    await client.publish(event)
  }
  for (let claim = 0; claim < 12; claim += 1)
    await client.request(`claim ${claim}`, { kinds: [443], authors: [alice.pubkey] })
  await client.request('none', { kinds: [443], authors: [person('bob').pubkey] })
  await client.request('all', { kinds: [443] })
  await client.close()
}

describe('the dashboard', () => {
  it('shows what happened', () => {
    expect(panels.length).toBeGreaterThan(20)
    const rate = (label: string) =>
      evaluate(`sum(rate(keypackage_gateway_claims_total{outcome="${label}"}[1m]))`, before, now)[0]?.value
    expect(rate('limited')).toBeGreaterThan(0)
    expect(rate('none')).toBeCloseTo(1 / 15)
  })

  it.each(panels.map(({ title, targets = [] }) => [title, targets] as const))(
    '%s is not empty, even if nobody uses the gateway',
    (_title, targets) => {
      expect(targets.length).toBeGreaterThan(0)
      for (const expression of targets.map(({ expr }) => filled(expr))) {
        expect([expression, unmatchedSelectors(expression, now)]).toEqual([expression, []])
        for (const [from, to] of [
          [idle, before],
          [before, now],
        ] as const) {
          const shown = evaluate(expression, from, to).filter(({ value }) => Number.isFinite(value))
          expect([expression, shown.length > 0]).toEqual([expression, true])
        }
      }
    },
  )

  it('explains every panel, and no two of them overlap', () => {
    expect(panels.filter(({ description = '' }) => description === '').map(({ title }) => title)).toEqual([])
    const taken = new Map<string, string>()
    for (const {
      title,
      gridPos: { x, y, w, h },
    } of dashboard.panels) {
      expect(x + w).toBeLessThanOrEqual(24)
      for (let column = x; column < x + w; column += 1)
        for (let line = y; line < y + h; line += 1) {
          expect(taken.get(`${column} ${line}`)).toBeUndefined()
          taken.set(`${column} ${line}`, title)
        }
    }
  })

  it('uses no variable but those that it has and those of Grafana', () => {
    const known = [...dashboard.templating.list.map(({ name }) => name), '__rate_interval', '__all']
    const used = [...example('dashboard.json').matchAll(/\$\{?(\w+)/g)].map(([, name]) => name)
    expect(used.filter((name) => !known.includes(name ?? ''))).toEqual([])
  })
})

describe('the alerts', () => {
  it.each(rules.map(({ alert, expr }) => [alert, expr] as const))(
    '%s can be evaluated, and is quiet',
    (_alert, expr) => {
      expect(unmatchedSelectors(expr, now)).toEqual([])
      expect(evaluate(expr, before, now)).toEqual([])
    },
  )

  it('fire', () => {
    const down = { ...now, series: now.series.map((series) => ({ ...series, value: 0 })) }
    const fires = rules
      .filter(({ expr }) => evaluate(expr, before, down).length > 0)
      .map(({ alert }) => alert)
    expect(fires).toEqual(['KeyPackageGatewayDown', 'KeyPackageStoreDown', 'KeyPackageUpstreamDown'])
  })
})

/** With the variables of Grafana filled in. */
function filled(expression: string): string {
  return expression.replaceAll('$instance', '.*').replaceAll('$__rate_interval', '1m')
}

function example(name: string): string {
  return readFileSync(new URL(`../../examples/monitoring/${name}`, import.meta.url), 'utf8')
}
