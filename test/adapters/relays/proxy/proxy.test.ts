/** The proxy over real sockets: client addresses, headers, limits, plain HTTP requests, slow readers, stopping. */

import { once } from 'node:events'
import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import { afterEach, describe, expect, it } from '@jest/globals'
import { type ClientOptions, WebSocket } from 'ws'
import { Client } from '../../../support/client.ts'
import { eventually } from '../../../support/eventually.ts'
import { NOW, signEvent } from '../../../support/key-packages.ts'
import { person } from '../../../support/people.ts'
import { startTestProxy, type TestProxy, type TestProxySettings } from '../../../support/proxy.ts'
import { INFORMATION } from '../../../support/relay.ts'

const alice = person('alice')

let proxy: TestProxy
const sockets: WebSocket[] = []

async function start(settings: TestProxySettings = {}): Promise<void> {
  proxy = await startTestProxy(settings)
}

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.terminate()
  await proxy.stop()
})

async function connect(options: ClientOptions = {}, protocols: string[] = []): Promise<WebSocket> {
  const socket = new WebSocket(proxy.url, protocols, options)
  sockets.push(socket)
  await once(socket, 'open')
  return socket
}

async function ask(method: string, headers: Record<string, string> = {}, body = '') {
  const url = `${proxy.url.replace('ws', 'http')}/some/path?x=1`
  const sent = request(url, { method, headers })
  sent.end(body)
  const [answer] = await once(sent, 'response')
  return { status: answer.statusCode, headers: answer.headers, body: await text(answer) }
}

/** The headers of the handshake that the relay received. */
const handshake = () => proxy.relay.handshakes.at(-1)?.headers ?? {}

describe("the client's address", () => {
  it('is forwarded as one address, whatever an untrusted client claims, with one warning in the log', async () => {
    await start()
    for (const forwarded of ['203.0.113.9', '203.0.113.10']) {
      const claimed = { 'x-forwarded-for': forwarded, 'x-real-ip': forwarded, 'true-client-ip': forwarded }
      const alike = { x_forwarded_for: forwarded, 'x-real_ip': forwarded }
      await connect({ headers: { ...claimed, ...alike, forwarded: `for=${forwarded}` } })
      expect(handshake()).toMatchObject({ 'x-forwarded-for': '127.0.0.1', 'x-real-ip': '127.0.0.1' })
      expect([handshake().forwarded, handshake()['true-client-ip']]).toEqual([undefined, undefined])
      expect(Object.keys(handshake()).filter((name) => name.includes('_'))).toEqual([])
    }
    const warnings = proxy.log.lines.filter(({ level }) => level === 'warn')
    expect(warnings).toEqual([
      expect.objectContaining({ message: expect.stringMatching(/forwarding header that is not trusted/) }),
    ])
  })

  it('from a trusted proxy is given to the relay alone, in each header that a relay may read', async () => {
    await start({ proxy: { trust: ['127.0.0.0/8'] } })
    const forwarded = 'for=198.51.100.1, for="[2001:db8::7]:4711";proto=https'
    const named = { 'x-forwarded-for': '198.51.100.1, [2001:db8::7]:4711', forwarded }
    await connect({ headers: { ...named, 'x-forwarded-proto': 'https', 'cf-connecting-ip': '198.51.100.2' } })
    expect(handshake()).toMatchObject({
      'x-forwarded-for': '2001:db8::7',
      'x-real-ip': '2001:db8::7',
      forwarded: 'for="[2001:db8::7]"',
      'x-forwarded-proto': 'https',
      'cf-connecting-ip': '198.51.100.2',
    })
    expect(proxy.log.lines).toEqual([])
  })
})

describe('the handshake', () => {
  it('forwards Host, Origin, User-Agent, cookies and path unchanged', async () => {
    await start()
    const headers = {
      host: 'relay.example.com',
      'user-agent': 'a client',
      cookie: 'a=1',
      authorization: 'Basic x',
    }
    const socket = new WebSocket(`${proxy.url}/path?token=1`, { headers, origin: 'https://app.example.com' })
    sockets.push(socket)
    await once(socket, 'open')
    expect(handshake()).toMatchObject({ ...headers, origin: 'https://app.example.com' })
    expect(proxy.relay.handshakes.at(-1)?.url).toBe('/path?token=1')
  })

  it("selects the relay's subprotocol", async () => {
    await start()
    expect((await connect({}, ['nostr', 'other'])).protocol).toBe('nostr')
    expect((await connect()).protocol).toBe('')
  })

  it('is answered with 429 beyond the maximum for one address, and 503 beyond the maximum for all', async () => {
    await start({
      server: { maxConnections: 3, maxConnectionsPerAddress: 2 },
      proxy: { trust: ['127.0.0.1'] },
    })
    const from = (address: string) => connect({ headers: { 'x-forwarded-for': address } })
    const first = await from('2001:db8::1')
    const all = [first, await from('2001:db8::2')]
    await expect(from('2001:db8::3')).rejects.toThrow('429')
    all.push(await from('203.0.113.9'))
    for (const socket of all) {
      socket.send('["REQ","s",{"kinds":[1]}]')
      for (let message = ''; !message.includes('EOSE'); ) message = String(await once(socket, 'message'))
    }
    await expect(from('203.0.113.10')).rejects.toThrow('503')
    first.close()
    await eventually('there is room again', () => from('203.0.113.10'))
  })

  it('that is invalid leaves no connection to the relay open', async () => {
    await start()
    const broken = { connection: 'upgrade', upgrade: 'websocket', 'sec-websocket-version': '99' }
    expect((await ask('GET', broken)).status).toBe(400)
    await eventually('the relay has no client', () => proxy.relay.sockets.size === 0)
  })
})

describe('plain HTTP requests', () => {
  it('are forwarded to the relay', async () => {
    await start()
    const answer = await ask('POST', { 'content-type': 'text/plain' }, 'a body')
    expect(answer).toMatchObject({ status: 200, body: 'a body', headers: { 'content-type': 'text/html' } })
  })

  it('with a chunked body stay delimited', async () => {
    await start()
    const answer = await ask('GET', { 'transfer-encoding': 'chunked' }, 'GET / HTTP/1.1\r\n\r\n')
    expect(answer.body).toBe('GET / HTTP/1.1\r\n\r\n')
  })

  it("for the NIP-11 document get the relay's with the gateway's limits, the stricter of two", async () => {
    await start({ server: { maxSubscriptions: 12 }, gateway: { kinds: [443, 30443] } })
    const answer = await ask('GET', { accept: 'application/nostr+json' })
    expect(answer.headers).toMatchObject({
      'content-type': 'application/nostr+json',
      'access-control-allow-origin': '*',
    })
    expect(JSON.parse(answer.body)).toEqual({
      ...INFORMATION,
      supported_nips: [1, 11, 42, 45],
      supported_mips: [0, 1, 2, 3],
      limitation: {
        ...INFORMATION.limitation,
        max_subscriptions: 12,
        max_subid_length: 64,
        restricted_writes: true,
      },
      key_packages: expect.objectContaining({ kinds: [443, 30443], max_authors: 500 }),
    })
  })

  it('for the NIP-11 document get what the operator says where the relay says nothing', async () => {
    const server = {
      name: 'ours',
      pubkey: 'a'.repeat(64),
      contact: 'mailto:op@example.com',
      termsOfService: 'https://relay.example.com/terms',
    }
    await start({ server })
    const answer = await ask('GET', { accept: 'application/nostr+json' })
    const { name, pubkey, contact, terms_of_service } = JSON.parse(answer.body)
    expect({ name, pubkey, contact, terms_of_service }).toEqual({
      name: INFORMATION.name,
      pubkey: INFORMATION.pubkey,
      contact: server.contact,
      terms_of_service: server.termsOfService,
    })
  })

  it('are answered with 502 while the relay is down', async () => {
    await start()
    await proxy.relay.stop()
    expect((await ask('GET')).status).toBe(502)
    expect((await ask('GET', { accept: 'application/nostr+json' })).status).toBe(502)
  })
})

describe('a client', () => {
  const note = (content: string) =>
    signEvent(alice.secretKey, { kind: 1, created_at: NOW, tags: [], content })

  it('that does not read stops the proxy from reading the relay, and gets everything later', async () => {
    await start({ server: { maxBufferedBytes: 65_536 } })
    const socket = await connect()
    const [upstream] = proxy.relay.sockets
    for (let index = 0; index < 200; index++) proxy.relay.keep(note(`${index}`.repeat(50_000)))
    socket.pause()
    socket.send('["REQ","all",{}]')
    await eventually('the relay has to wait', () => (upstream?.bufferedAmount ?? 0) > 1_000_000)
    let events = 0
    const ended = new Promise<void>((resolve) => {
      socket.on('message', (data) => {
        const frame = String(data)
        if (frame.startsWith('["EVENT"')) events += 1
        if (frame === '["EOSE","all"]') resolve()
      })
    })
    socket.resume()
    await ended
    expect(events).toBe(200)
  })

  it('that sends a message nested too deeply gets a NOTICE', async () => {
    await start()
    const client = await Client.greeted(proxy.url)
    sockets.push(client.socket)
    client.sendRaw(`["DEEP",${'['.repeat(100_000)}${']'.repeat(100_000)}]`)
    expect(await client.next()).toEqual(['NOTICE', expect.stringMatching(/^invalid: /)])
  })

  it('whose message is too large once decompressed is closed with 1009 (I9)', async () => {
    await start({ proxy: { compression: true } })
    const socket = await connect()
    expect(socket.extensions).toContain('permessage-deflate')
    socket.send(JSON.stringify(['REQ', ' '.repeat(50_000_000)]))
    const [code] = await once(socket, 'close')
    expect(code).toBe(1009)
    expect(proxy.relay.received).toEqual([])
  })

  it('is closed with the code and reason with which the relay closes', async () => {
    await start()
    const socket = await connect()
    const closed = once(socket, 'close')
    for (const upstream of proxy.relay.sockets) upstream.close(4001, 'go away')
    const [code, reason] = await closed
    expect([code, String(reason)]).toEqual([4001, 'go away'])
  })
})

describe('stopping', () => {
  it("waits for the relay's answers, then closes with 1001", async () => {
    await start()
    const socket = await connect()
    const heard: string[] = []
    socket.on('message', (data) => heard.push(String(data)))
    const [upstream] = proxy.relay.sockets
    upstream?.pause()
    const event = signEvent(alice.secretKey, { kind: 1, created_at: NOW, tags: [], content: '' })
    socket.send(JSON.stringify(['EVENT', event]))
    await ask('GET')
    const closed = once(socket, 'close')
    const stopped = proxy.stop()
    await expect(connect()).rejects.toThrow()
    upstream?.resume()
    expect((await closed)[0]).toBe(1001)
    expect(heard.at(-1)).toMatch(/^\["OK"/)
    await stopped
  })
})
