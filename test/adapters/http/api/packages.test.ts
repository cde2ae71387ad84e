/** /packages: what an author alone sees of their packages, and how they remove them for good (I3, I4). */

import { afterEach, describe, expect, it } from '@jest/globals'
import { memoryStore } from '../../../../adapters/storage/memory.ts'
import { MAX_DELETED_IDS } from '../../../../plugin/stock/deletions.ts'
import { Client } from '../../../support/client.ts'
import { everyStore } from '../../../support/every-store.ts'
import { keyPackagesBy, keyPackagesOf } from '../../../support/gateway.ts'
import { keyPackageEvent, makeKeyPackage, NOW } from '../../../support/key-packages.ts'
import { person } from '../../../support/people.ts'
import { type RestOptions, type RestServer, startRest } from '../../../support/rest.ts'

const alice = person('alice')
const bob = person('bob')
const UNKNOWN = 'f'.repeat(64)
let server: RestServer

async function serve(options: RestOptions = {}, store = memoryStore()) {
  server = await startRest(store, options)
  return server.call
}
afterEach(() => server.stop())

async function stock(count: number) {
  const events = await keyPackagesOf(alice, count)
  await server.call('POST', '/packages', { json: { events }, as: alice })
  return events
}

const own = async () => (await server.call('GET', '/packages', { as: alice })).body.packages ?? []
const claim = () => server.call('POST', '/claims', { json: { authors: [alice.pubkey] } })

describe('GET /packages', () => {
  it('lists the packages of the one who signs, newest first, with what the page needs to judge them', async () => {
    const call = await serve()
    const [older, newer] = await stock(2)
    const { status, body } = await call('GET', '/packages', { as: alice })
    expect(status).toBe(200)
    expect(body).toEqual({
      packages: [newer, older].map((event) => ({
        id: event?.id,
        ref: expect.stringMatching(/^[0-9a-f]{64}$/),
        kind: 443,
        state: 'fresh',
        delivered: 0,
        lastResort: true,
        publishedAt: event?.created_at,
        receivedAt: NOW,
        expiresAt: expect.any(Number),
      })),
      fresh: 2,
      low: 3,
      max: 10,
    })
    expect((await call('GET', '/packages', { as: bob })).body).toMatchObject({ packages: [], fresh: 0 })
  })

  it('says which one is exposed, and how often it was delivered', async () => {
    const call = await serve()
    await stock(1)
    await claim()
    await claim()
    const { body } = await call('GET', '/packages', { as: alice })
    expect(body).toMatchObject({
      packages: [{ state: 'exposed', delivered: 2, exposedSince: NOW }],
      fresh: 0,
    })
  })

  it('spends nothing and uses no quota, however often', async () => {
    const call = await serve({ quota: { perRequester: { max: 1 }, perAuthor: { max: 1 } } })
    await stock(2)
    for (let time = 0; time < 3; time += 1)
      expect((await call('GET', '/packages', { as: alice })).body.packages).toHaveLength(2)
  })
})

describe('GET /packages/{id}', () => {
  it('has the event as it was published, for its author alone (I4)', async () => {
    const call = await serve({ delivery: { encoding: 'hex' } })
    const [event] = await stock(1)
    const { status, body } = await call('GET', `/packages/${event?.id}`, { as: alice })
    expect(status).toBe(200)
    expect(body).toEqual({ package: expect.objectContaining({ id: event?.id, state: 'fresh' }), event })
    const others = await call('GET', `/packages/${event?.id}`, { as: bob })
    const unknown = await call('GET', `/packages/${UNKNOWN}`, { as: bob })
    expect([others.status, others.body]).toEqual([404, unknown.body])
  })

  it('is 400 for what is no id', async () => {
    const call = await serve()
    const { status, body } = await call('GET', '/packages/latest', { as: alice })
    expect([status, body.detail]).toEqual([400, expect.stringMatching(/^invalid: params\/id: /)])
  })
})

describe('removing', () => {
  it('deletes one, which never comes back by HTTP or WebSocket (I3)', async () => {
    const call = await serve()
    const [first, second] = await stock(2)
    const { status, body } = await call('DELETE', `/packages/${first?.id}`, { as: alice })
    expect([status, body]).toEqual([200, { removed: 1 }])
    expect((await own()).map(({ id }) => id)).toEqual([second?.id])
    await call('POST', '/packages', { json: { events: [first] }, as: alice })
    const client = await Client.connect(server.url)
    await client.publish(first as never)
    await client.close()
    expect(await own()).toHaveLength(1)
    const again = await call('DELETE', `/packages/${first?.id}`, { as: alice })
    expect([again.status, again.body]).toEqual([200, { removed: 0 }])
  })

  it('deletes an id before it arrives (I3)', async () => {
    const call = await serve()
    const [event] = await keyPackagesOf(alice, 1)
    expect((await call('DELETE', `/packages/${event?.id}`, { as: alice })).body).toEqual({ removed: 0 })
    const { body } = await call('POST', '/packages', { json: { events: [event] } })
    expect(body.results).toMatchObject([{ accepted: false, message: 'blocked: deleted by its author' }])
  })

  it('deletes everything', async () => {
    const call = await serve()
    await stock(3)
    expect((await call('DELETE', '/packages', { as: alice })).body).toEqual({ removed: 3 })
    expect(await own()).toEqual([])
  })

  it('deletes nothing of anybody else', async () => {
    const call = await serve()
    const [event] = await stock(2)
    expect((await call('DELETE', `/packages/${event?.id}`, { as: bob })).body).toEqual({ removed: 0 })
    expect((await call('DELETE', '/packages', { as: bob })).body).toEqual({ removed: 0 })
    expect((await call('POST', `/packages/${event?.id}/consumed`, { as: bob })).body).toEqual({ removed: 0 })
    expect(await own()).toHaveLength(2)
  })

  it('ends what others have of it: no redelivery brings it back (I3)', async () => {
    const call = await serve()
    const [first] = await stock(3)
    const claimAsBob = () => call('POST', '/claims', { json: { authors: [alice.pubkey] }, as: bob })
    expect((await claimAsBob()).body.results).toMatchObject([{ events: [{ id: first?.id }] }])
    await call('DELETE', `/packages/${first?.id}`, { as: alice })
    expect((await claimAsBob()).body.results).not.toMatchObject([{ events: [{ id: first?.id }] }])
  })

  it('refuses more deletions than are remembered (I9)', async () => {
    const store = memoryStore()
    const call = await serve({}, store)
    await stock(1)
    const many = Array.from({ length: MAX_DELETED_IDS }, (_, index) => `${index}`.padStart(64, '0'))
    await store.drop(alice.pubkey, { ids: many, createdUntil: NOW, keptUntil: NOW + 1000 }, NOW)
    const { status, body } = await call('DELETE', `/packages/${UNKNOWN}`, { as: alice })
    expect([status, body.detail]).toEqual([429, expect.stringMatching(/^rate-limited: too many deletions/)])
  })

  it('counts authors never heard of by address (I9)', async () => {
    const call = await serve({ quota: { newAuthorsPerAddress: { max: 1 } } })
    expect((await call('DELETE', '/packages', { as: alice })).status).toBe(200)
    const { status, body } = await call('DELETE', '/packages', { as: bob })
    expect([status, body.detail]).toEqual([429, expect.stringMatching(/^rate-limited: /)])
    expect((await call('DELETE', '/packages', { as: bob, from: '192.0.2.9' })).status).toBe(200)
  })

  it('is recorded in the audit log', async () => {
    const call = await serve()
    const [event] = await stock(1)
    await call('DELETE', '/packages', { as: alice })
    expect(server.audited.at(-1)).toMatchObject({ action: 'deletion', author: alice.pubkey, id: event?.id })
  })

  it('a banned author may delete, but not list', async () => {
    const call = await serve({ access: { ban: [bob.pubkey] } })
    for (const path of ['/packages', `/packages/${UNKNOWN}`]) {
      const { status, body } = await call('GET', path, { as: bob })
      expect([status, body.detail]).toEqual([403, 'blocked: you may not query key packages here'])
    }
    expect((await call('DELETE', '/packages', { as: bob })).status).toBe(200)
    expect((await call('POST', `/packages/${UNKNOWN}/consumed`, { as: bob })).status).toBe(200)
  })
})

describe.each(everyStore())('POST /packages/{id}/consumed, on %s', (_name, open) => {
  it('spends a package that was used elsewhere (I3)', async () => {
    server = await startRest(await open())
    const { call } = server
    const [first, second] = await stock(2)
    expect((await call('POST', `/packages/${first?.id}/consumed`, { as: alice })).body).toEqual({
      removed: 1,
    })
    await call('POST', '/packages', { json: { events: [first] }, as: alice })
    expect((await own()).map(({ id }) => id)).toEqual([second?.id])
  })

  it('spends every event with its KeyPackage: the slot, too, of an alias', async () => {
    server = await startRest(await open())
    const { call } = server
    const keyPackage = await makeKeyPackage(alice)
    const slot = keyPackageEvent(alice, keyPackage, { kind: 30443, tags: { d: ['phone'] } })
    const alias = keyPackageEvent(alice, keyPackage)
    await call('POST', '/packages', { json: { events: [slot, alias] } })
    expect((await call('POST', `/packages/${alias.id}/consumed`, { as: alice })).body).toEqual({ removed: 2 })
    expect(await own()).toEqual([])
  })
})

describe('on every path that reads or removes', () => {
  const calls = [
    ['GET', '/packages'],
    ['DELETE', '/packages'],
    ['GET', `/packages/${UNKNOWN}`],
    ['DELETE', `/packages/${UNKNOWN}`],
    ['POST', `/packages/${UNKNOWN}/consumed`],
    ['GET', `/authors/${alice.pubkey}/count`],
  ] as const

  it.each(calls)('%s %s needs a signature, and shows nothing without', async (method, path) => {
    const call = await serve()
    await stock(2)
    const { status, headers, body } = await call(method, path)
    expect([status, body]).toEqual([
      401,
      {
        type: 'about:blank',
        title: 'Unauthorized',
        status: 401,
        detail: 'auth-required: sign the request with NIP-98',
        prefix: 'auth-required',
      },
    ])
    expect(headers.get('www-authenticate')).toBe('Nostr')
    expect(await own()).toHaveLength(2)
  })

  it.each(calls)('%s %s is 503 when the store fails (I7)', async (method, path) => {
    const call = await serve()
    await server.failStore()
    const { status, headers, body } = await call(method, path, { as: alice })
    expect([status, body.detail]).toEqual([503, 'error: key packages are unavailable, try again'])
    expect(headers.get('content-type')).toMatch(/^application\/problem\+json/)
  })
})

describe.each(['list', 'drop'] as const)(
  'a store whose %s fails after the signature was checked (I7)',
  (method) => {
    it('is 503, and logged', async () => {
      const store = memoryStore()
      const call = await serve({}, store)
      await stock(1)
      Object.assign(store, { [method]: () => Promise.reject(new Error('gone')) })
      const path = method === 'list' ? 'GET' : 'DELETE'
      const { status, body } = await call(path, '/packages', { as: alice })
      expect([status, body.detail]).toEqual([503, 'error: key packages are unavailable, try again'])
      expect(server.log.lines.map(({ message }) => message)).toContain(
        'the store failed to answer an HTTP request',
      )
    })
  },
)

describe('a WebSocket', () => {
  it('sees what was published and removed over HTTP', async () => {
    const call = await serve()
    const client = await Client.connect(server.url)
    await client.authenticate(alice, NOW)
    const [event, other] = await stock(2)
    const { events } = await client.request('own', keyPackagesBy(alice))
    expect(events.map(({ id }) => id).sort()).toEqual([event?.id, other?.id].sort())
    await call('DELETE', '/packages', { as: alice })
    expect((await client.request('again', keyPackagesBy(alice))).events).toEqual([])
    await client.close()
  })
})
