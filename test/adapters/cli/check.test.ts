/** `check`: what it finds wrong, what it says to do, and that it changes nothing. */

import { existsSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from '@jest/globals'
import { WebSocketServer } from 'ws'
import { checkClock } from '../../../adapters/cli/check/machine-check.ts'
import { lmdbStore } from '../../../adapters/storage/lmdb.ts'
import { authorNamed, LIMITS, packageNamed } from '../../contract/index.ts'
import { MAIN, runWarm, serveCli } from '../../support/cli.ts'
import { finish } from '../../support/processes.ts'
import { scratch } from '../../support/scratch.ts'

const YEAR_2026 = Date.UTC(2026, 0, 1)

let folder: string
let store: string
beforeEach(() => {
  folder = scratch()
  store = `lmdb:${join(folder, 'store')}`
})

interface Finding {
  readonly topic: string
  readonly outcome: string
  readonly text: string
  readonly advice?: string
}

describe('check', () => {
  it('finds nothing wrong with the defaults, and creates no store', async () => {
    const { code, stdout } = await check([])
    expect(code).toBe(0)
    expect(stdout).toMatch(/^ready to serve; 1 thing to know$/m)
    expect(stdout).toMatch(/^ok +store +there is none in \S+ yet;\s+serve creates it$/m)
    expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([])
    expect(existsSync(join(folder, 'store'))).toBe(false)
  })

  it('says what is in a store', async () => {
    const opened = lmdbStore({ path: join(folder, 'store') })
    const now = Math.floor(Date.now() / 1000)
    await opened.put(packageNamed('one', authorNamed('alice'), { expiresAt: now + 1000 }), LIMITS, now)
    await opened.close()
    expect(await findings([])).toContainEqual({
      topic: 'store',
      outcome: 'ok',
      text: expect.stringMatching(/: 1 key package of 1 author$/),
    })
  })

  it('fails on a store that cannot be created or opened', async () => {
    writeFileSync(join(folder, 'file'), '')
    const below = await findings(['--store', `lmdb:${folder}/file/store`])
    expect(failed(below)).toEqual([expect.objectContaining({ topic: 'store', advice: expect.any(String) })])
    expect(failed(await findings(['--store', 'redis://127.0.0.1:1']))).toEqual([
      expect.objectContaining({ topic: 'store', text: expect.stringMatching(/Redis/) }),
    ])
  })

  it('lists every wrong setting, and settings that contradict each other', async () => {
    const wrong = await check(['--stock-max', '0', '--listen', ':80'])
    expect(wrong.code).toBe(1)
    expect(wrong.stdout.match(/^failed +settings/gm)).toHaveLength(2)
    expect(failed(await findings(['--custody', 'relay']))[0]?.text).toMatch(
      /^custody: "relay" requires upstream/,
    )
  })

  it('shows a fault of the file as it is there, over several lines', async () => {
    const file = join(scratch(), 'gateway.yaml')
    writeFileSync(file, 'kinds: [443]\nkinds: [30443]\n')
    const { code, stdout } = await check(['--config', file])
    expect(code).toBe(1)
    expect(stdout).toMatch(/unique +at line 2, +column 1:$/m)
    expect(stdout).toMatch(/^ +kinds: \[30443\]$/m)
    expect(stdout).not.toContain('\uFFFD')
  })

  it('warns of a memory store and of delivery in another encoding', async () => {
    const found = await findings(['--store', 'memory:', '--delivery-encoding', 'hex'])
    const warnings = found.filter(({ outcome }) => outcome === 'warning').map(({ topic }) => topic)
    expect(warnings).toEqual(['settings', 'store', 'address'])
  })
})

describe('the ports', () => {
  it('are free, or in use by another program, which is named', async () => {
    const other = createTcpServer().listen(0, '127.0.0.1')
    other.on('connection', (socket) => socket.unref())
    const { port } = await addressOf(other)
    const found = await findings(['--listen', `${port}`])
    expect(failed(found)).toEqual([
      {
        topic: 'ports',
        outcome: 'failed',
        text: expect.stringMatching(/^listen: cannot listen on \d+: another program/),
      },
    ])
    other.close()
  })

  it('may be in use by the server that is running', async () => {
    const serving = await serveCli(['--store', 'memory:'])
    const { host } = new URL(serving.url)
    expect(await findings(['--listen', host])).toContainEqual({
      topic: 'ports',
      outcome: 'ok',
      text: `a keypackage-gateway runs on ${host}`,
    })
    serving.kill('SIGTERM')
    await serving.finished
  })
})

describe('the relay behind', () => {
  it('fails where it does not answer, or is the gateway itself', async () => {
    expect(failed(await findings(['--upstream', 'ws://127.0.0.1:1']))).toEqual([
      {
        topic: 'relay',
        outcome: 'failed',
        text: 'ws://127.0.0.1:1 does not answer: connection refused',
        advice: 'start it, or correct upstream',
      },
    ])
    const own = await findings(['--upstream', 'ws://127.0.0.1:7447', '--listen', '7447'])
    expect(failed(own)[0]?.text).toBe("ws://127.0.0.1:7447 is the gateway's own address")
  })

  it('is named by its document, compared by its clock, and asked whether it holds key packages', async () => {
    const relay = await startRelay({ packages: 1, date: new Date(Date.now() - 3_600_000) })
    const found = await findings(['--upstream', relay.url])
    expect(found).toContainEqual({
      topic: 'relay',
      outcome: 'ok',
      text: `${relay.url} answers (A relay, relayd)`,
    })
    expect(found).toContainEqual(
      expect.objectContaining({
        outcome: 'warning',
        text: expect.stringMatching(/^it holds key packages itself/),
      }),
    )
    expect(failed(found)).toEqual([
      expect.objectContaining({
        topic: 'clock',
        text: expect.stringMatching(/^it is 3\d\d\d s ahead of the relay's$/),
      }),
    ])
    relay.close()
  })

  it('is fine without key packages', async () => {
    const relay = await startRelay({ packages: 0, date: new Date() })
    const found = await findings(['--upstream', relay.url])
    expect(found.filter(({ topic }) => topic === 'relay')).toHaveLength(1)
    expect(found).toContainEqual({ topic: 'clock', outcome: 'ok', text: "it agrees with the relay's" })
    relay.close()
  })
})

describe('the public address', () => {
  it('leads to a gateway, to something else, or nowhere', async () => {
    const serving = await serveCli(['--store', 'memory:'])
    const relay = await startRelay({ packages: 0, date: new Date() })
    const textFor = async (url: string) =>
      (await findings(['--public-url', url])).find(({ topic }) => topic === 'address')?.text
    expect(await textFor(serving.url)).toBe(`${serving.url} leads to a keypackage-gateway`)
    expect(await textFor(relay.url)).toBe(`${relay.url} answers, and it is no keypackage-gateway`)
    expect(await textFor('ws://127.0.0.1:1')).toBe(
      'ws://127.0.0.1:1 cannot be reached from here: connection refused',
    )
    relay.close()
    serving.kill('SIGTERM')
    await serving.finished
  })

  it('without proxy.trust behind a reverse proxy would count all clients as one', async () => {
    const found = await findings(['--public-url', 'wss://relay.invalid'])
    expect(found.map(({ text }) => text)).toContainEqual(expect.stringMatching(/^proxy\.trust is not set/))
    const trusting = await findings(['--public-url', 'wss://relay.invalid', '--proxy-trust', '127.0.0.1'])
    expect(trusting.map(({ text }) => text)).not.toContainEqual(expect.stringMatching(/^proxy\.trust/))
  })
})

describe('the clock', () => {
  it.each([
    [0, 'ok'],
    [-4_000, 'ok'],
    [10_000, 'warning'],
    [-10_000, 'warning'],
    [120_000, 'failed'],
  ])('%i ms ahead of another is %s', (aheadMs, outcome) => {
    expect(checkClock([{ whose: "the store's", aheadMs }], YEAR_2026)).toEqual([
      expect.objectContaining({ topic: 'clock', outcome }),
    ])
  })

  it('that was never set fails without another one', () => {
    expect(checkClock([], 0)).toEqual([expect.objectContaining({ outcome: 'failed' })])
    expect(checkClock([], YEAR_2026)).toEqual([expect.objectContaining({ outcome: 'skipped' })])
  })
})

describe('the machine', () => {
  it('may have too few files for the clients, or processors for the workers', async () => {
    const args = ['--store', store, '--listen', '0', '--admin-listen', 'none', '--workers', '64', '--json']
    const shell = ['-c', 'ulimit -n 500 && exec "$@"', 'sh', process.execPath, MAIN, 'check', ...args]
    const { findings } = JSON.parse((await finish('sh', shell)).stdout) as { findings: Finding[] }
    const told = findings.filter(({ topic }) => topic === 'machine')
    expect(told).toEqual([
      expect.objectContaining({ text: 'a process may open 500 files here, and 1000 clients need 1064' }),
      expect.objectContaining({ text: expect.stringMatching(/^64 workers share \d+ processors$/) }),
    ])
  })
})

/** With free ports, unless `args` names others. */
function check(args: readonly string[]) {
  return runWarm(['check', '--store', store, '--listen', '0', '--admin-listen', 'none', ...args])
}

async function findings(args: readonly string[]): Promise<Finding[]> {
  const { code, stdout } = await check([...args, '--json'])
  const { ok, findings } = JSON.parse(stdout) as { ok: boolean; findings: Finding[] }
  expect(code).toBe(ok ? 0 : 1)
  expect(ok).toBe(failed(findings).length === 0)
  return findings
}

function failed(findings: readonly Finding[]): Finding[] {
  return findings.filter(({ outcome }) => outcome === 'failed')
}

/** A relay that answers each REQ with so many events. */
async function startRelay({ packages, date }: { packages: number; date: Date }) {
  const http = createServer((_, response) => {
    response.setHeader('date', date.toUTCString())
    response.end(JSON.stringify({ name: 'A relay', software: 'relayd' }))
  }).listen(0, '127.0.0.1')
  new WebSocketServer({ server: http }).on('connection', (socket) => {
    socket.on('message', (data) => {
      const [, id] = JSON.parse(String(data))
      for (let count = 0; count < packages; count += 1) socket.send(JSON.stringify(['EVENT', id, {}]))
      socket.send(JSON.stringify(['EOSE', id]))
    })
  })
  const { port } = await addressOf(http)
  return {
    url: `ws://127.0.0.1:${port}`,
    close: () => {
      http.close()
      http.closeAllConnections()
    },
  }
}

async function addressOf(server: ReturnType<typeof createTcpServer>): Promise<AddressInfo> {
  if (!server.listening) await new Promise((resolve) => server.once('listening', resolve))
  return server.address() as AddressInfo
}
