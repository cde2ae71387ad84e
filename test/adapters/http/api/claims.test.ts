/** POST /claims: what becomes of each author, and that no package reaches a second requester, over HTTP or a WebSocket. */

import { createConnection } from 'node:net'
import { afterEach, describe, expect, it } from '@jest/globals'
import { memoryStore } from '../../../../adapters/storage/memory.ts'
import { restoreSignedEvent } from '../../../../plugin/key-package/restore.ts'
import type { KeyPackageStore } from '../../../../plugin/store.ts'
import { Client } from '../../../support/client.ts'
import { everyStore } from '../../../support/every-store.ts'
import { gate } from '../../../support/gate.ts'
import { keyPackagesBy, keyPackagesOf } from '../../../support/gateway.ts'
import { keyPackageEvent, makeKeyPackage, NOW, signEvent } from '../../../support/key-packages.ts'
import { type Person, person } from '../../../support/people.ts'
import { type RestOptions, type RestServer, startRest } from '../../../support/rest.ts'

const alice = person('alice')
const bob = person('bob')
const carol = person('carol')
let server: RestServer

async function serve(options: RestOptions = {}, store: KeyPackageStore = memoryStore()) {
  server = await startRest(store, options)
  return server.call
}
afterEach(() => server.stop())

async function stock(author: Person, count: number) {
  const events = await keyPackagesOf(author, count)
  await server.call('POST', '/packages', { json: { events }, as: author })
  return events
}

const claimOf = (...authors: readonly Person[]) => ({ authors: authors.map(({ pubkey }) => pubkey) })

describe('POST /claims', () => {
  it('says of each author what became of the claim, in the order of the request', async () => {
    const call = await serve({ quota: { perAuthor: { max: 1 } } })
    const [first] = await stock(alice, 1)
    await stock(bob, 1)
    await call('POST', '/claims', { json: claimOf(bob) })
    const { status, headers, body } = await call('POST', '/claims', {
      json: claimOf(carol, bob, alice, alice),
    })
    expect(status).toBe(200)
    expect(headers.get('retry-after')).toBe('3600')
    expect(body).toEqual({
      results: [
        { author: carol.pubkey, outcome: 'none' },
        { author: bob.pubkey, outcome: 'limited', retryAfterSeconds: 3600 },
        { author: alice.pubkey, outcome: 'delivered', events: [first] },
      ],
      notices: [],
    })
  })

  it('delivers slots, newest first up to the limit, and spends none', async () => {
    const call = await serve()
    const events = await Promise.all(
      ['phone', 'laptop'].map(async (d, index) =>
        keyPackageEvent(alice, await makeKeyPackage(alice), {
          kind: 30443,
          tags: { d: [d] },
          createdAt: NOW - index,
        }),
      ),
    )
    await call('POST', '/packages', { json: { events } })
    const { body } = await call('POST', '/claims', { json: { ...claimOf(alice), kinds: [30443], limit: 1 } })
    expect(body.results).toMatchObject([{ events: [events[0]] }])
    const all = await call('POST', '/claims', { json: claimOf(alice) })
    expect(all.body.results).toMatchObject([{ events }])
  })

  it('writes the content as asked, which restoreSignedEvent undoes (I8)', async () => {
    const call = await serve()
    const [event] = await stock(alice, 1)
    const { body } = await call('POST', '/claims', { json: { ...claimOf(alice), encoding: 'hex' } })
    const [delivered] = body.results?.[0]?.events ?? []
    expect(delivered?.content).toMatch(/^[0-9a-f]+$/)
    expect(delivered && restoreSignedEvent(delivered)).toEqual(event)
  })

  it('is 429 with Retry-After when a quota leaves out every author', async () => {
    const call = await serve({ quota: { perRequester: { max: 1 } } })
    await call('POST', '/claims', { json: claimOf(alice), as: bob })
    const { status, headers, body } = await call('POST', '/claims', { json: claimOf(alice), as: bob })
    expect(status).toBe(429)
    expect(headers.get('retry-after')).toBe('3600')
    expect(body).toEqual({
      type: 'about:blank',
      title: 'Too Many Requests',
      status: 429,
      detail: 'rate-limited: 1 queries per 3600 s for each requester; try again in 3600 s',
      prefix: 'rate-limited',
    })
  })

  it('tells which authors have relay lists that name other relays', async () => {
    const call = await serve({ publicUrl: 'wss://relay.example.com' })
    const tags = [['relay', 'wss://elsewhere.example.com']]
    const list = signEvent(alice.secretKey, { kind: 10051, created_at: NOW, tags, content: '' })
    await call('POST', '/relay-lists', { json: { event: list } })
    const { body } = await call('POST', '/claims', { json: claimOf(alice) })
    expect(body.notices).toEqual([expect.stringMatching(`^missing: .*${alice.pubkey} \\(1\\)$`)])
  })

  it('needs a signature where requester is auth', async () => {
    const call = await serve({ requester: 'auth' })
    await stock(alice, 1)
    const { status, headers, body } = await call('POST', '/claims', { json: claimOf(alice) })
    expect([status, body.detail]).toEqual([401, 'auth-required: authenticate to query key packages'])
    expect(headers.get('www-authenticate')).toBe('Nostr')
    expect((await call('POST', '/claims', { json: claimOf(alice), as: bob })).status).toBe(200)
  })

  it('refuses the banned, and finds nothing of banned authors', async () => {
    const call = await serve({ access: { ban: [bob.pubkey, '203.0.113.0/24'] } })
    await stock(alice, 1)
    for (const who of [{ as: bob }, { from: '203.0.113.7' }]) {
      const { status, body } = await call('POST', '/claims', { json: claimOf(alice), ...who })
      expect([status, body.detail]).toEqual([403, 'blocked: you may not query key packages here'])
    }
    const { body } = await call('POST', '/claims', { json: claimOf(bob) })
    expect(body.results).toEqual([{ author: bob.pubkey, outcome: 'none' }])
  })

  it('claims nothing of the one who asks', async () => {
    const call = await serve()
    await stock(alice, 1)
    const { status, body } = await call('POST', '/claims', { json: claimOf(bob, alice), as: alice })
    expect([status, body.detail]).toEqual([400, expect.stringMatching(/^invalid: your own key packages/)])
  })

  it.each<[string, RestOptions, object, number, RegExp]>([
    ['a kind that is not handled here', { kinds: [443] }, { kinds: [30443] }, 400, /^invalid: .*kind 30443$/],
    ['a kind of no key package', {}, { kinds: [1] }, 400, /^invalid: body\/kinds\/0: /],
    ['a pubkey that is none', {}, { authors: ['npub1'] }, 400, /^invalid: body\/authors\/0: /],
    ['no authors', {}, { authors: [] }, 400, /^invalid: body\/authors: /],
    ['limit 0', {}, { limit: 0 }, 400, /^invalid: body\/limit: /],
    ['what the schema does not know', {}, { since: 1 }, 400, /^invalid: body: .*since/],
    [
      'more authors than allowed',
      { claim: { maxAuthors: 1 } },
      claimOf(alice, bob),
      403,
      /^restricted: at most 1 authors/,
    ],
  ])('refuses %s', async (_what, options, json, expected, detail) => {
    const call = await serve(options)
    const { status, body } = await call('POST', '/claims', { json: { ...claimOf(alice), ...json } })
    expect([status, body.detail]).toEqual([expected, expect.stringMatching(detail)])
  })

  it('is 503 when the store fails (I7)', async () => {
    const call = await serve()
    await stock(alice, 1)
    await server.failStore()
    const { status, body } = await call('POST', '/claims', { json: claimOf(alice) })
    expect([status, body.detail]).toEqual([503, 'error: key packages are unavailable, try again'])
  })

  it('answers the authors that the store can reach', async () => {
    const store = memoryStore()
    const claim = store.claim.bind(store)
    store.claim = async (claims, ...rest) =>
      (await claim(claims, ...rest)).map((outcome, index) =>
        claims[index]?.author === alice.pubkey ? { outcome: 'unavailable' } : outcome,
      )
    const call = await serve({}, store)
    await stock(bob, 1)
    const { status, body } = await call('POST', '/claims', { json: claimOf(alice, bob) })
    expect(status).toBe(200)
    expect(body.results?.map(({ outcome }) => outcome)).toEqual(['unavailable', 'delivered'])
  })

  it('releases what it has claimed for a client that is gone before it is answered', async () => {
    const store = memoryStore()
    const claimed = gate()
    const answer = gate()
    const claim = store.claim.bind(store)
    const call = await serve({}, store)
    const [event] = await stock(alice, 3)
    store.claim = async (...args) => {
      const outcomes = await claim(...args)
      claimed.open()
      await answer.opened
      return outcomes
    }
    const released = new Promise<readonly string[]>((resolve) => {
      const release = store.release.bind(store)
      store.release = async (...args) => {
        await release(...args)
        resolve(args[1])
      }
    })
    const body = JSON.stringify(claimOf(alice))
    const socket = createConnection(Number(new URL(server.url).port), '127.0.0.1')
    socket.write(
      `POST /api/v1/claims HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    )
    await claimed.opened
    socket.resetAndDestroy()
    await new Promise((resolve) => socket.once('close', resolve))
    await serverSees()
    answer.open()
    expect(await released).toEqual([event?.id])
    store.claim = claim
    const { packages = [] } = (await call('GET', '/packages', { as: alice })).body
    expect(packages).toHaveLength(3)
  })

  it('releases what waits behind another answer on a connection that the client closes, and logs no error', async () => {
    const store = memoryStore()
    const asked = gate()
    const answer = gate()
    const claim = store.claim.bind(store)
    const call = await serve({ claim: { redeliverySeconds: 0 } }, store)
    await stock(alice, 5)
    const release = store.release.bind(store)
    const released: string[] = []
    const all = gate()
    store.claim = async (...args) => {
      const outcomes = await claim(...args)
      asked.open()
      await answer.opened
      return outcomes
    }
    store.release = async (...args) => {
      await release(...args)
      released.push(...args[1])
      if (released.length === 3) all.open()
    }
    const body = JSON.stringify(claimOf(alice))
    const post = `POST /api/v1/claims HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`
    const socket = createConnection(Number(new URL(server.url).port), '127.0.0.1')
    socket.write(post.repeat(3))
    await asked.opened
    await serverSees()
    socket.resetAndDestroy()
    await new Promise((resolve) => socket.once('close', resolve))
    await serverSees()
    answer.open()
    await all.opened
    expect(new Set(released).size).toBe(3)
    const { packages = [] } = (await call('GET', '/packages', { as: alice })).body
    expect(packages.map(({ state }) => state)).toEqual(packages.map(() => 'fresh'))
    expect(packages).toHaveLength(5)
    expect(server.errors).toEqual([])
  })
})

describe.each(everyStore())('over HTTP and WebSockets on one %s store', (_name, open) => {
  it('a package goes to one requester, and again to the same one alone (I1)', async () => {
    const call = await serve({}, await open())
    const events = await stock(alice, 4)
    const overHttp = async (who: object) => {
      const { body } = await call('POST', '/claims', { json: claimOf(alice), ...who })
      return body.results?.[0]?.events?.map(({ id }) => id)
    }
    const overWebSocket = async (who: Person) => {
      const client = await Client.connect(server.url)
      await client.authenticate(who, NOW)
      const { events: delivered } = await client.request('claim', keyPackagesBy(alice))
      await client.close()
      return delivered.map(({ id }) => id)
    }
    const bobs = await overHttp({ as: bob })
    expect(await overWebSocket(bob)).toEqual(bobs)
    const carols = await overWebSocket(carol)
    expect(await overHttp({ as: carol })).toEqual(carols)
    const daves = await overHttp({ as: person('dave') })
    const all = [bobs, carols, daves].flat()
    expect(new Set(all).size).toBe(3)
    expect(events.map(({ id }) => id)).toEqual(expect.arrayContaining(all as string[]))
  })

  it('a quota is shared (I5)', async () => {
    const call = await serve(
      { quota: { perAuthor: { max: 2 } }, claim: { redeliverySeconds: 0 } },
      await open(),
    )
    await stock(alice, 5)
    const client = await Client.connect(server.url)
    await client.authenticate(bob, NOW)
    await client.request('claim', keyPackagesBy(alice))
    expect((await call('POST', '/claims', { json: claimOf(alice), as: bob })).status).toBe(200)
    expect((await call('POST', '/claims', { json: claimOf(alice), as: bob })).status).toBe(429)
    expect((await client.request('again', keyPackagesBy(alice))).closed).toMatch(/^rate-limited: /)
    await client.close()
  })

  it('the last package is shared, never spent (I2)', async () => {
    const call = await serve({}, await open())
    const [only] = await stock(alice, 1)
    for (const who of [{ as: bob }, { as: carol }, {}]) {
      const { body } = await call('POST', '/claims', { json: claimOf(alice), ...who })
      expect(body.results).toMatchObject([{ outcome: 'delivered', events: [only] }])
    }
  })
})

/** The server has handled what was sent to it before, on other connections too: it answers in the order of arrival. */
async function serverSees(): Promise<void> {
  for (let turn = 0; turn < 3; turn += 1) await server.call('GET', '/nothing')
}
