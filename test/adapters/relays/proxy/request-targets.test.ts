/** No request leaves the relay's base path or becomes two requests on its way, in whichever form it is written (RFC 9112). */

import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { WebSocket, WebSocketServer } from 'ws'
import { startProxy, upstreamUrl } from '../../../../adapters/relays/proxy/proxy.ts'
import type { HttpHandler, Listener } from '../../../../adapters/relays/server/listener.ts'
import { memoryStore } from '../../../../adapters/storage/memory.ts'
import { testGateway } from '../../../support/serving.ts'

/** What came to the relay: method, target, host and body. */
let arrived: string[]
let relay: Server
let proxy: Listener

beforeEach(async () => {
  arrived = []
  relay = createServer(async (request, response) => {
    const { method, url, headers } = request
    // The proxy itself asks for the relay's limits (NIP-11).
    if (headers.accept === 'application/nostr+json') return void response.writeHead(404).end()
    arrived.push(`${method} ${url} ${headers.host} ${await text(request)}`)
    response.end('from the relay')
  })
  const sockets = new WebSocketServer({ server: relay })
  sockets.on('connection', (socket, { url, headers }) => {
    arrived.push(`WS ${url} ${headers.host}`)
    socket.close()
  })
  relay.listen(0, '127.0.0.1')
  await once(relay, 'listening')
  await startAt('/relay')
})

afterEach(async () => {
  await proxy.close()
  relay.closeAllConnections()
  relay.close()
})

async function startAt(base: string, http?: HttpHandler) {
  await proxy?.close()
  const { gateway, log } = testGateway(memoryStore())
  const upstream = `ws://127.0.0.1:${(relay.address() as AddressInfo).port}${base}`
  proxy = await startProxy({ gateway, log, upstream, ...(http && { http }) })
}

/** The beginning of what the proxy sends back for these bytes. */
async function send(bytes: string): Promise<string> {
  const socket = connect(proxy.port, '127.0.0.1')
  socket.write(bytes)
  const [answer = ''] = await Promise.race([once(socket, 'data'), once(socket, 'close')])
  socket.destroy()
  return String(answer)
}

const request = (target: string, { method = 'GET', headers = '', body = '' } = {}) =>
  send(`${method} ${target} HTTP/1.1\r\nHost: own.example.com\r\n${headers}Connection: close\r\n\r\n${body}`)

const handshake = (target: string, headers = '') =>
  request(target, {
    headers:
      'Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n' +
      `Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n${headers}`,
  })

const LEAVING = [
  '/../admin',
  '/%2e%2e/admin',
  '/..%2fadmin',
  '/..\\admin',
  '/\\..\\admin',
  '/%252e%252e/admin',
  '/..;/admin',
]

describe('a path', () => {
  it.each([
    ['/', '/relay'],
    ['/?x', '/relay?x'],
    ['/path?x=/../y', '/relay/path?x=/../y'],
    ['//example.com/path', '/relay//example.com/path'],
    ['/./path', '/relay/path'],
  ])('%s goes to %s of the relay', async (target, path) => {
    expect(await request(target)).toMatch(/^HTTP\/1\.1 200 /)
    expect(await handshake(target)).toMatch(/^HTTP\/1\.1 101 /)
    expect(arrived).toEqual([`GET ${path} own.example.com `, `WS ${path} own.example.com`])
  })

  it.each(LEAVING)('%s is refused with 400, for a WebSocket as well', async (target) => {
    expect(await request(target)).toMatch(/^HTTP\/1\.1 400 /)
    expect(await request(`http://own.example.com${target}`)).toMatch(/^HTTP\/1\.1 400 /)
    expect(await handshake(target)).toMatch(/^HTTP\/1\.1 400 /)
    expect(arrived).toEqual([])
    expect(proxy.statistics().refused.invalid).toBe(1)
  })

  it.each(LEAVING)(
    '%s is refused by a relay without a base path, and shown to no part of the HTTP interface',
    async (target) => {
      const shown: unknown[] = []
      await startAt('', ({ url }) => shown.push(url) < 0)
      expect(await request(target)).toMatch(/^HTTP\/1\.1 400 /)
      expect([arrived, shown]).toEqual([[], []])
    },
  )

  it.each([
    ['ws://relay/', '/', '/'],
    ['ws://relay/base', '/', '/base'],
    ['ws://relay/base/', '/', '/base/'],
    ['ws://relay/base/', '/x', '/base/x'],
    ['ws://relay/base?token=1', '/x?y', '/base/x?token=1&y'],
    ['ws://relay/base?token=1', '/', '/base?token=1'],
  ])('below %s: %s is %s', (base, url, path) => {
    const { pathname, search } = upstreamUrl(base, { url }) ?? {}
    expect(`${pathname}${search}`).toBe(path)
  })

  it('keeps the credentials of the relay', () => {
    expect(upstreamUrl('wss://user:pass@relay/base', { url: '/x' })?.href).toBe(
      'wss://user:pass@relay/base/x',
    )
  })
})

describe('other forms of a request target', () => {
  it.each([
    ['http://named.example.com/path?x', '/relay/path?x', 'named.example.com'],
    ['https://named.example.com:8443', '/relay', 'named.example.com:8443'],
    ['http://named.example.com//127.0.0.1/x', '/relay//127.0.0.1/x', 'named.example.com'],
  ])('%s is a path, and a Host in place of the header', async (target, path, host) => {
    expect(await request(target)).toMatch(/^HTTP\/1\.1 200 /)
    expect(await handshake(target)).toMatch(/^HTTP\/1\.1 101 /)
    expect(arrived).toEqual([`GET ${path} ${host} `, `WS ${path} ${host}`])
  })

  it('are answered without the relay where they name the server, or no path at all', async () => {
    expect(await request('*', { method: 'OPTIONS' })).toMatch(/^HTTP\/1\.1 204 /)
    expect(await request('*')).toMatch(/^HTTP\/1\.1 400 /)
    expect(await request('own.example.com:443', { method: 'CONNECT' })).toMatch(/^HTTP\/1\.1 405 /)
    expect(await request('ftp://own.example.com/')).toMatch(/^HTTP\/1\.1 400 /)
    expect(await request('http://user@own.example.com/')).toMatch(/^HTTP\/1\.1 400 /)
    expect(arrived).toEqual([])
  })
})

describe('a request that hides another', () => {
  const HIDDEN = 'GET /admin HTTP/1.1\r\nHost: hidden\r\n\r\n'
  const length = `Content-Length: ${HIDDEN.length}\r\n`
  const chunked = `${HIDDEN.length.toString(16)}\r\n${HIDDEN}\r\n0\r\n\r\n`

  it.each([
    ['behind a Connection header that names its length', `Connection: content-length\r\n${length}`, HIDDEN],
    [
      'behind a Connection header that names its coding',
      'Connection: transfer-encoding\r\nTransfer-Encoding: chunked\r\n',
      chunked,
    ],
    ['behind a Connection header that names its host', `Connection: host\r\n${length}`, HIDDEN],
  ])('%s arrives as the body that it is', async (_, headers, body) => {
    expect(await request('/path', { headers, body })).toMatch(/^HTTP\/1\.1 200 /)
    expect(arrived).toEqual([`GET /relay/path own.example.com ${HIDDEN}`])
  })

  it.each([
    ['in a length and a coding', `${length}Transfer-Encoding: chunked\r\n`],
    ['in two lengths', `${length}Content-Length: 0\r\n`],
    ['in a length with a sign', 'Content-Length: +0\r\n'],
    ['in a coding before the last', 'Transfer-Encoding: chunked, identity\r\n'],
    ['in a coding that is no coding', 'Transfer-Encoding: xchunked\r\n'],
    ['in a coding in front of another', 'Transfer-Encoding: gzip, chunked\r\n'],
    [
      'in a header that goes on in the next line',
      'X: y\r\n Transfer-Encoding: chunked\r\nContent-Length : 3\r\n',
    ],
    ['in a second host', 'Host: other.example.com\r\n'],
    ['in a name with a space', `Content-Length : ${HIDDEN.length}\r\n`],
    ['in a bare line feed', `X: y\nContent-Length: ${HIDDEN.length}\r\n\r\n`],
  ])('%s does not arrive', async (_, headers) => {
    expect(await request('/path', { headers, body: HIDDEN })).toMatch(/^HTTP\/1\.1 (400|501) /)
    expect(arrived.filter((line) => line.includes('admin'))).toEqual([])
  })

  it('in the body of a handshake does not arrive', async () => {
    await handshake('/path', `${length}\r\n${HIDDEN}`)
    expect(arrived.filter((line) => !line.startsWith('WS /relay/path'))).toEqual([])
  })
})

describe('a handshake', () => {
  it.each([
    ['another protocol', 'Upgrade: h2c\r\nConnection: Upgrade\r\n'],
    ['no key', 'Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n'],
  ])('for %s does not reach the relay', async (_, headers) => {
    expect(await request('/', { headers })).toMatch(/^HTTP\/1\.1 400 /)
    expect(arrived).toEqual([])
  })

  it('for a WebSocket does', async () => {
    await once(new WebSocket(`${proxy.url}/path`), 'close')
    expect(arrived).toHaveLength(1)
  })
})
