/** The operator's listener: who may ask it, what it answers, and what health means. */

import { afterEach, describe, expect, it } from '@jest/globals'
import { Health, type HealthSettings } from '../../../adapters/http/health.ts'
import { listenForOperator, type OperatorListener } from '../../../adapters/http/operator-listener.ts'
import { operatorPart } from '../../../adapters/http/operator-parts.ts'
import type { HttpPart } from '../../../adapters/http/routing.ts'
import { memoryStore } from '../../../adapters/storage/memory.ts'
import type { StockSurvey } from '../../../plugin/lifecycle/stock-survey.ts'
import { http, rawHttp } from '../../support/http.ts'
import { NOW } from '../../support/key-packages.ts'
import { testLog } from '../../support/log.ts'
import { person } from '../../support/people.ts'

const alice = person('alice').pubkey
let log = testLog()
const listeners: OperatorListener[] = []

afterEach(async () => {
  log = testLog()
  for (const listener of listeners.splice(0)) await listener.close()
})

interface Settings extends Partial<HealthSettings> {
  readonly metrics?: () => Promise<string>
  readonly survey?: StockSurvey
  readonly hosts?: readonly string[]
  readonly others?: readonly HttpPart[]
}

async function start(settings: Settings = {}): Promise<string> {
  const {
    metrics = async () => 'a_metric 1\n',
    survey,
    hosts = [],
    others = [],
    ...healthSettings
  } = settings
  const health = new Health({ store: memoryStore(), now: () => NOW, reasonOf: String, ...healthSettings })
  const part = operatorPart({
    metrics,
    metricsType: 'text/plain; version=0.0.4; charset=utf-8',
    health,
    history: { intervalSeconds: 10, samples: [] },
    stock: () => survey,
    low: 5,
    log,
  })
  const listener = await listenForOperator({ host: '127.0.0.1', port: 0, hosts, parts: [part, ...others] })
  listeners.push(listener)
  return listener.url
}

describe("the operator's listener", () => {
  it('answers metrics, health and the data of the page; nothing of it may be kept or read elsewhere', async () => {
    const url = await start()
    const metrics = await http(`${url}/metrics`)
    expect(metrics).toMatchObject({ status: 200, body: 'a_metric 1\n' })
    expect(metrics.headers).toMatchObject({
      'content-type': 'text/plain; version=0.0.4; charset=utf-8',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'cross-origin-resource-policy': 'same-origin',
    })
    expect(metrics.headers).not.toHaveProperty('access-control-allow-origin')
    expect(JSON.parse((await http(`${url}/healthz`)).body)).toEqual({ alive: true })
    expect(JSON.parse((await http(`${url}/operator/history`)).body)).toEqual({
      intervalSeconds: 10,
      samples: [],
    })
    expect(await http(`${url}/healthz`, { method: 'HEAD' })).toMatchObject({ status: 200, body: '' })
  })

  it('names authors who are low, once the stock was surveyed', async () => {
    const before = await start()
    const nothing = { low: 5, surveyedAt: null, total: null, authors: [] }
    expect(JSON.parse((await http(`${before}/operator/low-authors`)).body)).toEqual(nothing)
    const lowest = [{ pubkey: alice, fresh: 1, packages: 2 }]
    const counts = { authors: 7, packages: 30, slotsOnly: 0, low: 3, out: 2 }
    const after = await start({ survey: { at: NOW, ...counts, byFresh: new Map(), lowest } })
    expect(JSON.parse((await http(`${after}/operator/low-authors`)).body)).toEqual({
      low: 5,
      surveyedAt: NOW,
      total: 5,
      authors: lowest,
    })
  })

  it('asks the other parts in turn, with the path and the address; what nobody takes does not exist', async () => {
    const other: HttpPart = ({ response, path, address }) => {
      if (path !== '/page') return false
      response.end(`${path} for ${address}`)
      return true
    }
    const url = await start({ others: [other] })
    expect(await http(`${url}/page?x`)).toMatchObject({ status: 200, body: '/page for 127.0.0.1' })
    for (const path of ['/', '/metrics/', '/constructor', '/operator/access'])
      expect(await http(url + path)).toMatchObject({ status: 404 })
  })

  it('takes a request target in absolute form like its path (RFC 9112 section 3.2.2)', async () => {
    const url = await start()
    const head = 'GET http://localhost/metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'
    expect(await rawHttp(url, head)).toMatch(/^HTTP\/1\.1 200 /)
  })

  it('is only read', async () => {
    const url = await start()
    const reply = await http(`${url}/metrics`, { method: 'POST', body: 'x' })
    expect(reply).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD' } })
  })

  it('says that it failed, and the log why', async () => {
    const url = await start({ metrics: () => Promise.reject(new Error('no memory')) })
    expect(await http(`${url}/metrics`)).toMatchObject({ status: 500, body: 'failed\n' })
    expect(log.lines).toMatchObject([{ level: 'error', fields: { err: { message: 'no memory' } } }])
  })
})

describe('a request', () => {
  const ask = async (url: string, headers: Readonly<Record<string, string>>) =>
    (await http(`${url}/metrics`, { headers })).status

  it('is answered for localhost, for any IP address, and for the names that are configured', async () => {
    const url = await start({ hosts: ['Gateway.internal'] })
    const { host, port } = new URL(url)
    for (const name of [
      host,
      `localhost:${port}`,
      'LOCALHOST',
      '[::1]:9447',
      '10.0.0.7:9447',
      'gateway.internal:9447',
    ])
      expect([name, await ask(url, { host: name })]).toEqual([name, 200])
  })

  it('is refused for any other name: a page may have given it our address (DNS rebinding)', async () => {
    const url = await start()
    const names = [
      'attacker.example',
      'attacker.example:9447',
      'localhost.attacker.example',
      '127.0.0.1.nip.io',
    ]
    for (const name of names) expect([name, await ask(url, { host: name })]).toEqual([name, 403])
    expect(await rawHttp(url, 'GET /metrics HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1\.1 403 /)
  })

  it('is refused from a page of another origin, and answered to one of its own', async () => {
    const url = await start()
    const { host, port } = new URL(url)
    for (const origin of [`http://${host}`, `https://${host}`])
      expect([origin, await ask(url, { origin })]).toEqual([origin, 200])
    for (const origin of [
      'https://attacker.example',
      'null',
      '',
      `http://localhost:${port}`,
      `http://127.0.0.1:1`,
      'file://',
    ])
      expect([origin, await ask(url, { origin })]).toEqual([origin, 403])
  })

  it('is refused as a part of a page of another site, which sends no Origin; a link to here is followed', async () => {
    const url = await start()
    const fetched = (site: string, mode: string, destination: string) =>
      ask(url, { 'sec-fetch-site': site, 'sec-fetch-mode': mode, 'sec-fetch-dest': destination })
    for (const site of ['cross-site', 'same-site']) {
      expect([site, await fetched(site, 'no-cors', 'image')]).toEqual([site, 403])
      expect([site, await fetched(site, 'no-cors', 'script')]).toEqual([site, 403])
      expect([site, await fetched(site, 'navigate', 'iframe')]).toEqual([site, 403])
      expect([site, await fetched(site, 'navigate', 'document')]).toEqual([site, 200])
    }
    expect(await fetched('same-origin', 'cors', 'empty')).toBe(200)
    expect(await fetched('none', 'navigate', 'document')).toBe(200)
  })

  it('is answered so that no other origin may load it, whichever part answers', async () => {
    const other: HttpPart = ({ response }) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
      return true
    }
    const { headers } = await http(`${await start({ others: [other] })}/operator/access`)
    expect(headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'cross-origin-resource-policy': 'same-origin',
    })
  })
})

describe('/readyz', () => {
  const readiness = async (settings: Settings) => {
    const { status, body } = await http(`${await start(settings)}/readyz`)
    return { status, ...JSON.parse(body) }
  }

  it('is ready if the store answers and there is no relay behind, or it can be reached', async () => {
    const store = { ready: true }
    expect(await readiness({})).toEqual({ status: 200, ready: true, store })
    expect(await readiness({ relay: async () => 'reachable' })).toEqual({
      status: 200,
      ready: true,
      store,
      relay: { ready: true },
    })
  })

  it('says that the store does not answer, and why (I7)', async () => {
    const store = memoryStore()
    await store.close()
    expect(await readiness({ store, relay: async () => 'reachable' })).toEqual({
      status: 503,
      ready: false,
      store: { ready: false, reason: expect.stringContaining('closed') },
      relay: { ready: true },
    })
  })

  it('says that the relay cannot be reached', async () => {
    expect(await readiness({ relay: async () => 'unreachable' })).toEqual({
      status: 503,
      ready: false,
      store: { ready: true },
      relay: { ready: false, reason: 'the relay behind the gateway cannot be reached' },
    })
  })

  it('asks the store once for many probes at a time', async () => {
    let asked = 0
    const hit = async () => {
      asked += 1
      return { granted: 1, retryAfterSeconds: 0 }
    }
    const url = await start({ store: { hit } })
    const probes = Array.from({ length: 20 }, () => http(`${url}/readyz`))
    for (const { status } of await Promise.all(probes)) expect(status).toBe(200)
    expect(asked).toBe(1)
  })
})
