/** Which HTTP requests are authenticated (NIP-98), and which are refused, and why. */

import type { IncomingMessage } from 'node:http'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { getToken } from 'nostr-tools/nip98'
import type { EventTemplate } from 'nostr-tools/pure'
import {
  type Authorisation,
  HttpAuth,
  httpUrlOf,
  requestUrl,
  type SignedRequest,
} from '../../../adapters/http/nip98.ts'
import { memoryStore } from '../../../adapters/storage/memory.ts'
import type { KeyPackageStore } from '../../../plugin/store.ts'
import { everyStore } from '../../support/every-store.ts'
import { authorizationBy, headerOf, httpAuthEvent } from '../../support/http-auth.ts'
import { NOW } from '../../support/key-packages.ts'
import { person } from '../../support/people.ts'
import { RealStores } from '../../support/real-stores.ts'
import { signEvent, verifyEvent } from '../../support/signing.ts'

const alice = person('alice')
const URL_OF_RELAY = 'https://relay.example.com/'
const BODY = '{"method":"supportedmethods","params":[]}'
const POST = { method: 'POST', url: URL_OF_RELAY, body: BODY, now: NOW }
const GET = { method: 'GET', url: 'https://relay.example.com/api/v1/packages?limit=2', now: NOW }
const GET_ASKED = { method: 'GET', urls: [GET.url], body: undefined }
const AUTHENTICATED = { outcome: 'authenticated', pubkey: alice.pubkey }

let store: KeyPackageStore
let auth: HttpAuth

beforeEach(() => {
  store = memoryStore()
  auth = authOn(store)
})
afterEach(() => store.close())

describe('a request', () => {
  it('is authenticated by an event that names its method, URL and body', async () => {
    expect(await check(authorizationBy(alice, POST))).toEqual(AUTHENTICATED)
  })

  it('without a body needs no payload tag', async () => {
    expect(await check(authorizationBy(alice, GET), GET_ASKED)).toEqual(AUTHENTICATED)
  })

  it('may be signed with nostr-tools', async () => {
    const now = Math.floor(Date.now() / 1000)
    const today = new HttpAuth({ store, now: () => now, verifyEvent })
    const sign = (event: EventTemplate) => signEvent(alice.secretKey, event)
    const token = await getToken(GET.url, 'get', sign, true)
    expect(await checkOn(today, { ...requestOf(token), ...GET_ASKED })).toEqual(AUTHENTICATED)
  })

  it.each([undefined, '', 'Basic YWxpY2U6c2VjcmV0', 'Bearer token'])(
    'with the Authorization %j has no authorisation',
    async (authorization) => {
      expect(await check(authorization)).toEqual({ outcome: 'absent' })
    },
  )

  it('may write the scheme in lower case (RFC 9110)', async () => {
    expect(await check(authorizationBy(alice, POST).replace('Nostr', 'nostr'))).toEqual(AUTHENTICATED)
  })
})

describe('an event is refused', () => {
  it.each([
    ['from more than a minute ago', { created_at: NOW - 61 }, 'created_at is more than 60 seconds from now'],
    ['from the future', { created_at: NOW + 61 }, 'created_at is more than 60 seconds from now'],
    ['of another kind', { kind: 22242 }, 'the event must have kind 27235'],
    ['for another URL', tags({ u: 'https://relay.example.com/x' }), `the u tag must be ${URL_OF_RELAY}`],
    ['for another host', tags({ u: 'https://relay.example.org/' }), `the u tag must be ${URL_OF_RELAY}`],
    ['for another port', tags({ u: 'https://relay.example.com:8443' }), `the u tag must be ${URL_OF_RELAY}`],
    ['for another scheme', tags({ u: 'http://relay.example.com/' }), `the u tag must be ${URL_OF_RELAY}`],
    ['for a URL with a query', tags({ u: `${URL_OF_RELAY}?a=b` }), `the u tag must be ${URL_OF_RELAY}`],
    [
      'for a URL with a user',
      tags({ u: 'https://a@relay.example.com' }),
      `the u tag must be ${URL_OF_RELAY}`,
    ],
    [
      'for a URL with a line break',
      tags({ u: 'https://relay.exam\r\nple.com/' }),
      `the u tag must be ${URL_OF_RELAY}`,
    ],
    ['for what is no URL', tags({ u: 'relay.example.com' }), `the u tag must be ${URL_OF_RELAY}`],
    ['for another method', tags({ method: 'DELETE' }), 'the method tag must be POST'],
    ['for another body', tags({ payload: '0'.repeat(64) }), 'the payload tag is not the SHA-256 of the body'],
    ['without a URL', tags({ u: undefined }), 'the event must have one u tag'],
    ['without a method', tags({ method: undefined }), 'the event must have one method tag'],
    [
      'without the hash of the body',
      tags({ payload: undefined }),
      'the event must have one payload tag with the SHA-256 of the body',
    ],
  ])('%s', async (_, change, reason) => {
    expect(await check(authorizationBy(alice, POST, change))).toEqual({ outcome: 'refused', reason })
  })

  it.each(['u', 'method', 'payload'])('with two %s tags', async (name) => {
    const { tags: once } = httpAuthEvent(alice, POST)
    const twice = [...once, [name, 'another']]
    expect(await check(authorizationBy(alice, POST, { tags: twice }))).toMatchObject({ outcome: 'refused' })
  })

  it('whose payload is of a body that did not come', async () => {
    expect(await check(authorizationBy(alice, POST), { body: undefined })).toMatchObject({
      outcome: 'refused',
      reason: 'the payload tag is not the SHA-256 of the body',
    })
  })

  it.each([
    ['a wrong signature', { sig: '0'.repeat(128) }],
    ['another id', { id: '0'.repeat(64) }],
    ['another pubkey', { pubkey: person('mallory').pubkey }],
    ['another time', { created_at: NOW + 1 }],
  ])('with %s', async (_, change) => {
    const { id, pubkey, created_at, kind, tags, content, sig } = httpAuthEvent(alice, POST)
    const forged = { id, pubkey, created_at, kind, tags, content, sig, ...change }
    expect(await check(headerOf(forged))).toEqual({
      outcome: 'refused',
      reason: 'the event has a wrong id or signature',
    })
  })

  it.each([
    ['nothing', 'Nostr  ', 'the event must be encoded as base64'],
    ['what is no base64', 'Nostr {"kind":27235}', 'the event must be encoded as base64'],
    ['base64 with something between', 'Nostr e30= e30=', 'the event must be encoded as base64'],
    ['what is no JSON', 'Nostr aGVsbG8=', 'an event must be a JSON object'],
    ['what is no event', headerOf([]), 'an event must be a JSON object'],
    ['an event without a signature', headerOf({ kind: 27235 }), 'id must be 64 lower-case hex characters'],
    ['too much', `Nostr ${'A'.repeat(20_000)}`, 'the event must be encoded as base64'],
  ])('that is %s', async (_, authorization, reason) => {
    expect(await check(authorization)).toEqual({ outcome: 'refused', reason })
  })

  it('if its verifier fails', async () => {
    const broken = new HttpAuth({
      store,
      now: () => NOW,
      verifyEvent: () => Promise.reject(new Error('no thread is left')),
    })
    expect(await checkOn(broken, requestOf(authorizationBy(alice, POST)))).toMatchObject({
      outcome: 'refused',
    })
  })
})

describe('an event is accepted once', () => {
  const USED = { outcome: 'refused', reason: 'the event was used before' }

  it('as long as it is valid', async () => {
    let now = NOW
    const later = new HttpAuth({ store, now: () => now, verifyEvent })
    const authorization = authorizationBy(alice, POST, { created_at: NOW + 60 })
    expect(await checkOn(later, requestOf(authorization))).toEqual(AUTHENTICATED)
    for (const at of [NOW, NOW + 60, NOW + 119, NOW + 120]) {
      now = at
      expect(await checkOn(later, requestOf(authorization))).toEqual(USED)
    }
    now = NOW + 121
    expect(await checkOn(later, requestOf(authorization))).toMatchObject({
      reason: 'created_at is more than 60 seconds from now',
    })
  })

  it('also in another encoding', async () => {
    const authorization = authorizationBy(alice, POST)
    const [, token = ''] = authorization.split(' ')
    const again = JSON.stringify(JSON.parse(Buffer.from(token, 'base64').toString()), undefined, 2)
    expect(await check(authorization)).toEqual(AUTHENTICATED)
    expect(await check(`Nostr ${Buffer.from(again).toString('base64')}`)).toEqual(USED)
  })

  it('and is not used up by a request that is refused', async () => {
    const authorization = authorizationBy(alice, POST)
    expect(await check(authorization, { body: Buffer.from('another') })).toMatchObject({ outcome: 'refused' })
    expect(await check(authorization, { method: 'PUT' })).toMatchObject({ outcome: 'refused' })
    expect(await check(authorization)).toEqual(AUTHENTICATED)
  })

  describe.each(everyStore())('on %s', (_, open) => {
    it('of many requests at the same time', async () => {
      const shared = await open()
      const here = authOn(shared)
      const authorization = authorizationBy(alice, POST)
      const outcomes = await Promise.all(
        Array.from({ length: 20 }, () => checkOn(here, requestOf(authorization))),
      )
      expect(outcomes.filter(({ outcome }) => outcome === 'authenticated')).toHaveLength(1)
      expect(outcomes.filter(({ outcome }) => outcome === 'refused')).toHaveLength(19)
      await shared.close()
    })

    it('and by nobody if the store is down', async () => {
      const closed = await open()
      await closed.close()
      expect(await checkOn(authOn(closed), requestOf(authorizationBy(alice, POST)))).toEqual({
        outcome: 'unavailable',
      })
    })
  })

  it('by two servers that share a Redis', async () => {
    const real = await RealStores.start()
    try {
      const stores = await real.redisTwice()
      const servers = stores.map(authOn)
      const authorization = authorizationBy(alice, POST)
      const outcomes = await Promise.all(
        Array.from({ length: 10 }, () => servers)
          .flat()
          .map((server) => checkOn(server, requestOf(authorization))),
      )
      expect(outcomes.filter(({ outcome }) => outcome === 'authenticated')).toHaveLength(1)
      await Promise.all(stores.map((one) => one.close()))
    } finally {
      await real.stop()
    }
  })
})

describe('signed requests from one address', () => {
  it('are limited, because each costs the store something (I9)', async () => {
    let now = NOW
    const limited = new HttpAuth({ store, now: () => now, verifyEvent: () => true })
    const made = httpAuthEvent(alice, POST)
    const numbered = (number: number, change = {}) =>
      headerOf({ ...made, id: number.toString(16).padStart(64, '0'), created_at: now, ...change })
    const send = (authorization: string, address = '192.0.2.1') =>
      checkOn(limited, { ...requestOf(authorization), address })
    for (let index = 0; index < 600; index++) expect(await send(numbered(index))).toEqual(AUTHENTICATED)
    expect(await send(numbered(600))).toEqual({ outcome: 'limited' })
    expect(await send(numbered(601), '192.0.2.2')).toEqual(AUTHENTICATED)
    expect(await send(numbered(602, { kind: 1 }))).toMatchObject({ outcome: 'refused' })
    now += 60
    expect(await send(numbered(600))).toEqual(AUTHENTICATED)
  })
})

describe('the u tag', () => {
  it.each([
    ['wss://relay.example.com', 'https://relay.example.com/'],
    ['https://RELAY.example.com:443', 'https://relay.example.com/'],
    ['https://relay.example.com/nostr/', 'https://relay.example.com/nostr'],
    ['ws://127.0.0.1:7447/', 'http://127.0.0.1:7447'],
  ])('may be %s for %s', async (u, url) => {
    expect(await check(authorizationBy(alice, { ...POST, url: u }), { urls: [url] })).toEqual(AUTHENTICATED)
  })

  it('may be one of several URLs', async () => {
    const urls = ['https://relay.example.com/', 'http://127.0.0.1:9447/']
    const here = authorizationBy(alice, { ...POST, url: 'http://127.0.0.1:9447/' })
    expect(await check(here, { urls })).toEqual(AUTHENTICATED)
    const elsewhere = authorizationBy(alice, { ...POST, url: 'http://127.0.0.1:1/' })
    expect(await check(elsewhere, { urls })).toMatchObject({
      reason: 'the u tag must be https://relay.example.com/ or http://127.0.0.1:9447/',
    })
  })
})

describe('the URL of a request', () => {
  it.each([
    ['wss://relay.example.com', '/', 'https://relay.example.com/'],
    ['wss://relay.example.com/', '/api/v1/count?a=b', 'https://relay.example.com/api/v1/count?a=b'],
    ['ws://relay.example.com:8080', '/', 'http://relay.example.com:8080/'],
    ['wss://example.com/nostr', '/api/v1/count', 'https://example.com/nostr/api/v1/count'],
    ['wss://example.com/nostr', '/nostr/api/v1/count', 'https://example.com/nostr/api/v1/count'],
    ['wss://example.com/nostr', '/nostrich', 'https://example.com/nostr/nostrich'],
  ])('at %s for %s is %s, whatever the Host header says', (publicUrl, target, url) => {
    expect(requestUrl(requestTo(target, 'evil.example.com'), publicUrl)).toBe(url)
  })

  it.each([
    ['127.0.0.1:7447', 'http://127.0.0.1:7447/'],
    ['localhost:7447', 'http://localhost:7447/'],
    ['192.0.2.1', undefined],
    ['evil.example.com', undefined],
    ['localhost@evil.example.com', undefined],
    ['', undefined],
  ])('without a publicUrl is believed of the Host %j only if it names this machine: %s', (host, url) => {
    expect(requestUrl(requestTo('/', host), undefined)).toBe(url)
  })

  it.each(['http://evil.example.com/', '*', ''])('is not known for the target %j', (target) => {
    expect(requestUrl(requestTo(target, 'localhost'), undefined)).toBeUndefined()
  })

  it('is the relay URL with the scheme of HTTP', () => {
    expect(httpUrlOf('wss://relay.example.com/')).toBe('https://relay.example.com')
    expect(httpUrlOf('ws://relay.example.com/nostr')).toBe('http://relay.example.com/nostr')
  })
})

function authOn(shared: KeyPackageStore): HttpAuth {
  return new HttpAuth({ store: shared, now: () => NOW, verifyEvent })
}

interface Checked extends SignedRequest {
  readonly body: Buffer | undefined
}

function requestOf(authorization: string | undefined): Checked {
  return {
    authorization,
    method: 'POST',
    urls: [URL_OF_RELAY],
    body: Buffer.from(BODY),
    address: '192.0.2.1',
  }
}

function check(authorization: string | undefined, change: Partial<Checked> = {}): Promise<Authorisation> {
  return checkOn(auth, { ...requestOf(authorization), ...change })
}

async function checkOn(server: HttpAuth, request: Checked): Promise<Authorisation> {
  const signature = await server.examine(request)
  return signature.outcome === 'signed' ? signature.complete(request.body) : signature
}

/** The tags of a valid event with these values; undefined leaves the tag out. */
function tags(values: Readonly<Record<string, string | undefined>>) {
  const usual = httpAuthEvent(alice, POST).tags
  return {
    tags: usual.flatMap(([name = '', value = '']) => {
      const changed = name in values ? values[name] : value
      return changed === undefined ? [] : [[name, changed]]
    }),
  }
}

function requestTo(url: string, host: string): IncomingMessage {
  return { url, headers: { host }, socket: { localAddress: '::ffff:127.0.0.1' } } as IncomingMessage
}
