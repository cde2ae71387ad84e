/** The operator's listener of a real `serve`: where it listens, what it knows, and what it never shows. */

import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from '@jest/globals'
import { lmdbStore } from '../../../adapters/storage/lmdb.ts'
import { runCli, type Serving, serveCli } from '../../support/cli.ts'
import { Client } from '../../support/client.ts'
import { eventually } from '../../support/eventually.ts'
import { http } from '../../support/http.ts'
import { keyPackageEvent, makeKeyPackage, signEvent } from '../../support/key-packages.ts'
import { person } from '../../support/people.ts'
import { freePort, type RedisServer, startRedis } from '../../support/redis.ts'
import { startRelay } from '../../support/relay.ts'
import { scratch } from '../../support/scratch.ts'
import { questionAbout } from '../../support/strfry.ts'

const alice = person('alice')
const directory = scratch()
const servers: Serving[] = []
let redis: RedisServer | undefined

afterEach(async () => {
  for (const serving of servers.splice(0)) {
    serving.kill('SIGTERM')
    await serving.finished
  }
  await redis?.stop()
  redis = undefined
})

async function serve(...args: readonly string[]): Promise<Serving & { readonly operator: string }> {
  const serving = await serveCli(['--admin-listen', '127.0.0.1:0', '--store', 'memory:', ...args])
  servers.push(serving)
  const started = serving.log.find(({ url }) => url !== undefined)
  return { ...serving, operator: String(started?.operator) }
}

async function metricsOf(operator: string): Promise<string> {
  return (await http(`${operator}/metrics`)).body
}

describe('the metrics of serve', () => {
  it('count what happens on the wire, and name nobody: no pubkey, no address, no package (I4)', async () => {
    const serving = await serve('--stock-low', '5')
    const client = await Client.connect(serving.url)
    const now = Math.floor(Date.now() / 1000)
    const events = await Promise.all(
      [1, 2, 3].map(async (age) =>
        keyPackageEvent(alice, await makeKeyPackage(alice, { now }), { createdAt: now - age }),
      ),
    )
    for (const event of events) expect(await client.publish(event)).toEqual([true, ''])
    const asked = await client.request('one', { kinds: [443], authors: [alice.pubkey] })
    expect(asked.events).toHaveLength(1)
    await client.request('two', { kinds: [443], authors: [person('bob').pubkey] })
    await client.request('three', { kinds: [443] })
    const text = await eventually('the metrics have it all', async () => {
      const body = await metricsOf(serving.operator)
      return body.includes('refusals_total{verb="REQ",reason="restricted"} 1') ? body : ''
    })
    for (const line of [
      'publishes_total{outcome="stored"} 3',
      'claims_total{outcome="delivered"} 1',
      'claims_total{outcome="none"} 1',
      'claim_duration_seconds_count 2',
      'store_call_duration_seconds_count{operation="claim"} 2',
      'connections 1',
      'sessions 1',
      'store_up 1',
    ])
      expect(text).toContain(`\nkeypackage_gateway_${line}\n`)
    expect(text).toMatch(/\nkeypackage_gateway_nodejs_eventloop_lag_p99_seconds \d/)
    const series = text.split('\n').map((line) => line.replace(/ [\d.e+-]+$/, ''))
    expect(series.filter((line) => /[0-9a-f]{16}|npub1|\d+\.\d+\.\d+\.\d+|::|localhost/.test(line))).toEqual(
      [],
    )
    expect(text).not.toContain(String(events[0]?.content.slice(0, 16)))
    await client.close()
  })

  it('have a bounded number of series, whatever clients send (I9)', async () => {
    const serving = await serve()
    const client = await Client.connect(serving.url)
    const namesOf = (text: string) =>
      text.split('\n').flatMap((line) => /^keypackage_gateway_(?!nodejs|process)[^ ]+/.exec(line) ?? [])
    const before = namesOf(await metricsOf(serving.operator))
    for (let verb = 0; verb < 50; verb += 1) client.send([`"}${verb}\n`, 'x'])
    client.send(['EVENT', { kind: 443, id: '"\n' }])
    await client.request('end', { kinds: [443] })
    const after = namesOf(await metricsOf(serving.operator))
    expect(after.filter((name) => !before.includes(name))).toEqual([])
    expect(await metricsOf(serving.operator)).toContain('refusals_total{verb="other",reason="invalid"} 50')
    await client.close()
  })
})

describe('admin.listen', () => {
  it('none: there is no such listener', async () => {
    const serving = await serveCli(['--store', 'memory:'])
    servers.push(serving)
    expect(serving.log.some(({ operator }) => operator !== undefined)).toBe(false)
  })

  it('that the operator chose and that is in use stops the start', async () => {
    const { operator } = await serve()
    const args = [
      'serve',
      '--store',
      'memory:',
      '--listen',
      '127.0.0.1:0',
      '--admin-listen',
      new URL(operator).host,
    ]
    const { code, stderr } = await runCli(args)
    expect(code).not.toBe(0)
    expect(stderr).toMatch(/^error: admin\.listen: cannot listen on .*another program listens there already/m)
  })

  it('by default, if it is in use, is done without, and the log says so', async () => {
    const blocker = createServer()
    // Another gateway of this machine may have it already, which is as good.
    await new Promise<void>((resolve) => {
      blocker.once('error', () => resolve())
      blocker.listen(9447, '127.0.0.1', resolve)
    })
    const serving = await serveCli(['--store', 'memory:', '--admin-listen', '127.0.0.1:9447'])
    servers.push(serving)
    expect(serving.log.find(({ url }) => url !== undefined)).not.toHaveProperty('operator')
    expect(serving.log.map(({ level, msg }) => [level, msg])).toContainEqual([
      40,
      expect.stringMatching(/^there are no metrics and no health checks: admin\.listen: cannot listen/),
    ])
    blocker.close()
  })
})

describe('/readyz of serve', () => {
  const readinessOf = async (operator: string) => {
    const { status, body } = await http(`${operator}/readyz`)
    return { status, ...JSON.parse(body) }
  }

  it('follows the relay behind, which the log names at the start if it is not there', async () => {
    const first = await startRelay()
    const { port } = first
    await first.stop()
    const serving = await serve('--upstream', `ws://127.0.0.1:${port}`)
    await eventually('the log says what it means', () =>
      serving.log.some(
        ({ level, msg }) => level === 40 && /relay .* all clients are refused with 502/.test(msg),
      ),
    )
    expect(await readinessOf(serving.operator)).toEqual({
      status: 503,
      ready: false,
      store: { ready: true },
      relay: { ready: false, reason: 'the relay behind the gateway cannot be reached' },
    })
    expect(await metricsOf(serving.operator)).toContain('keypackage_gateway_upstream_up 0')
    const again = await startRelay({ port })
    await eventually('it is ready', async () => (await readinessOf(serving.operator)).ready)
    expect(await metricsOf(serving.operator)).toContain('keypackage_gateway_upstream_up 1')
    await again.stop()
    const after = await eventually('it is not ready', async () => {
      const readiness = await readinessOf(serving.operator)
      return readiness.status === 503 && readiness
    })
    expect(after.relay.ready).toBe(false)
    expect((await http(`${serving.operator}/healthz`)).status).toBe(200)
  })

  it('follows the store, without its password (I7)', async () => {
    redis = await startRedis({ args: ['--requirepass', 'secret'] })
    const serving = await serve('--store', redis.url.replace('//', '//:secret@'))
    await eventually('it is ready', async () => (await readinessOf(serving.operator)).ready)
    await redis.stop()
    const readiness = await eventually('it is not ready', async () => {
      const now = await readinessOf(serving.operator)
      return now.status === 503 && now
    })
    expect(readiness.store).toMatchObject({ ready: false, reason: expect.stringMatching(/\w/) })
    expect(JSON.stringify(readiness)).not.toContain('secret')
    expect(await metricsOf(serving.operator)).toContain('keypackage_gateway_store_up 0')
  })
})

describe('the stock', () => {
  it('is not looked at before the store is open: the log says once that it is not', async () => {
    const port = await freePort()
    const serving = await serve('--store', `redis://127.0.0.1:${port}`)
    expect((await http(`${serving.operator}/readyz`)).status).toBe(503)
    expect(
      serving.log.filter(({ level, msg }) => level >= 40 && !/durable/.test(msg)).map(({ msg }) => msg),
    ).toEqual([expect.stringContaining('key packages are unavailable')])
    redis = await startRedis({ port })
    await eventually('it is surveyed', async () =>
      (await metricsOf(serving.operator)).includes('\nkeypackage_gateway_authors 0\n'),
    )
  })

  it('is surveyed as soon as the store is open', async () => {
    const serving = await serve('--store', `lmdb:${join(directory, 'surveyed')}`)
    await eventually('it is surveyed', async () =>
      (await metricsOf(serving.operator)).includes('\nkeypackage_gateway_authors 0\n'),
    )
    const { body } = await http(`${serving.operator}/operator/low-authors`)
    expect(JSON.parse(body)).toMatchObject({ low: 5, total: 0, authors: [] })
  })
})

describe('metrics.textfile', () => {
  const seriesOf = (path: string) =>
    readFileSync(path, 'utf8')
      .split('\n')
      .flatMap((line) => /^keypackage_gateway_([^ ]+) (?!0$)/.exec(line)?.[1] ?? [])

  it('of a command says what it did to the store, when it ended, and whether it failed', async () => {
    const path = join(directory, 'sweep.prom')
    const store = `lmdb:${join(directory, 'swept')}`
    const args = ['sweep', '--store', store, '--metrics-textfile', path]
    expect((await runCli(args)).code).toBe(1)
    const label = 'textfile="sweep"'
    const failed = seriesOf(path)
    expect(failed).toContain(`command_ended_timestamp_seconds{${label}}`)
    expect(failed).not.toContain(`command_succeeded{${label}}`)
    await lmdbStore({ path: join(directory, 'swept') }).close()
    expect((await runCli(args)).code).toBe(0)
    expect(seriesOf(path)).toEqual(
      expect.arrayContaining([
        `command_succeeded{${label}}`,
        `command_duration_seconds{${label}}`,
        `store_call_duration_seconds_count{${label},operation="sweep"}`,
      ]),
    )
  })

  it("of strfry's plugin counts what it was asked", async () => {
    const path = join(directory, 'strfry.prom')
    const store = `lmdb:${join(directory, 'strfry')}`
    const now = Math.floor(Date.now() / 1000)
    const event = keyPackageEvent(alice, await makeKeyPackage(alice, { now }), { createdAt: now })
    const note = signEvent(alice.secretKey, { kind: 444, created_at: now, tags: [], content: '' })
    const { code } = await runCli(['strfry', '--store', store, '--metrics-textfile', path], {
      input: [event, note].map((each) => questionAbout(each)).join(''),
    })
    expect(code).toBe(0)
    const series = seriesOf(path)
    expect(series).toContain('publishes_total{outcome="stored",textfile="strfry"}')
    expect(series).toContain('refusals_total{verb="EVENT",reason="invalid",textfile="strfry"}')
    expect(readFileSync(path, 'utf8')).not.toContain(alice.pubkey)
  })

  it('has to end with .prom, because node_exporter reads no other file', async () => {
    const { code, stderr } = await runCli(['sweep', '--metrics-textfile', 'metrics.txt'])
    expect([code, stderr]).toEqual([2, expect.stringMatching(/metrics\.textfile.*\.prom/)])
  })
})
