/** Two workers of one `serve` on an LMDB store: to clients they are one server. */

import { readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import type { SignedEvent } from '../../../plugin/nostr/messages.ts'
import type { Client } from '../../support/client.ts'
import { eventually } from '../../support/eventually.ts'
import { http } from '../../support/http.ts'
import { authorizationBy } from '../../support/http-auth.ts'
import { type Person, person } from '../../support/people.ts'
import { scratch } from '../../support/scratch.ts'
import { eventOf, idsOf, newEvent, packagesOf } from '../behaviour/scene.ts'
import { startWorkers, type WorkersServer } from './workers-server.ts'

const admin = person('admin')
const directory = scratch()
const auditFile = join(directory, 'audit.jsonl')
const clients: Client[] = []
let server: WorkersServer

beforeAll(async () => {
  server = await startWorkers(directory, {
    admin: { pubkeys: [admin.pubkey] },
    audit: { to: 'file', path: auditFile },
    claim: { redeliverySeconds: 0 },
    quota: { perAuthor: { max: 3 }, slotsPerRequester: { max: 2 } },
    replenish: { rotateAfter: 4 },
    server: { maxConnections: 12, maxConnectionsPerAddress: 3, maxBadSignaturesPerMinute: 4 },
    stock: { low: 4 },
  })
})
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()))
})
afterAll(() => server?.stop())

/** Each at an address of its own, unless it is named. */
let addresses = 0
async function connect(worker: 0 | 1, as?: Person, address?: string): Promise<Client> {
  addresses += 1
  const client = await server.connect(worker, as, address ?? `198.51.100.${addresses}`)
  clients.push(client)
  return client
}

async function publish(worker: 0 | 1, author: Person, count: number, kind = 443): Promise<SignedEvent[]> {
  const client = await connect(worker)
  const events = await Promise.all(
    Array.from({ length: count }, (_, index) =>
      newEvent(server, author, {
        kind,
        createdAt: server.now() - 60 + index,
        ...(kind === 443 ? {} : { tags: { d: ['phone'] } }),
      }),
    ),
  )
  for (const event of events) expect(await client.publish(event)).toEqual([true, ''])
  return events
}

describe('quotas and packages', () => {
  it('count a requester on both workers (I1, I5)', async () => {
    const alice = person('alice')
    await publish(0, alice, 8)
    const both = [await connect(0, person('bob')), await connect(1, person('bob'))]
    const replies = []
    for (const index of [0, 1, 0, 1]) replies.push(await both[index]?.request('claim', packagesOf(alice)))
    const ids = replies.flatMap((reply) => idsOf(reply?.events ?? []))
    expect([ids.length, new Set(ids).size]).toEqual([3, 3])
    expect(replies.at(-1)?.closed).toMatch(/^rate-limited: /)
  })

  it('hand out slots that were delivered by the other worker again, when a quota is used up', async () => {
    const [ann, ben, requester] = [person('ann'), person('ben'), person('asker')]
    for (const author of [ann, ben, person('cat')]) await publish(0, author, 1, 30443)
    const slotsOf = ({ pubkey }: Person) => ({ kinds: [30443], authors: [pubkey] })
    const first = await connect(0, requester)
    for (const author of [ann, ben])
      expect((await first.request('slots', slotsOf(author))).events).toHaveLength(1)
    const second = await connect(1, requester)
    expect((await second.request('cat', slotsOf(person('cat')))).closed).toMatch(/^rate-limited: /)
    expect((await second.request('again', slotsOf(ann))).events).toHaveLength(1)
  })
})

describe('authors', () => {
  it('see on one worker what is published on the other', async () => {
    const author = person('feed')
    const owner = await connect(0, author)
    await owner.request('own', packagesOf(author))
    const [event] = await publish(1, author, 1)
    expect((await owner.until('EVENT', 'own')).at(-1)).toEqual(['EVENT', 'own', event])
  })

  it('are asked for more once on each connection, whichever worker handed out too much', async () => {
    const author = person('low')
    await publish(0, author, 5)
    const devices = [await connect(0, author), await connect(1, author)]
    for (const worker of [0, 1] as const) await (await connect(worker)).request('claim', packagesOf(author))
    for (const device of devices) {
      expect((await device.until('REQ')).at(-1)).toEqual(['REQ', 'keypackages:low', packagesOf(author)])
      expect(await device.rest()).toEqual([])
    }
    await publish(1, author, 3)
    for (const device of devices) await device.until('CLOSED', 'keypackages:low')
  })

  it('are asked to rotate a slot that both workers together have handed out often', async () => {
    const author = person('rotate')
    await publish(0, author, 1, 30443)
    const slots = { kinds: [30443], authors: [author.pubkey] }
    const device = await connect(0, author)
    for (const worker of [0, 1, 0, 1] as const)
      expect((await (await connect(worker)).request('claim', slots)).events).toHaveLength(1)
    expect((await device.until('REQ')).at(-1)).toEqual(['REQ', 'keypackages:low', slots])
  })

  it('are followed live by their relay lists', async () => {
    const author = person('lists')
    const reader = await connect(0)
    await reader.request('lists', { kinds: [10002], authors: [author.pubkey] })
    const list = eventOf(server, author, 10002, [['r', 'wss://relay.example.com']])
    const writer = await connect(1)
    expect(await writer.publish(list)).toEqual([true, ''])
    expect((await reader.until('EVENT', 'lists')).at(-1)).toEqual(['EVENT', 'lists', list])
    const again = await (await connect(0)).publish(list)
    expect(again).toEqual([true, 'duplicate: already have this relay list'])
  })
})

describe('an address', () => {
  it('has so many connections, wherever they are, and gets back those of a worker that is killed', async () => {
    const address = '203.0.113.1'
    const [first] = [await connect(0, undefined, address), await connect(1, undefined, address)]
    await connect(1, undefined, address)
    await expect(connect(0, undefined, address)).rejects.toThrow('429')
    await first.close()
    await eventually('its place is free', () => connect(0, undefined, address))
    await expect(connect(1, undefined, address)).rejects.toThrow('429')

    const [, killed = 0] = server.workers()
    process.kill(killed, 'SIGKILL')
    // Two were with that worker.
    await eventually('their places are free', () => connect(0, undefined, address))
    await connect(0, undefined, address)
    await expect(connect(0, undefined, address)).rejects.toThrow('429')
    await eventually('another worker serves in its place', async () => {
      const [, replacement = 0] = server.workers()
      return replacement !== killed && (await connect(1)).close()
    })
    const [told] = server.log.filter(({ msg }) => /a worker has ended/.test(msg))
    expect(told).toMatchObject({ level: 50, worker: 2, signal: 'SIGKILL' })
  })

  it('that sends wrong signatures to both workers is kept out of both', async () => {
    const address = '203.0.113.2'
    const forger = person('forger')
    const event = { ...(await newEvent(server, forger)), sig: '0'.repeat(128) }
    const senders = [await connect(0, undefined, address), await connect(1, undefined, address)]
    for (const sender of [...senders, ...senders]) expect((await sender.publish(event))[0]).toBe(false)
    senders[0]?.send(['EVENT', event])
    expect(await senders[0]?.ended).toBe(1008)
    for (const worker of [0, 1] as const)
      await expect(connect(worker, undefined, address)).rejects.toThrow('429')
  })

  it('that is banned on one worker is refused by the other', async () => {
    const url = server.url.replace('ws', 'http')
    const call = JSON.stringify({ method: 'blockip', params: ['203.0.113.3', 'a test'] })
    const signed = { method: 'POST', url: `${url}/`, body: call, now: server.now() }
    const headers = {
      authorization: authorizationBy(admin, signed),
      'content-type': 'application/nostr+json+rpc',
    }
    const { body } = await http(url, { method: 'POST', headers, body: call })
    expect(JSON.parse(body)).toEqual({ result: true })
    for (const worker of [0, 1] as const) {
      const client = await connect(worker, undefined, '203.0.113.3')
      await eventually('it is refused', async () => {
        return (await client.request('s', packagesOf(person('alice')))).closed?.startsWith('blocked: ')
      })
    }
  })
})

describe('server.maxConnections', () => {
  it('counts both workers, and a silent client of one makes room for a client of the other', async () => {
    const silent = await connect(0)
    const talking = await Promise.all(Array.from({ length: 11 }, () => connect(1)))
    for (const client of talking) await client.request('hello', packagesOf(person('nobody')))
    await connect(1)
    expect(await silent.ended).toBe(1008)
  })
})

describe('the operator', () => {
  it('reads what both workers count, and whether both are ready', async () => {
    await Promise.all([connect(0), connect(1)])
    await eventually('the connections of both', async () => {
      const { body } = await http(`${server.operator}/metrics`)
      return body.includes('\nkeypackage_gateway_connections 2\n')
    })
    const { status, body } = await http(`${server.operator}/readyz`)
    const ready = { ready: true }
    expect([status, JSON.parse(body)]).toEqual([200, { ...ready, store: ready, workers: ready }])
    const [first = 0] = server.workers()
    process.kill(first, 'SIGSTOP')
    try {
      const stopped = await http(`${server.operator}/readyz`)
      expect([stopped.status, JSON.parse(stopped.body).workers.reason]).toEqual([
        503,
        '1 of 2 workers that serve have answered',
      ])
    } finally {
      process.kill(first, 'SIGCONT')
    }
  })

  it('finds one requester under one name in the audit log of both workers, and moves its file', async () => {
    const author = person('audited')
    await publish(0, author, 3)
    renameSync(auditFile, `${auditFile}.1`)
    server.kill('SIGHUP')
    await eventually('all three processes write a new file', () => {
      return server.log.filter(({ msg }) => msg === 'audit log reopened').length === 3
    })
    for (const worker of [0, 1] as const)
      await (await connect(worker, person('audited asker'))).request('claim', packagesOf(author))
    const records = readFileSync(auditFile, 'utf8')
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line))
    const claims = records.filter(({ action, author: of }) => action === 'claim' && of === author.pubkey)
    expect(claims).toHaveLength(2)
    expect(new Set(claims.map(({ requester }) => requester)).size).toBe(1)
  })

  it('stops both with SIGTERM: pending messages are answered, and the exit code is 0', async () => {
    const both = [await connect(0), await connect(1)]
    for (const client of both) client.send(['REQ', 'last', packagesOf(person('alice'))])
    for (const client of both) await client.reply('last')
    const workers = server.workers()
    server.kill('SIGTERM')
    for (const client of both) expect(await client.ended).toBe(1001)
    expect((await server.finished).code).toBe(0)
    for (const pid of workers) expect(() => process.kill(pid, 0)).toThrow('ESRCH')
  })
})
