/** What is asked about one author: the count, which the author alone is told (I4), and relay lists. */

import { afterEach, describe, expect, it } from '@jest/globals'
import { memoryStore } from '../../../../adapters/storage/memory.ts'
import { Client } from '../../../support/client.ts'
import { keyPackagesOf } from '../../../support/gateway.ts'
import { keyPackageEvent, makeKeyPackage, NOW, signEvent } from '../../../support/key-packages.ts'
import { person } from '../../../support/people.ts'
import { type RestOptions, type RestServer, startRest } from '../../../support/rest.ts'

const alice = person('alice')
const bob = person('bob')
let server: RestServer

async function serve(options: RestOptions = {}) {
  server = await startRest(memoryStore(), options)
  return server.call
}
afterEach(() => server.stop())

const COUNT = `/authors/${alice.pubkey}/count`
const LISTS = `/authors/${alice.pubkey}/relay-lists`

describe('GET /authors/{pubkey}/count', () => {
  it('tells the author, of all kinds or of one', async () => {
    const call = await serve()
    const slot = keyPackageEvent(alice, await makeKeyPackage(alice), { kind: 30443, tags: { d: ['phone'] } })
    await call('POST', '/packages', {
      json: { events: [...(await keyPackagesOf(alice, 2)), slot] },
      as: alice,
    })
    expect((await call('GET', COUNT, { as: alice })).body).toEqual({ count: 3 })
    expect((await call('GET', `${COUNT}?kind=443`, { as: alice })).body).toEqual({ count: 2 })
    expect((await call('GET', `${COUNT}?kind=30443`, { as: alice })).body).toEqual({ count: 1 })
  })

  it('tells nobody else, with packages or without (I4)', async () => {
    const call = await serve()
    await call('POST', '/packages', { json: { events: await keyPackagesOf(alice, 2) } })
    for (const pubkey of [alice.pubkey, person('nobody').pubkey]) {
      const { status, body } = await call('GET', `/authors/${pubkey}/count`, { as: bob })
      expect([status, body.detail]).toEqual([403, 'restricted: only the author may count key packages'])
    }
  })

  it('refuses the banned', async () => {
    const call = await serve({ access: { ban: [alice.pubkey] } })
    const { status, body } = await call('GET', COUNT, { as: alice })
    expect([status, body.detail]).toEqual([403, 'blocked: you may not query key packages here'])
  })

  it.each([
    ['another kind', `${COUNT}?kind=1`],
    ['another parameter', `${COUNT}?authors=1`],
    ['a pubkey that is none', '/authors/alice/count'],
  ])('refuses %s', async (_what, path) => {
    const call = await serve()
    const { status, body } = await call('GET', path, { as: alice })
    expect([status, body.detail]).toEqual([400, expect.stringMatching(/^invalid: (querystring|params)/)])
  })

  it('refuses a kind that is not handled here', async () => {
    const call = await serve({ kinds: [443] })
    const { status, body } = await call('GET', `${COUNT}?kind=30443`, { as: alice })
    expect([status, body.detail]).toEqual([400, 'invalid: this gateway does not handle kind 30443'])
  })
})

describe('relay lists', () => {
  const list = (kind: number, createdAt: number, tags: string[][]) =>
    signEvent(alice.secretKey, { kind, created_at: createdAt, tags, content: '' })
  const keyPackageRelays = list(10051, NOW, [['relay', 'wss://relay.example.com']])

  it('are published one by one, and read by anybody', async () => {
    const call = await serve()
    const writeRelays = list(10002, NOW - 1, [['r', 'wss://relay.example.com']])
    for (const event of [keyPackageRelays, writeRelays]) {
      const { status, body } = await call('POST', '/relay-lists', { json: { event } })
      expect([status, body]).toEqual([200, { id: event.id, accepted: true, message: '' }])
    }
    const { status, body } = await call('GET', LISTS)
    expect([status, body]).toEqual([200, { events: [keyPackageRelays, writeRelays] }])
    expect((await call('GET', `/authors/${bob.pubkey}/relay-lists`)).body).toEqual({ events: [] })
  })

  it('reach those who watch for them on a WebSocket', async () => {
    const call = await serve()
    const client = await Client.greeted(server.url)
    await client.request('lists', { kinds: [10051], authors: [alice.pubkey] })
    await call('POST', '/relay-lists', { json: { event: keyPackageRelays } })
    expect(await client.next()).toEqual(['EVENT', 'lists', keyPackageRelays])
    await client.close()
  })

  it('that are older than the stored one are not kept, and the answer says so', async () => {
    const call = await serve()
    await call('POST', '/relay-lists', { json: { event: keyPackageRelays } })
    const older = list(10051, NOW - 1, [['relay', 'wss://older.example.com']])
    const { status, body } = await call('POST', '/relay-lists', { json: { event: older } })
    expect([status, body]).toEqual([
      200,
      { id: older.id, accepted: true, message: 'duplicate: have a newer relay list' },
    ])
  })

  it('that are protected need the signature of their author (NIP-70)', async () => {
    const call = await serve()
    const event = list(10051, NOW, [['relay', 'wss://relay.example.com'], ['-']])
    expect((await call('POST', '/relay-lists', { json: { event } })).status).toBe(401)
    expect((await call('POST', '/relay-lists', { json: { event }, as: alice })).status).toBe(200)
  })

  it.each<[string, unknown, RegExp]>([
    ['a key package', { ...keyPackageRelays, kind: 443 }, /^invalid: only relay lists/],
    ['a list without relays', list(10051, NOW, []), /^invalid: /],
    [
      'one from the future',
      list(10051, NOW + 10_000, [['relay', 'wss://relay.example.com']]),
      /^invalid: created_at/,
    ],
    ['a wrong signature', { ...keyPackageRelays, created_at: NOW + 1 }, /^invalid: wrong id or signature/],
    ['what has only a kind', { kind: 10051 }, /^invalid: id must be/],
    ['text', 'text', /^invalid: only relay lists/],
  ])('are refused as a problem: %s', async (_what, event, detail) => {
    const call = await serve()
    const { status, body } = await call('POST', '/relay-lists', { json: { event } })
    expect([status, body.detail]).toEqual([400, expect.stringMatching(detail)])
  })

  it('of authors never heard of count by address (I9)', async () => {
    const call = await serve({ quota: { newAuthorsPerAddress: { max: 1 } } })
    await call('DELETE', '/packages', { as: bob })
    const { status, body } = await call('POST', '/relay-lists', { json: { event: keyPackageRelays } })
    expect([status, body.detail]).toEqual([429, expect.stringMatching(/^rate-limited: /)])
  })

  it('are 501 where the relay behind keeps them', async () => {
    const call = await serve({ publishing: 'relay' })
    for (const answer of [
      await call('GET', LISTS),
      await call('POST', '/relay-lists', { json: { event: keyPackageRelays } }),
    ]) {
      const detail = 'restricted: relay lists are kept by the relay behind this gateway; use its WebSocket'
      expect([answer.status, answer.body.detail]).toEqual([501, detail])
    }
  })

  it('are 503 when the store fails (I7)', async () => {
    const call = await serve()
    await server.failStore()
    for (const answer of [
      await call('GET', LISTS),
      await call('POST', '/relay-lists', { json: { event: keyPackageRelays } }),
    ])
      expect([answer.status, answer.body.detail]).toEqual([
        503,
        'error: relay lists are unavailable, try again',
      ])
  })
})
