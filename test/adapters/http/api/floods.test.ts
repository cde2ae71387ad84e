/** One client does not slow the others of /api/v1 and of WebSockets (I9): places, turns, and wrong signatures. */

import { createConnection } from 'node:net'
import { afterEach, describe, expect, it } from '@jest/globals'
import { memoryStore } from '../../../../adapters/storage/memory.ts'
import { Client } from '../../../support/client.ts'
import { gate } from '../../../support/gate.ts'
import { keyPackagesBy, keyPackagesOf } from '../../../support/gateway.ts'
import { headerOf, httpAuthEvent } from '../../../support/http-auth.ts'
import { NOW } from '../../../support/key-packages.ts'
import { person } from '../../../support/people.ts'
import { type RestOptions, type RestServer, startRest } from '../../../support/rest.ts'

const alice = person('alice')
const bob = person('bob')
let server: RestServer

async function serve(options: RestOptions = {}, store = memoryStore()) {
  server = await startRest(store, options)
  return server.call
}
afterEach(() => server.stop())

const base = () => server.url.replace(/^ws/, 'http')
const claim = { json: { authors: [alice.pubkey] } }

describe('a flood', () => {
  /** A store that answers no claim before the gate is open. */
  async function serveSlowly(options: RestOptions = {}) {
    const store = memoryStore()
    const open = gate()
    const call = await serve(options, store)
    await call('POST', '/packages', { json: { events: await keyPackagesOf(alice, 1) } })
    const claims = store.claim.bind(store)
    store.claim = async (...args) => {
      await open.opened
      return claims(...args)
    }
    return { call, open }
  }
  const many = (count: number) => Array.from({ length: count }, (_, index) => index)

  it('from one address has 16 requests at once, and the others are told to come again', async () => {
    const { call, open } = await serveSlowly({ quota: { perAuthor: { max: 100 } } })
    const answers = many(20).map(() => call('POST', '/claims', claim))
    const refused = await Promise.all(many(4).map(() => firstRefused(answers)))
    for (const { status, headers, body } of refused) {
      expect([status, body.detail]).toEqual([
        429,
        'rate-limited: too many requests at once; try again in 1 s',
      ])
      expect(headers.get('retry-after')).toBe('1')
    }
    expect((await call('GET', '/information', { from: '192.0.2.1' })).status).toBe(200)
    expect((await call('GET', '/information')).status).toBe(429)
    const client = await Client.greeted(server.url)
    const reply = client.request('claim', keyPackagesBy(alice))
    open.open()
    expect((await reply).events).toHaveLength(1)
    const statuses = (await Promise.all(answers)).map(({ status }) => status).sort()
    expect(statuses).toEqual([...many(16).map(() => 200), ...many(4).map(() => 429)])
    expect((await call('GET', '/information')).status).toBe(200)
    await client.close()
  })

  it('from one IPv6 /64 counts as one address', async () => {
    const { call, open } = await serveSlowly()
    const answers = many(17).map((index) => call('POST', '/claims', { ...claim, from: `2001:db8::${index}` }))
    expect((await firstRefused(answers)).status).toBe(429)
    open.open()
    await Promise.all(answers)
  })

  it('from many addresses has no more requests at once than the server takes connections', async () => {
    const { call, open } = await serveSlowly({ maxConnections: 3 })
    const answers = many(4).map((index) => call('POST', '/claims', { ...claim, from: `192.0.2.${index}` }))
    expect((await firstRefused(answers)).status).toBe(429)
    open.open()
    await Promise.all(answers)
  })

  it('that leaves gives its places back', async () => {
    const { call, open } = await serveSlowly()
    const leaving = new AbortController()
    const answers = many(17).map(() =>
      call('POST', '/claims', { ...claim, signal: leaving.signal }).catch(() => 'left' as const),
    )
    await Promise.race(answers)
    leaving.abort()
    await Promise.all(answers)
    while ((await call('GET', '/information')).status === 429);
    open.open()
  })

  it('of events has its turns with the messages of WebSockets, whose answers do not wait for its end', async () => {
    const store = memoryStore()
    const call = await serve({ stock: { max: 100 }, quota: { publishPerAddress: { max: 1000 } } }, store)
    const client = await Client.greeted(server.url, { headers: { 'x-real-ip': '192.0.2.1' } })
    const [event] = await keyPackagesOf(alice, 1)
    const put = store.put.bind(store)
    const begun = gate()
    store.put = (...args) => {
      begun.open()
      return put(...args)
    }
    const order: string[] = []
    const published = call('POST', '/packages', { json: { events: many(500).map(() => event) } }).then(
      ({ status }) => {
        order.push('published')
        return status
      },
    )
    await begun.opened
    await client.request('claim', keyPackagesBy(alice))
    order.push('claimed')
    expect(await published).toBe(200)
    expect(order).toEqual(['claimed', 'published'])
    await client.close()
  })

  it('in one pipelined connection gives all places back with it', async () => {
    const { call, open } = await serveSlowly({ quota: { perAuthor: { max: 100 } } })
    const body = JSON.stringify(claim.json)
    const post = `POST /api/v1/claims HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`
    const get = 'GET /api/v1/information HTTP/1.1\r\nHost: localhost\r\n\r\n'
    const socket = createConnection(Number(new URL(server.url).port), '127.0.0.1')
    socket.write(`${post}${get.repeat(15)}`)
    while ((await call('GET', '/information')).status !== 429);
    socket.resetAndDestroy()
    while ((await call('GET', '/information')).status === 429);
    const answers = many(17).map(() => call('POST', '/claims', claim))
    await firstRefused(answers)
    open.open()
    const statuses = (await Promise.all(answers)).map(({ status }) => status).sort()
    expect(statuses).toEqual([...many(16).map(() => 200), 429])
  })

  it('has no limit in all where the server has none for connections', async () => {
    const call = await serve({ maxConnections: 0 })
    expect((await call('GET', '/information')).status).toBe(200)
  })

  async function firstRefused<Answer extends { status: number }>(
    answers: readonly Promise<Answer>[],
  ): Promise<Answer> {
    return Promise.race(
      answers.map(async (answer) => {
        const called = await answer
        return called.status === 429 ? called : new Promise<never>(() => {})
      }),
    )
  }
})

describe('a client whose signatures are wrong again and again', () => {
  const from = '192.0.2.7'
  const tooMany = 'rate-limited: too many wrong signatures came from here'
  const wrong = async (count: number) => {
    const [event] = await keyPackagesOf(alice, 1)
    return Array.from({ length: count }, () => ({ ...event, sig: '0'.repeat(128) }))
  }

  it('is kept out for a while, of WebSockets as well; others are not', async () => {
    const call = await serve()
    const { status, body } = await call('POST', '/packages', { json: { events: await wrong(70) }, from })
    expect([status, body.detail]).toEqual([429, tooMany])
    expect((await call('GET', '/information', { from })).body.detail).toBe(tooMany)
    await expect(Client.connect(server.url, { headers: { 'x-real-ip': from } })).rejects.toThrow('429')
    expect((await call('GET', '/information', { from: '192.0.2.8' })).status).toBe(200)
    server.advance(601)
    expect((await call('GET', '/information', { from })).status).toBe(200)
  })

  it('may send some in a minute', async () => {
    const call = await serve()
    const { status, body } = await call('POST', '/packages', { json: { events: await wrong(60) }, from })
    expect([status, body.results?.length]).toEqual([200, 60])
  })

  it('is kept out for those of NIP-98, too', async () => {
    const call = await serve()
    const event = httpAuthEvent(bob, { method: 'GET', url: `${base()}/api/v1/packages`, now: NOW })
    const headers = { authorization: headerOf({ ...event, sig: '0'.repeat(128) }) }
    for (let time = 0; time < 61; time += 1)
      expect((await call('GET', '/packages', { headers, from })).status).toBe(401)
    expect((await call('GET', '/packages', { as: bob, from })).body.detail).toBe(tooMany)
  })
})
