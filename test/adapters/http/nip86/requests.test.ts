/** Which requests of NIP-86 are carried out, and which are refused, and how. */

import { afterEach, describe, expect, it } from '@jest/globals'
import { METHODS } from '../../../../adapters/http/nip86/methods.ts'
import { memoryStore } from '../../../../adapters/storage/memory.ts'
import { http, rawHttp } from '../../../support/http.ts'
import { authorizationBy, headerOf, httpAuthEvent } from '../../../support/http-auth.ts'
import { NOW } from '../../../support/key-packages.ts'
import {
  admin,
  call,
  documentOf,
  type Managed,
  type ManagedSettings,
  resultOf,
  SIGNED_URL,
  startManaged,
} from '../../../support/management.ts'
import { person } from '../../../support/people.ts'

const alice = person('alice').pubkey
const bob = person('bob').pubkey
const RPC = 'application/nostr+json+rpc'

let server: Managed

async function start(settings: ManagedSettings = {}): Promise<void> {
  server = await startManaged(settings)
}

afterEach(() => server.stop())

const did = (method: string, ...params: unknown[]) => resultOf(server, method, params)

describe('a request is refused', () => {
  it('without authorisation, with 401', async () => {
    await start()
    const { status, headers, body } = await http(server.httpUrl, {
      method: 'POST',
      headers: { 'content-type': RPC },
      body: '{"method":"supportedmethods","params":[]}',
    })
    expect({ status, body: JSON.parse(body) }).toEqual({
      status: 401,
      body: { error: 'auth-required: sign the request with NIP-98' },
    })
    expect(headers).toMatchObject({ 'www-authenticate': 'Nostr', 'access-control-allow-origin': '*' })
  })

  it.each([
    ['too old', { now: NOW - 61 }, /created_at/],
    ['from the future', { now: NOW + 61 }, /created_at/],
    ['for another relay', { url: 'https://relay.example.org/' }, /the u tag must be/],
    ['for this machine', { url: 'http://127.0.0.1/' }, /the u tag must be/],
    ['for another method', { method: 'GET' }, /the method tag must be POST/],
    ['for another body', { body: '{"method":"listblockedips","params":[]}' }, /payload/],
  ])('that is %s, with 401, and nothing is done', async (_, sign, error) => {
    await start()
    expect(await call(server, 'banpubkey', [alice], { sign })).toMatchObject({
      status: 401,
      answer: { error: expect.stringMatching(error) },
    })
    expect(await did('listbannedpubkeys')).toEqual([])
  })

  it('without the hash of its body, with 401', async () => {
    await start()
    const body = JSON.stringify({ method: 'banpubkey', params: [alice] })
    const authorization = authorizationBy(admin, { method: 'POST', url: SIGNED_URL, now: NOW })
    expect(await call(server, '', [], { body, headers: { authorization } })).toMatchObject({ status: 401 })
  })

  it('when it comes a second time, with 401', async () => {
    await start()
    const body = JSON.stringify({ method: 'banpubkey', params: [alice] })
    const authorization = authorizationBy(admin, { method: 'POST', url: SIGNED_URL, body, now: NOW })
    const send = () => call(server, '', [], { body, headers: { authorization } })
    const outcomes = await Promise.all([send(), send(), send()])
    expect(outcomes.map(({ status }) => status).sort()).toEqual([200, 401, 401])
    expect(await send()).toMatchObject({
      status: 401,
      answer: { error: 'invalid: NIP-98: the event was used before' },
    })
  })

  it.each(METHODS)('by somebody who is no admin, with 403: %s', async (method) => {
    await start()
    expect(await call(server, method, [], { by: person('mallory') })).toMatchObject({
      status: 403,
      answer: { error: 'this pubkey is not in admin.pubkeys' },
    })
  })

  it('by everybody where there is no admin', async () => {
    await start({ admins: [] })
    expect(await call(server, 'supportedmethods')).toMatchObject({ status: 403 })
  })

  it.each([
    ['', 'the body must be a JSON object with method and params'],
    ['not JSON', 'the body must be a JSON object with method and params'],
    ['[]', 'the body must be a JSON object with method and params'],
    ['null', 'the body must be a JSON object with method and params'],
    ['{}', 'method must be a string'],
    ['{"method":7,"params":[]}', 'method must be a string'],
    ['{"method":"banpubkey","params":{}}', 'params must be an array'],
    ['{"method":"shutdown","params":[]}', 'the method "shutdown" is not supported'],
    ['{"method":"__proto__","params":[]}', 'the method "__proto__" is not supported'],
    ['{"method":"constructor","params":[]}', 'the method "constructor" is not supported'],
  ])('that is malformed, with 400: %s', async (body, error) => {
    await start()
    expect(await call(server, '', [], { body })).toMatchObject({ status: 400, answer: { error } })
  })

  it.each([
    ['banpubkey', [], 'params'],
    ['banpubkey', ['npub1'], 'params[0] must be a pubkey of 64 hex characters'],
    ['banpubkey', [7], 'params[0] must be a pubkey of 64 hex characters'],
    ['banpubkey', ['203.0.113.7'], 'params[0] must be a pubkey of 64 hex characters'],
    ['banpubkey', [alice, 7], 'params[1]'],
    ['banpubkey', [alice, 'x'.repeat(1001)], 'params[1] must have at most 1,000 characters'],
    ['banpubkey', [alice, 'spam', 'more'], 'params'],
    ['unbanpubkey', ['x'], 'params[0] must be a pubkey'],
    ['allowpubkey', ['x'], 'params[0] must be a pubkey'],
    ['unallowpubkey', ['x'], 'params[0] must be a pubkey'],
    ['listbannedpubkeys', [1], 'params'],
    ['blockip', ['relay.example.com'], 'params[0] must be an IP address'],
    ['blockip', [alice], 'params[0] must be an IP address'],
    ['blockip', ['203.0.113.0/33'], 'params[0] must be an IP address'],
    ['unblockip', [null], 'params[0] must be an IP address'],
    ['changerelayname', [7], 'params[0] must be a string'],
    ['changerelayname', ['\ud83d'], 'params[0] must not contain lone surrogates'],
    ['changerelayname', ['x'.repeat(101)], 'params[0] must have at most 100 characters'],
    ['changerelaydescription', ['x'.repeat(10_001)], 'params[0] must have at most 10,000 characters'],
    ['changerelayicon', ['javascript:alert(1)'], 'params[0] must be an http or https URL, or empty'],
  ] as const)('with wrong parameters, with 400: %s %j', async (method, params, error) => {
    await start()
    expect(await call(server, method, params)).toMatchObject({
      status: 400,
      answer: { error: expect.stringContaining(`${method}: ${error}`) },
    })
  })

  it('of an address whose signatures are wrong again and again, with 429 before they are looked at (I9)', async () => {
    await start()
    const signed = httpAuthEvent(admin, { method: 'POST', url: SIGNED_URL, now: NOW })
    const authorization = headerOf({ ...signed, sig: '0'.repeat(128) })
    const wrong = { headers: { authorization, 'x-real-ip': '192.0.2.7' } }
    for (let time = 0; time < 61; time += 1)
      expect((await call(server, 'supportedmethods', [], wrong)).status).toBe(401)
    expect(
      await call(server, 'supportedmethods', [], { headers: { 'x-real-ip': '192.0.2.7' } }),
    ).toMatchObject({
      status: 429,
      answer: { error: 'rate-limited: too many wrong signatures came from here' },
    })
    expect((await call(server, 'supportedmethods')).status).toBe(200)
  })

  it('whose body is too large, with 413', async () => {
    await start()
    const body = JSON.stringify({ method: 'changerelayname', params: ['x'.repeat(100_000)] })
    expect(await call(server, '', [], { body })).toMatchObject({
      status: 413,
      answer: { error: 'invalid: the body is too large' },
    })
  })

  it('whose body is compressed, with 415', async () => {
    await start()
    const headers = { 'content-encoding': 'gzip' }
    expect(await call(server, 'supportedmethods', [], { headers })).toMatchObject({ status: 415 })
  })

  it('before its body has come, unless an admin sends it (I9)', async () => {
    await start()
    const head = `POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: ${RPC}\r\nContent-Length: 60000\r\n`
    expect(await rawHttp(server.httpUrl, `${head}\r\n{`)).toMatch(/^HTTP\/1\.1 401 /)
    const signed = { method: 'POST', url: SIGNED_URL, now: NOW }
    const authorization = authorizationBy(person('mallory'), signed)
    expect(await rawHttp(server.httpUrl, `${head}Authorization: ${authorization}\r\n\r\n{`)).toMatch(
      /^HTTP\/1\.1 403 /,
    )
  })

  it('when the store is down, with 503, and nobody is told that it was done (I7)', async () => {
    await start()
    await server.failStore()
    for (const method of ['banpubkey', 'blockip', 'listbannedpubkeys', 'changerelayname']) {
      expect(await call(server, method, [alice])).toMatchObject({
        status: 503,
        answer: { error: 'the store does not answer, try again' },
      })
    }
  })

  it('when the store fails after it was authenticated, with 503', async () => {
    const store = memoryStore()
    const broken = new Proxy(store, {
      get: (target, name) =>
        name === 'putAccessRule' || name === 'putInformation' || name === 'accessRules'
          ? () => Promise.reject(new Error('the disk is full'))
          : Reflect.get(target, name).bind?.(target),
    })
    await start({ store: broken })
    for (const [method, params] of [
      ['banpubkey', [alice]],
      ['listbannedpubkeys', []],
      ['changerelayname', ['Keys']],
    ] as const) {
      expect(await call(server, method, params)).toMatchObject({
        status: 503,
        answer: { error: 'the store does not answer, try again' },
      })
    }
    expect(await documentOf(server)).toMatchObject({ name: 'keypackage-gateway' })
  })
})

describe('a request', () => {
  it.each(['wss://relay.example.com', 'wss://relay.example.com/', 'https://relay.example.com'])(
    'may be signed for %s',
    async (url) => {
      await start()
      expect(await call(server, 'supportedmethods', [], { sign: { url } })).toMatchObject({ status: 200 })
    },
  )

  it('may come with a character set', async () => {
    await start()
    const headers = { 'content-type': `${RPC}; charset=utf-8` }
    expect(await call(server, 'supportedmethods', [], { headers })).toMatchObject({
      status: 200,
      reply: { headers: { 'content-type': RPC, 'cache-control': 'no-store' } },
    })
  })

  it('may say what it is by its Accept header alone', async () => {
    await start()
    const headers = { 'content-type': 'application/json', accept: RPC }
    expect(await call(server, 'supportedmethods', [], { headers })).toMatchObject({ status: 200 })
  })

  it('at the path of the public URL is for the relay as well', async () => {
    await start({ publicUrl: 'wss://example.com/nostr' })
    const sign = { url: 'https://example.com/nostr' }
    expect(await call(server, 'supportedmethods', [], { sign })).toMatchObject({ status: 200 })
    const below = { ...server, httpUrl: `${server.httpUrl}/nostr` }
    expect(await call(below, 'supportedmethods', [], { sign })).toMatchObject({ status: 200 })
  })

  it.each([
    ['of another media type', 'POST', '/', { 'content-type': 'application/json' }],
    ['to another path', 'POST', '/elsewhere', { 'content-type': RPC }],
    ['by another method', 'PUT', '/', { 'content-type': RPC }],
  ])('%s is none', async (_, method, path, headers) => {
    await start()
    const { status } = await http(`${server.httpUrl}${path}`, { method, headers })
    expect([404, 405]).toContain(status)
  })

  it('is allowed to web apps of every origin (CORS)', async () => {
    await start()
    const { status, headers } = await http(server.httpUrl, {
      method: 'OPTIONS',
      headers: { origin: 'https://app.example', 'access-control-request-method': 'POST' },
    })
    expect(status).toBe(204)
    expect(headers).toMatchObject({
      'access-control-allow-origin': '*',
      'access-control-allow-headers': '*, Authorization',
      'access-control-allow-methods': expect.stringContaining('POST'),
    })
  })
})

describe('without a publicUrl', () => {
  it('only the address of this machine that the client came to can be signed', async () => {
    await start({ publicUrl: undefined })
    const url = `${server.httpUrl}/`
    expect(await call(server, 'supportedmethods', [], { sign: { url } })).toMatchObject({ status: 200 })
    expect(await call(server, 'supportedmethods')).toMatchObject({ status: 401 })
    const headers = { host: 'relay.example.com' }
    expect(await call(server, 'supportedmethods', [], { headers })).toMatchObject({
      status: 401,
      answer: { error: expect.stringContaining('must set publicUrl') },
    })
  })
})

describe("on the operator's listener", () => {
  it('a request may be signed for its own address, or for the relay', async () => {
    await start({ listener: 'operator' })
    const url = `${server.httpUrl}/`
    expect(await call(server, 'supportedmethods', [], { sign: { url } })).toMatchObject({ status: 200 })
    expect(await call(server, 'supportedmethods')).toMatchObject({ status: 200 })
    const headers = { host: 'evil.example' }
    const forged = await call(server, 'supportedmethods', [], {
      sign: { url: 'http://evil.example' },
      headers,
    })
    expect(forged).toMatchObject({ status: 401 })
  })

  it.each(['http://gateway.internal:9447/', 'https://gateway.internal:9447/'])(
    'a request may be signed for a name of it, where it came by that name: %s',
    async (url) => {
      await start({ listener: 'operator' })
      const headers = { host: 'Gateway.internal:9447' }
      expect(await call(server, 'supportedmethods', [], { sign: { url }, headers })).toMatchObject({
        status: 200,
      })
      expect(await call(server, 'supportedmethods', [], { sign: { url } })).toMatchObject({ status: 401 })
    },
  )

  it('who is banned and who is allowed is listed', async () => {
    await start({ access: { ban: [bob] } })
    await did('banpubkey', alice, 'spam')
    const { status, headers, body } = await http(`${server.httpUrl}/operator/access`)
    expect({ status, type: headers['content-type'] }).toEqual({
      status: 200,
      type: 'application/json; charset=utf-8',
    })
    expect(JSON.parse(body)).toEqual({
      rules: [
        { list: 'ban', subject: bob, from: 'settings' },
        { list: 'ban', subject: alice, reason: 'spam', at: NOW, from: 'store' },
      ],
      relayUrl: SIGNED_URL,
    })
    expect(await http(`${server.httpUrl}/operator/access`, { method: 'POST' })).toMatchObject({ status: 405 })
    await server.failStore()
    expect(await http(`${server.httpUrl}/operator/access`)).toMatchObject({
      status: 503,
      headers: { 'content-type': 'application/problem+json' },
    })
  })
})
