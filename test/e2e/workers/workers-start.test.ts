/** Workers that cannot start, and the workers of a proxy on Redis. */

import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import { runCli } from '../../support/cli.ts'
import type { Client } from '../../support/client.ts'
import { eventually } from '../../support/eventually.ts'
import { http, serveHttp } from '../../support/http.ts'
import { person } from '../../support/people.ts'
import { type RedisServer, startRedis } from '../../support/redis.ts'
import { startRelay, type TestRelay } from '../../support/relay.ts'
import { scratch } from '../../support/scratch.ts'
import { idsOf, newEvent, packagesOf } from '../behaviour/scene.ts'
import { startWorkers, type WorkersServer } from './workers-server.ts'

const WORKERS = ['serve', '--workers', '2', '--admin-listen', 'none']

describe('workers that cannot start', () => {
  it('say once what one process would say: another program has the address', async () => {
    const other = await serveHttp((_request, response) => void response.end())
    const { host } = new URL(other.url)
    const store = `lmdb:${scratch()}/store`
    const { code, stderr } = await runCli([...WORKERS, '--store', store, '--listen', host])
    await other.close()
    expect(code).toBe(1)
    expect(stderr).toMatch(/^error: listen: cannot listen on [^\n]*another program listens there[^\n]*\n$/)
  })

  it('are refused on a memory store, which they could not share', async () => {
    expect(await runCli([...WORKERS, '--store', 'memory:'])).toEqual({
      code: 2,
      stdout: '',
      stderr: 'error: store: "memory:" is not allowed with workers 2: the workers must share the store\n',
    })
  })
})

describe('two workers of a proxy on Redis', () => {
  const clients: Client[] = []
  let redis: RedisServer
  let relay: TestRelay
  let server: WorkersServer
  beforeAll(async () => {
    redis = await startRedis()
    relay = await startRelay()
    server = await startWorkers(scratch(), {
      store: redis.url,
      upstream: relay.url,
      claim: { redeliverySeconds: 0 },
      quota: { perAuthor: { max: 2 } },
      server: { maxConnectionsPerAddress: 2 },
      stock: { low: 3 },
    })
  })
  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.close()))
  })
  afterAll(async () => {
    await server?.stop()
    await relay?.stop()
    await redis?.stop()
  })

  async function connect(...call: Parameters<WorkersServer['connect']>): Promise<Client> {
    const client = await server.connect(...call)
    clients.push(client)
    return client
  }

  it('share quotas, live feeds and requests for more packages (I5)', async () => {
    const author = person('alice')
    const owner = await connect(0, author, '198.51.100.1')
    await owner.request('own', packagesOf(author))
    const publisher = await connect(1, undefined, '198.51.100.2')
    for (const age of [60, 50, 40]) {
      const event = await newEvent(server, author, { createdAt: server.now() - age })
      expect(await publisher.publish(event)).toEqual([true, ''])
      expect((await owner.until('EVENT', 'own')).at(-1)).toEqual(['EVENT', 'own', event])
    }
    const both = [
      await connect(0, person('bob'), '198.51.100.3'),
      await connect(1, person('bob'), '198.51.100.4'),
    ]
    const replies = []
    for (const index of [0, 1, 0]) replies.push(await both[index]?.request('claim', packagesOf(author)))
    expect(replies.map((reply) => idsOf(reply?.events ?? []).length)).toEqual([1, 1, 0])
    expect(replies.at(-1)?.closed).toMatch(/^rate-limited: /)
    expect((await owner.until('REQ')).at(-1)).toEqual(['REQ', 'keypackages:low', packagesOf(author)])
  })

  it('count the connections of an address together', async () => {
    const address = '203.0.113.1'
    for (const worker of [0, 1] as const) await connect(worker, undefined, address)
    for (const worker of [0, 1] as const)
      await expect(connect(worker, undefined, address)).rejects.toThrow('429')
  })

  it('are ready while the relay behind is there', async () => {
    const readyz = async () => JSON.parse((await http(`${server.operator}/readyz`)).body)
    const ready = { ready: true }
    expect(await readyz()).toEqual({ ...ready, store: ready, relay: ready, workers: ready })
    const metrics = await http(`${server.operator}/metrics`)
    expect(metrics.body).toContain('\nkeypackage_gateway_upstream_up 1\n')
    await relay.stop()
    await eventually('they say that it is gone', async () => (await readyz()).relay.ready === false)
  })

  it('have another in their place when one is killed while it is given connections', async () => {
    let isOver = false
    const connecting = Array.from({ length: 6 }, async () => {
      while (!isOver) await connectAndLeave(server.url)
    })
    for (let kill = 0; kill < 3; kill++) {
      const [killed = 0] = server.workers()
      process.kill(killed, 'SIGKILL')
      await eventually('another one is there', async () => {
        const workers = server.workers()
        return workers.length === 2 && !workers.includes(killed)
      })
    }
    isOver = true
    await Promise.all(connecting)
  })

  it('end when the primary process is killed', async () => {
    const workers = server.workers()
    expect(workers).toHaveLength(2)
    server.kill('SIGKILL')
    await eventually('both have ended', () => workers.every(hasEnded))
  })
})

/** Whatever becomes of the connection. */
function connectAndLeave(url: string): Promise<void> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname, () => socket.destroy())
  socket.on('error', () => undefined)
  return new Promise((resolve) => socket.once('close', () => resolve()))
}

/** Also one that nobody has waited for yet. */
function hasEnded(pid: number): boolean {
  try {
    return / Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return true
  }
}
