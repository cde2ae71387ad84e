/** What holds for every request to /api/v1: signatures, malformed and large ones, browsers, and a server that stops. */

import { once } from 'node:events'
import { createConnection } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, describe, expect, it } from '@jest/globals'
import { memoryStore } from '../../../../adapters/storage/memory.ts'
import { gate } from '../../../support/gate.ts'
import { keyPackagesOf } from '../../../support/gateway.ts'
import { authorizationBy } from '../../../support/http-auth.ts'
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

describe('a signature (NIP-98)', () => {
  const url = (path: string) => `${base()}/api/v1${path}`
  const get = (path: string) => ({ method: 'GET', url: url(path), now: NOW })

  it('is used once', async () => {
    const call = await serve()
    const headers = { authorization: authorizationBy(alice, get('/packages')) }
    expect((await call('GET', '/packages', { headers })).status).toBe(200)
    const { status, body } = await call('GET', '/packages', { headers })
    expect([status, body.detail]).toEqual([401, 'invalid: NIP-98: the event was used before'])
  })

  it.each<[string, (path: string) => string, RegExp]>([
    [
      'that is stale',
      (path) => authorizationBy(alice, { ...get(path), now: NOW - 61 }),
      /more than 60 seconds/,
    ],
    [
      'from the future',
      (path) => authorizationBy(alice, { ...get(path), now: NOW + 61 }),
      /more than 60 seconds/,
    ],
    ['of another path', () => authorizationBy(alice, get('/information')), /the u tag must be/],
    ['of another query', (path) => authorizationBy(alice, get(`${path}?all=1`)), /the u tag must be/],
    [
      'of another method',
      (path) => authorizationBy(alice, { ...get(path), method: 'DELETE' }),
      /the method tag/,
    ],
    [
      'with a body that was not sent',
      (path) => authorizationBy(alice, { ...get(path), body: 'x' }),
      /payload/,
    ],
    ['that is no event', () => 'Nostr e30=', /id must be/],
    ['that is nothing', () => 'Nostr', /.*/],
  ])('%s is refused', async (_what, authorization, reason) => {
    const call = await serve()
    const headers = { authorization: authorization('/packages') }
    const { status, body, headers: answered } = await call('GET', '/packages', { headers })
    expect(status).toBe(401)
    expect(body.detail).toMatch(reason)
    expect(answered.get('www-authenticate')).toBe('Nostr')
  })

  it('covers the body', async () => {
    const call = await serve()
    const signed = JSON.stringify({ authors: [bob.pubkey] })
    const post = { method: 'POST', url: url('/claims'), now: NOW }
    for (const toSign of [{ ...post, body: signed }, post]) {
      const { status, body } = await call('POST', '/claims', {
        ...claim,
        headers: { authorization: authorizationBy(bob, toSign) },
      })
      expect([status, body.detail]).toEqual([401, expect.stringContaining('payload')])
    }
  })

  it('that does not hold is refused where none is needed, too: nobody claims under a name they did not mean', async () => {
    const call = await serve()
    await call('POST', '/packages', { json: { events: await keyPackagesOf(alice, 2) } })
    const headers = { authorization: authorizationBy(bob, { ...get('/claims'), now: NOW - 61 }) }
    expect((await call('POST', '/claims', { ...claim, headers })).status).toBe(401)
    expect((await call('GET', '/packages', { as: alice })).body).toMatchObject({ fresh: 2 })
  })

  it('is not looked at where everybody gets the same answer', async () => {
    const call = await serve()
    const headers = { authorization: 'Nostr nonsense' }
    for (const path of ['/information', '/openapi.json', `/authors/${alice.pubkey}/relay-lists`])
      expect((await call('GET', path, { headers })).status).toBe(200)
  })

  it('is for the public URL, if there is one', async () => {
    const call = await serve({ publicUrl: 'wss://relay.example.com' })
    expect((await call('GET', '/packages', { as: alice })).status).toBe(200)
    const headers = { authorization: authorizationBy(alice, get('/packages')) }
    const { status, body } = await call('GET', '/packages', { headers })
    expect([status, body.detail]).toEqual([
      401,
      'invalid: NIP-98: the u tag must be https://relay.example.com/api/v1/packages',
    ])
  })

  it('is 503 if the store does not say whether it was used (I7)', async () => {
    const store = memoryStore()
    const call = await serve({}, store)
    store.hit = () => Promise.reject(new Error('gone'))
    const { status, body } = await call('GET', '/packages', { as: alice })
    expect([status, body.detail]).toEqual([503, 'error: key packages are unavailable, try again'])
  })

  it('is asked for before the body is judged', async () => {
    const call = await serve()
    expect((await call('DELETE', '/packages/nonsense')).status).toBe(401)
    expect((await call('DELETE', '/packages/nonsense', { as: alice })).status).toBe(400)
  })
})

describe('a request', () => {
  it.each<[string, string, string, object, number, RegExp]>([
    ['for what is not there', 'GET', '/nothing', {}, 404, /^invalid: there is nothing here$/],
    ['for the root', 'GET', '', {}, 404, /^invalid: /],
    ['with a path that is not well encoded', 'GET', '/packages/%zz', {}, 400, /^invalid: the path/],
    [
      'with a path that is too long',
      'GET',
      `/packages/${'a'.repeat(5000)}`,
      { as: alice },
      404,
      /^invalid: /,
    ],
    [
      'whose body is no JSON',
      'POST',
      '/claims',
      { body: '{"authors":' },
      400,
      /^invalid: the body must be JSON$/,
    ],
    ['whose body is no object', 'POST', '/claims', { body: '[]' }, 400, /^invalid: body: /],
    ['without a body', 'POST', '/claims', {}, 400, /^invalid: body: /],
    ['with an empty body', 'POST', '/claims', { body: '' }, 400, /^invalid: body: /],
    [
      'with another kind of body',
      'POST',
      '/claims',
      { body: 'a', headers: { 'content-type': 'text/plain' } },
      415,
      /application\/json/,
    ],
    [
      'with a compressed body',
      'POST',
      '/claims',
      { body: 'a', headers: { 'content-encoding': 'gzip' } },
      415,
      /compressed/,
    ],
    ['without events', 'POST', '/packages', { json: { events: [] } }, 400, /^invalid: body\/events: /],
    [
      'with too many events',
      'POST',
      '/packages',
      { json: { events: Array.from({ length: 501 }, () => 1) } },
      400,
      /^invalid: body\/events: /,
    ],
    [
      'whose body is nested too deeply (I9)',
      'POST',
      '/claims',
      { body: `${'['.repeat(100_000)}${']'.repeat(100_000)}` },
      400,
      /^invalid: the body is nested too deeply$/,
    ],
    [
      'whose body holds too many values (I9)',
      'POST',
      '/packages',
      { body: `{"events":[[${'1,'.repeat(100_000)}1]]}` },
      400,
      /^invalid: the body holds too many values$/,
    ],
    ['with a __proto__', 'POST', '/claims', { body: '{"__proto__":{"authors":[]}}' }, 400, /^invalid: body/],
  ])('%s is refused as a problem', async (_what, method, path, call, expected, detail) => {
    await serve()
    const { status, headers, body } = await server.call(method, path, call)
    expect([status, body.detail]).toEqual([expected, expect.stringMatching(detail)])
    expect(headers.get('content-type')).toMatch(/^application\/problem\+json/)
    expect(body).toMatchObject({ type: 'about:blank', status: expected, prefix: 'invalid' })
  })

  it('with a body that is too large is 413, and the next one is answered', async () => {
    const call = await serve({ maxMessageBytes: 2048 })
    const { status, body } = await call('POST', '/claims', { body: `"${'a'.repeat(3000)}"` })
    expect([status, body.detail]).toEqual([413, 'invalid: the body is too large'])
    expect((await call('POST', '/claims', claim)).status).toBe(200)
  })

  it('with a method that its path does not take is 405, and says which it takes', async () => {
    const call = await serve()
    const wrong = await call('PUT', '/packages')
    expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'DELETE, GET, HEAD, POST'])
    const one = await call('PATCH', `/packages/${'0'.repeat(64)}?x=1`)
    expect([one.status, one.headers.get('allow')]).toEqual([405, 'DELETE, GET, HEAD'])
    const claims = await call('GET', '/claims')
    expect([claims.status, claims.headers.get('allow')]).toEqual([405, 'POST'])
  })

  it('with HEAD has the headers of GET, and no body', async () => {
    const call = await serve()
    const { status, headers, body } = await call('HEAD', '/information')
    expect([status, body]).toEqual([200, {}])
    expect(Number(headers.get('content-length'))).toBeGreaterThan(100)
    expect((await call('HEAD', '/packages', { as: alice })).status).toBe(200)
  })

  it('that a store answers with nonsense is 503 without a reason, which is in the log', async () => {
    const store = memoryStore()
    await serve({}, store)
    const { call } = server
    Object.assign(store, { list: async () => ({ nonsense: true }) })
    const { status, body } = await call('GET', '/packages', { as: alice })
    expect([status, body.detail]).toEqual([503, 'error: key packages are unavailable, try again'])
    expect(server.log.lines.at(-1)?.fields.err).toBeInstanceOf(TypeError)
  })
})

describe('a browser', () => {
  it('of any origin may call everything, with a signature', async () => {
    await serve()
    const answer = await fetch(`${base()}/api/v1/packages`, {
      method: 'OPTIONS',
      headers: {
        origin: 'https://app.example.com',
        'access-control-request-method': 'DELETE',
        'access-control-request-headers': 'authorization,content-type',
      },
    })
    expect(answer.status).toBe(204)
    expect(answer.headers.get('access-control-allow-origin')).toBe('*')
    expect(answer.headers.get('access-control-allow-methods')).toContain('DELETE')
    expect(answer.headers.get('access-control-allow-headers')).toContain('Authorization')
  })

  it('may read refusals, and when to try again', async () => {
    const call = await serve()
    for (const path of ['/packages', '/nothing', '/information']) {
      const { headers } = await call('GET', path)
      expect(headers.get('access-control-allow-origin')).toBe('*')
      expect(headers.get('access-control-expose-headers')).toContain('Retry-After')
      expect(headers.get('cache-control')).toBe('no-store')
    }
  })
})

describe('a server that stops', () => {
  it('answers what it has begun, and takes no more', async () => {
    const store = memoryStore()
    const begun = gate()
    const open = gate()
    const call = await serve({}, store)
    const [event] = await keyPackagesOf(alice, 1)
    await call('POST', '/packages', { json: { events: [event] } })
    const claims = store.claim.bind(store)
    store.claim = async (...args) => {
      begun.open()
      await open.opened
      return claims(...args)
    }
    const body = JSON.stringify(claim.json)
    const socket = createConnection(Number(new URL(server.url).port), '127.0.0.1')
    await once(socket, 'connect')
    socket.write(
      `POST /api/v1/claims HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    )
    await begun.opened
    const stopped = server.stop()
    open.open()
    const answered = await text(socket)
    expect(answered).toMatch(/^HTTP\/1.1 200 /)
    expect(answered).toContain(`"id":"${event?.id}"`)
    await stopped
    await expect(call('GET', '/information')).rejects.toThrow()
  })
})

describe('logs and audit', () => {
  it('hold no content of a package, and the audit log says who claimed (I4)', async () => {
    const call = await serve()
    const [event] = await keyPackagesOf(alice, 1)
    const wrong = { ...event, sig: '0'.repeat(128) }
    await call('POST', '/packages', { json: { events: [event, wrong] }, as: alice })
    await call('POST', '/claims', { ...claim, as: bob })
    const written = JSON.stringify([server.log.lines, server.audited])
    expect(written).not.toContain(event?.content)
    expect(server.audited).toContainEqual(
      expect.objectContaining({
        action: 'claim',
        outcome: 'delivered',
        id: event?.id,
        requester: bob.pubkey,
      }),
    )
  })
})
