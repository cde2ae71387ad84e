/** POST /packages: each event has the answer that an OK message would give, in the quotas that count a WebSocket's. */

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

describe('POST /packages', () => {
  it('publishes many, and answers each by itself', async () => {
    const call = await serve()
    const [one, two] = await keyPackagesOf(alice, 2)
    const wrong = { ...one, content: 'zz' }
    const note = signEvent(alice.secretKey, { kind: 1, created_at: NOW, tags: [], content: '' })
    const { status, body } = await call('POST', '/packages', {
      json: { events: [one, wrong, two, one, note, 'text', null, { kind: 443 }, { id: 7 }] },
    })
    expect(status).toBe(200)
    expect(body.results).toEqual([
      { id: one?.id, accepted: true, message: '' },
      { id: one?.id, accepted: false, message: expect.stringMatching(/^invalid: /) },
      { id: two?.id, accepted: true, message: '' },
      { id: one?.id, accepted: true, message: 'duplicate: already received; it is not taken in again' },
      {
        id: note.id,
        accepted: false,
        message: 'invalid: only key packages (kinds 443, 30443) are published here',
      },
      { id: null, accepted: false, message: 'invalid: an event must be a JSON object' },
      { id: null, accepted: false, message: 'invalid: an event must be a JSON object' },
      { id: null, accepted: false, message: expect.stringMatching(/^invalid: id must be /) },
      { id: null, accepted: false, message: expect.stringMatching(/^invalid: id must be /) },
    ])
  })

  it('says to its author alone that a package is spent, and to others the words of one that is not', async () => {
    const call = await serve()
    const [one, two] = await keyPackagesOf(alice, 2)
    await call('POST', '/packages', { json: { events: [one, two] } })
    await call('POST', '/claims', { json: { authors: [alice.pubkey] } })
    const again = { json: { events: [one, two] } }
    const others = await call('POST', '/packages', { ...again, as: bob })
    const words = 'duplicate: already received; it is not taken in again'
    expect(others.body.results?.map(({ message }) => message)).toEqual([words, words])
    const own = await call('POST', '/packages', { ...again, as: alice })
    expect(own.body.results?.map(({ message }) => message)).toEqual([
      'duplicate: this key package was already used',
      'duplicate: already have this key package',
    ])
  })

  it('takes a protected package from its author alone (NIP-70): a signed request is enough', async () => {
    const call = await serve()
    const event = keyPackageEvent(alice, await makeKeyPackage(alice), { tags: { '-': [] } })
    const json = { events: [event] }
    for (const as of [undefined, bob]) {
      const { body } = await call('POST', '/packages', { json, ...(as && { as }) })
      expect(body.results).toEqual([
        {
          id: event.id,
          accepted: false,
          message: 'auth-required: this event may only be published by its author',
        },
      ])
    }
    const { body } = await call('POST', '/packages', { json, as: alice })
    expect(body.results).toEqual([{ id: event.id, accepted: true, message: '' }])
  })

  it('shares the quotas of an author and of an address with WebSockets (I5)', async () => {
    const call = await serve({ quota: { publish: { max: 2 }, publishPerAddress: { max: 1 } } })
    const [one, two, three, four] = await keyPackagesOf(alice, 4)
    const client = await Client.connect(server.url)
    await client.authenticate(alice, NOW)
    expect(await client.publish(one as never)).toEqual([true, ''])
    expect((await call('POST', '/packages', { json: { events: [two] }, as: alice })).status).toBe(200)
    const author = await call('POST', '/packages', { json: { events: [three] }, as: alice })
    expect([author.status, author.body.detail]).toEqual([429, expect.stringMatching(/^rate-limited: /)])
    expect((await call('POST', '/packages', { json: { events: [three] } })).status).toBe(200)
    const address = await call('POST', '/packages', { json: { events: [four] } })
    expect([address.status, address.body.detail]).toEqual([429, expect.stringMatching(/^rate-limited: /)])
    await client.close()
  })

  it('refuses packages of the banned', async () => {
    const call = await serve({ access: { ban: [alice.pubkey] } })
    const { body } = await call('POST', '/packages', {
      json: { events: await keyPackagesOf(alice, 1) },
      as: alice,
    })
    expect(body.results).toMatchObject([
      { accepted: false, message: 'blocked: you may not publish key packages here' },
    ])
  })

  it('is 501 where only the relay behind takes key packages', async () => {
    const call = await serve({ publishing: 'relay' })
    const { status, body } = await call('POST', '/packages', {
      json: { events: await keyPackagesOf(alice, 1) },
    })
    expect([status, body.detail]).toEqual([501, expect.stringMatching(/^restricted: .* WebSocket$/)])
    expect((await call('GET', '/packages', { as: alice })).body.packages).toEqual([])
  })

  it('tries no more once the store does not answer, and says what became of the others (I7)', async () => {
    const store = memoryStore()
    server = await startRest(store)
    const [known, ...events] = await keyPackagesOf(alice, 5)
    await server.call('POST', '/packages', { json: { events: [known] } })
    const put = store.put.bind(store)
    let calls = 0
    store.put = (...args) => {
      calls += 1
      return calls === 2 ? Promise.reject(new Error('gone')) : put(...args)
    }
    const { status, body } = await server.call('POST', '/packages', { json: { events } })
    const unavailable = 'error: key packages are unavailable, try again'
    expect(status).toBe(200)
    expect(body.results?.map(({ message }) => message)).toEqual(['', unavailable, unavailable, unavailable])
    expect(body.results?.map(({ id }) => id)).toEqual(events.map(({ id }) => id))
    expect(calls).toBe(2)
  })

  it('is 503 when the store fails, and says no more than that (I7)', async () => {
    const call = await serve()
    const events = await keyPackagesOf(alice, 2)
    await server.failStore()
    const { status, body } = await call('POST', '/packages', { json: { events } })
    expect([status, body.detail]).toEqual([503, 'error: key packages are unavailable, try again'])
  })
})
