/** What admins do by NIP-86 with a relay behind: both are told, and the answer says what each did. */

import { afterEach, describe, expect, it } from '@jest/globals'
import { http, rawHttp } from '../../../support/http.ts'
import { authorizationBy } from '../../../support/http-auth.ts'
import {
  admin,
  call,
  documentOf,
  type Managed,
  type ManagedRelay,
  type ManagedSettings,
  type RelayScript,
  SIGNED_URL,
  startManaged,
  startManagedRelay,
} from '../../../support/management.ts'
import { type Person, person } from '../../../support/people.ts'

const alice = person('alice').pubkey
const bob = person('bob').pubkey
const RPC = 'application/nostr+json+rpc'

let server: Managed
let relay: ManagedRelay

async function start(
  script: RelayScript,
  settings: ManagedSettings = {},
  nips: readonly number[] = [1, 86],
): Promise<void> {
  relay = await startManagedRelay(script, nips)
  server = await startManaged({ upstream: relay.url.replace('http', 'ws'), ...settings })
}

afterEach(async () => {
  await server.stop()
  await relay.close()
})

const banned = async () => (await server.store.accessRules()).map(({ subject }) => subject)

describe('a method that both have', () => {
  it('is carried out by both', async () => {
    await start(() => ({ result: true }))
    expect(await call(server, 'banpubkey', [alice, 'spam'])).toMatchObject({
      status: 200,
      answer: { result: true, gateway: 'done', relay: 'done' },
    })
    expect(await banned()).toEqual([alice])
    expect(relay.received).toMatchObject([{ method: 'banpubkey', params: [alice, 'spam'] }])
  })

  it('reaches the relay with the bytes and the authorisation that the admin signed, and our headers alone', async () => {
    await start(() => ({ result: true }))
    const body = `{ "params": ["${alice}"],\n "method": "banpubkey", "more": 1 }`
    const authorization = authorizationBy(admin, {
      method: 'POST',
      url: SIGNED_URL,
      body,
      now: server.now(),
    })
    const headers = { authorization, cookie: 'a=1', 'x-forwarded-for': '203.0.113.7', te: 'trailers' }
    expect(await call(server, '', [], { body, headers })).toMatchObject({ status: 200 })
    const [received] = relay.received
    expect(received?.body).toBe(body)
    expect(received?.headers).toEqual({
      authorization,
      'content-type': RPC,
      'content-length': String(body.length),
      accept: RPC,
      'accept-encoding': 'identity',
      host: 'relay.example.com',
      'x-forwarded-host': 'relay.example.com',
      'x-forwarded-proto': 'https',
      'x-forwarded-for': '127.0.0.1',
      'x-real-ip': '127.0.0.1',
      connection: expect.any(String),
    })
  })

  it.each([
    ['refuses', () => ({ error: 'blocked: not here' }), 'blocked: not here'],
    ['takes for unauthorised', () => ({ status: 401, text: '' }), 'HTTP status 401'],
    ['answers with false', () => ({ result: false }), 'the result is false'],
    ['fails to do', () => ({ status: 500, text: 'oops' }), 'HTTP status 500'],
  ] as const)('and that the relay %s, was done by the gateway alone', async (_, script, reason) => {
    await start(script)
    expect(await call(server, 'banpubkey', [alice])).toMatchObject({
      status: 502,
      answer: {
        error: `the gateway has done it, the relay behind has not: ${reason}`,
        gateway: 'done',
        relay: reason,
      },
    })
    expect(await banned()).toEqual([alice])
  })

  it('was done by the gateway alone when the relay is down', async () => {
    await start(() => ({ result: true }))
    await relay.close()
    const { status, answer } = await call(server, 'banpubkey', [alice])
    expect(status).toBe(502)
    expect(answer).toMatchObject({ gateway: 'done', relay: expect.stringMatching(/^it did not answer: /) })
    expect(await banned()).toEqual([alice])
    relay = await startManagedRelay(() => ({ result: true }))
  })

  it('was done by the relay alone when the gateway cannot do it', async () => {
    await start(() => ({ result: true }), { access: { ban: [alice] } })
    expect(await call(server, 'unbanpubkey', [alice])).toMatchObject({
      status: 400,
      answer: {
        error: expect.stringMatching(/^the relay behind has done it, the gateway has not: still banned/),
        gateway: expect.stringMatching(/^still banned/),
        relay: 'done',
      },
    })
  })

  it('was done by neither when both refuse', async () => {
    await start(() => ({ error: 'no' }), { access: { ban: [alice] } })
    expect(await call(server, 'unbanpubkey', [alice])).toMatchObject({
      status: 400,
      answer: { error: expect.stringMatching(/^neither has done it; .*; the relay behind: no$/) },
    })
  })

  it('with wrong parameters is told to neither', async () => {
    await start(() => ({ result: true }))
    expect(await call(server, 'banpubkey', ['x'])).toMatchObject({ status: 400 })
    expect(relay.received).toEqual([])
  })

  it('is told to nobody when the store cannot say whether it was asked before (I7)', async () => {
    await start(() => ({ result: true }))
    await server.failStore()
    expect(await call(server, 'banpubkey', [alice])).toMatchObject({ status: 503 })
    expect(relay.received).toEqual([])
  })

  it('is told to neither a second time', async () => {
    await start(() => ({ result: true }))
    const body = JSON.stringify({ method: 'banpubkey', params: [alice] })
    const signed = { method: 'POST', url: SIGNED_URL, body, now: server.now() }
    const headers = { authorization: authorizationBy(admin, signed) }
    const outcomes = await Promise.all([1, 2, 3].map(() => call(server, '', [], { body, headers })))
    expect(outcomes.map(({ status }) => status).sort()).toEqual([200, 401, 401])
    expect(relay.received).toHaveLength(1)
  })

  it('is in the log with what each did', async () => {
    await start(() => ({ error: 'no' }))
    await call(server, 'banpubkey', [alice])
    expect(server.log.lines.at(-1)).toMatchObject({
      level: 'warn',
      fields: { admin: admin.pubkey, method: 'banpubkey', subject: alice, gateway: 'done', relay: 'no' },
    })
  })
})

describe('a method that the relay does not have', () => {
  it.each([
    ['says', () => ({ error: "method 'banpubkey' not known" })],
    ['says otherwise', () => ({ error: 'unknown method' })],
    ['has no NIP-86', () => ({ status: 200, text: 'Please use a Nostr client to connect.' })],
    ['has no such page', () => ({ status: 404, text: 'not found' })],
    ['wants a WebSocket', () => ({ status: 426, text: '' })],
  ] as const)('is carried out by the gateway alone: the relay %s', async (_, script) => {
    await start(script)
    expect(await call(server, 'banpubkey', [alice])).toMatchObject({
      status: 200,
      answer: { result: true, gateway: 'done', relay: 'does not have this method' },
    })
    expect(await banned()).toEqual([alice])
  })
})

describe('a method that only the relay has', () => {
  it('is passed on to it', async () => {
    await start(() => ({ result: [1, 7] }))
    expect(await call(server, 'listallowedkinds')).toMatchObject({ status: 200, answer: { result: [1, 7] } })
    expect(relay.received).toMatchObject([{ method: 'listallowedkinds' }])
  })

  it.each([
    ['refuses', () => ({ error: 'no' }), 400, 'no'],
    [
      'does not have either',
      () => ({ error: 'unknown method' }),
      400,
      'the method "banevent" is not supported',
    ],
    ['cannot carry out', () => ({ status: 500, text: '' }), 502, 'the relay behind: HTTP status 500'],
  ] as const)('and that it %s, has an error', async (_, script, status, error) => {
    await start(script)
    expect(await call(server, 'banevent', ['f'.repeat(64)])).toMatchObject({ status, answer: { error } })
  })
})

describe('a list', () => {
  it('has what both have, each once', async () => {
    await start(({ method }) =>
      method === 'listbannedpubkeys'
        ? {
            result: [
              { pubkey: bob, reason: 'theirs' },
              { pubkey: alice, reason: 'theirs' },
              'nonsense',
              null,
            ],
          }
        : { result: true },
    )
    await call(server, 'banpubkey', [alice, 'ours'])
    expect((await call(server, 'listbannedpubkeys')).answer).toEqual({
      result: [
        { pubkey: bob, reason: 'theirs' },
        { pubkey: alice, reason: 'ours' },
      ],
      gateway: 'done',
      relay: 'done',
    })
  })

  it('is ours where the relay has null, as those in Go do for an empty one', async () => {
    await start(() => ({ result: null }))
    await call(server, 'blockip', ['203.0.113.7'])
    expect((await call(server, 'listblockedips')).answer).toMatchObject({
      result: [{ ip: '203.0.113.7' }],
      relay: 'done',
    })
  })

  it("is ours, with an error, where the relay's cannot be had", async () => {
    await start(() => ({ status: 503, text: '' }))
    await call(server, 'banpubkey', [alice])
    expect(await call(server, 'listbannedpubkeys')).toMatchObject({
      status: 502,
      answer: { result: [{ pubkey: alice }], error: expect.stringContaining('HTTP status 503') },
    })
  })
})

describe('supportedmethods', () => {
  it('names those of both', async () => {
    await start(() => ({ result: ['supportedmethods', 'banpubkey', 'banevent', 7] }))
    const { answer } = await call(server, 'supportedmethods')
    expect(answer.result).toEqual(expect.arrayContaining(['banevent', 'changerelayicon', 'blockip']))
    expect(answer.result).not.toContain('supportedmethods')
    expect(answer.relay).toBe('done')
  })

  it('names ours where the relay does not accept the admin', async () => {
    await start(() => ({ status: 403, text: '' }))
    const { status, answer } = await call(server, 'supportedmethods')
    expect({ status, relay: answer.relay }).toEqual({ status: 200, relay: 'HTTP status 403' })
    expect(answer.result).toContain('banpubkey')
  })
})

describe('what the relay says about itself', () => {
  it('is what an admin said last, whatever the relay behind says', async () => {
    await start(() => ({ error: 'unknown method' }))
    expect(await documentOf(server)).toMatchObject({ name: 'a relay', supported_nips: [1, 11, 42, 86, 98] })
    await call(server, 'changerelayname', ['Keys'])
    expect(await documentOf(server)).toMatchObject({ name: 'Keys' })
    await call(server, 'changerelayname', [''])
    expect(await documentOf(server)).toMatchObject({ name: 'a relay' })
  })
})

describe('a request by somebody else', () => {
  const mallory = person('mallory')

  it("is the relay's if it has NIP-86, with all of it", async () => {
    await start(() => ({ result: 'its own admin' }))
    expect(await call(server, 'banpubkey', [alice], { by: mallory })).toMatchObject({
      status: 200,
      answer: { result: 'its own admin' },
    })
    expect(relay.received).toMatchObject([{ method: 'banpubkey', params: [alice] }])
    expect(await banned()).toEqual([])
  })

  it('without authorisation likewise', async () => {
    await start(() => ({ status: 401, text: '{"error":"the relay says so"}' }))
    const headers = { 'content-type': RPC }
    expect(await http(server.httpUrl, { method: 'POST', headers, body: '{}' })).toMatchObject({
      status: 401,
      body: '{"error":"the relay says so"}',
    })
  })

  it('is refused here if it has none', async () => {
    await start(() => ({ status: 200, text: 'a landing page' }), {}, [1, 11])
    expect(await call(server, 'banpubkey', [alice], { by: mallory })).toMatchObject({ status: 403 })
    const headers = { 'content-type': RPC }
    expect(await http(server.httpUrl, { method: 'POST', headers, body: '{}' })).toMatchObject({ status: 401 })
    expect(relay.received).toEqual([])
  })

  it('is refused here if the relay is down', async () => {
    await start(() => ({ result: true }))
    await relay.close()
    expect(await call(server, 'banpubkey', [alice], { by: mallory })).toMatchObject({ status: 403 })
    relay = await startManagedRelay(() => ({ result: true }))
  })

  it("is refused here if it is not valid: it may be an admin's, used before", async () => {
    await start(() => ({ result: true }))
    const stale = { sign: { now: server.now() - 61 } }
    expect(await call(server, 'banpubkey', [alice], stale)).toMatchObject({ status: 401 })
    const headers = { authorization: 'Nostr e30=' }
    expect(await call(server, 'banpubkey', [alice], { headers })).toMatchObject({ status: 401 })
    expect(relay.received).toEqual([])
  })
})

describe("on the operator's listener", () => {
  it('the relay behind is told as well', async () => {
    await start(() => ({ result: true }), { listener: 'operator' })
    expect(await call(server, 'banpubkey', [alice])).toMatchObject({ status: 200 })
    expect(relay.received).toMatchObject([{ headers: { host: 'relay.example.com' } }])
  })

  it('nothing is passed on for others', async () => {
    await start(() => ({ result: true }), { listener: 'operator' })
    expect(await call(server, 'banpubkey', [alice], { by: person('mallory') })).toMatchObject({ status: 403 })
    expect(relay.received).toEqual([])
  })
})

describe('bytes that two readers could take differently', () => {
  const body = JSON.stringify({ method: 'banpubkey', params: [alice] })
  const by = (who: Person) =>
    `Authorization: ${authorizationBy(who, { method: 'POST', url: SIGNED_URL, body, now: server.now() })}\r\n`
  const head = `POST / HTTP/1.1\r\nHost: relay.example.com\r\nConnection: close\r\nContent-Type: ${RPC}\r\n`
  const length = `Content-Length: ${body.length}\r\n`
  const chunked = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`

  it('reach the relay with one length, also when they came in chunks', async () => {
    await start(() => ({ result: true }))
    const answer = await rawHttp(
      server.httpUrl,
      `${head}${by(admin)}Transfer-Encoding: chunked\r\n\r\n${chunked}`,
    )
    expect(answer).toMatch(/^HTTP\/1\.1 200 /)
    expect(relay.received).toMatchObject([{ body, headers: { 'content-length': String(body.length) } }])
    expect(relay.received[0]?.headers['transfer-encoding']).toBeUndefined()
  })

  it('are refused where they have two lengths', async () => {
    await start(() => ({ result: true }))
    const both = `${head}${by(admin)}${length}Transfer-Encoding: chunked\r\n\r\n${chunked}`
    expect(await rawHttp(server.httpUrl, both)).toMatch(/^HTTP\/1\.1 400 /)
    const twice = `${head}${by(admin)}${length}Content-Length: 0\r\n\r\n${body}`
    expect(await rawHttp(server.httpUrl, twice)).toMatch(/^HTTP\/1\.1 400 /)
    expect(relay.received).toEqual([])
  })

  it.each(['content-length', 'authorization'])(
    'do not lose the header %s because the client calls it one of this hop',
    async (name) => {
      await start(() => ({ result: true }))
      const sent = head.replace('Connection: close', `Connection: close, ${name}`)
      expect(await rawHttp(server.httpUrl, `${sent}${by(admin)}${length}\r\n${body}`)).toMatch(
        /^HTTP\/1\.1 200 /,
      )
      expect(relay.received).toMatchObject([
        { body, headers: { authorization: expect.stringMatching(/^Nostr /) } },
      ])
    },
  )

  it('with two authorisations have the first, here and at the relay', async () => {
    await start(() => ({ result: true }))
    const mallory = person('mallory')
    const [first, second] = [by(mallory), by(admin)]
    await rawHttp(server.httpUrl, `${head}${first}${second}${length}\r\n${body}`)
    expect(await banned()).toEqual([])
    expect(relay.received).toHaveLength(1)
    expect(`Authorization: ${relay.received[0]?.headers.authorization}\r\n`).toBe(first)
  })

  it('and another request behind them are one request each', async () => {
    await start(() => ({ result: true }))
    const more = `GET /next HTTP/1.1\r\nHost: relay.example.com\r\nConnection: close\r\n\r\n`
    const sent = head.replace('Connection: close\r\n', '')
    const answers = await rawHttp(server.httpUrl, `${sent}${by(admin)}${length}\r\n${body}${more}`)
    expect(answers.match(/HTTP\/1\.1 200 /g)).toHaveLength(2)
    expect(relay.received.map(({ body: received }) => received).sort()).toEqual(['', body])
  })
})
