/** The page is served with its headers: cached by name, compressed, and unable to load anything from elsewhere. */

import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { PAGE_FOLDER, type PageSettings, pagePart } from '../../../adapters/http/page.ts'
import { httpHandler } from '../../../adapters/http/routing.ts'
import { type HttpRequest, http, serveHttp, type TestHttpServer } from '../../support/http.ts'
import { scratch } from '../../support/scratch.ts'

const HTML = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' }
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
const MAX_BYTES = 150_000

const assets = readdirSync(join(PAGE_FOLDER, 'assets')).filter((name) => !/\.(br|gz)$/.test(name))
const asset = `assets/${assets.find((name) => name.endsWith('.js'))}`

describe.each<[where: string, settings: PageSettings]>([
  ['at /', { base: '', view: 'person' }],
  ['below a path', { base: '/keypackages', view: 'person' }],
  ["on the operator's listener", { base: '', view: 'operator' }],
])('the page %s', (_where, settings) => {
  let server: TestHttpServer
  beforeAll(async () => {
    server = await servePage(settings)
  })
  afterAll(() => server.close())
  const get = (path: string, request: HttpRequest = {}) =>
    http(`${server.url}${settings.base}${path}`, { headers: HTML, ...request })

  it('is HTML that may load from this server alone, be framed by nobody, and send no address on', async () => {
    const { status, headers, body } = await get('/')
    expect({ status, type: headers['content-type'] }).toEqual({
      status: 200,
      type: 'text/html; charset=utf-8',
    })
    expect(body).toMatch(/^<!doctype html>/)
    expect(headers).toMatchObject({
      'content-security-policy': POLICY,
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
      'cache-control': 'no-cache',
    })
  })

  it('names only assets that are there, by addresses relative to it', async () => {
    const { body } = await get('/')
    const named = [...body.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, address = '']) => address)
    expect(named.length).toBeGreaterThanOrEqual(4)
    expect(named.filter((address) => !address.startsWith('./assets/'))).toEqual([])
    const answers = await Promise.all(named.map((address) => get(address.slice(1))))
    expect(answers.map(({ status }) => status)).toEqual(named.map(() => 200))
  })

  it('has assets that are kept for ever, for their names change with their content', async () => {
    const { headers } = await get(`/${asset}`)
    expect(headers['cache-control']).toBe('public, max-age=31536000, immutable')
    expect(headers['content-type']).toBe('text/javascript; charset=utf-8')
    expect(headers['content-security-policy']).toBe(POLICY)
  })

  it('is not sent again to a client that has it', async () => {
    const { headers } = await get('/')
    const again = await get('/', { headers: { ...HTML, 'if-none-match': String(headers.etag) } })
    expect([again.status, again.body]).toEqual([304, ''])
    const other = await get('/', { headers: { ...HTML, 'if-none-match': '"another"' } })
    expect(other.status).toBe(200)
  })

  it('answers HEAD without a body', async () => {
    const [got, asked] = await Promise.all([get(`/${asset}`), get(`/${asset}`, { method: 'HEAD' })])
    expect(asked.body).toBe('')
    expect(asked.headers['content-length']).toBe(got.headers['content-length'])
  })

  it.each([
    ['br', brotliDecompressSync],
    ['gzip', gunzipSync],
  ] as const)('is compressed as %s for clients that accept it', async (encoding, decompress) => {
    const headers = { ...HTML, 'accept-encoding': `deflate, ${encoding}` }
    const response = await fetchBytes(`${server.url}${settings.base}/${asset}`, headers)
    expect(response.headers['content-encoding']).toBe(encoding)
    expect(response.headers.vary).toContain('accept-encoding')
    expect(decompress(response.bytes).equals(readFileSync(join(PAGE_FOLDER, asset)))).toBe(true)
  })

  it('is not compressed for clients that refuse it', async () => {
    for (const accepted of ['identity', 'br;q=0, gzip;q=0.0', 'brotli']) {
      const { headers } = await get(`/${asset}`, { headers: { ...HTML, 'accept-encoding': accepted } })
      expect(headers['content-encoding']).toBeUndefined()
    }
  })

  it.each([
    '/nothing',
    '/assets/',
    '/assets/../index.html',
    '/assets/%2e%2e/index.html',
    '/assets/__proto__',
    `/${asset}.br`,
    '/index.html',
    '/operator.html',
  ])('has nothing at %s', async (path) => {
    const { status } = await get(path)
    expect(status).toBe(404)
  })
})

describe('the page at /', () => {
  let server: TestHttpServer
  beforeAll(async () => {
    server = await servePage({ base: '', view: 'person' })
  })
  afterAll(() => server.close())

  it.each([
    ['who ask for the NIP-11 document', { headers: { accept: 'application/nostr+json, text/html' } }],
    ['who take anything', { headers: { accept: '*/*' } }],
    ['who say nothing', {}],
    ['who send something', { method: 'POST', headers: HTML }],
  ])('leaves those %s to the relay', async (_who, request) => {
    const { body } = await http(`${server.url}/`, request)
    expect(body).toBe("the relay's")
  })
})

describe('the page below a path', () => {
  let server: TestHttpServer
  beforeAll(async () => {
    server = await servePage({ base: '/keypackages', view: 'person' })
  })
  afterAll(() => server.close())

  it('is found without the slash', async () => {
    const { status, headers } = await http(`${server.url}/keypackages`, { headers: HTML })
    expect([status, headers.location]).toEqual([308, '/keypackages/'])
  })

  it('needs no HTML in Accept, for the path is its own', async () => {
    expect((await http(`${server.url}/keypackages/`)).body).toMatch(/^<!doctype html>/)
  })

  it('refuses other methods', async () => {
    const { status, headers } = await http(`${server.url}/keypackages/`, { method: 'POST' })
    expect([status, headers.allow]).toEqual([405, 'GET, HEAD'])
  })

  it.each(['/', '/keypackagesx', '/keypackages.html', '/assets/x.js'])(
    'leaves %s to the relay',
    async (path) => {
      expect((await http(server.url + path, { headers: HTML })).body).toBe("the relay's")
    },
  )
})

it('is another document for the operator', async () => {
  const [person, operator] = await Promise.all([
    servePage({ base: '', view: 'person' }),
    servePage({ base: '', view: 'operator' }),
  ])
  const [one, other] = await Promise.all([http(person.url, { headers: HTML }), http(operator.url)])
  expect(one.body).not.toBe(other.body)
  expect(other.body).toContain('<title>Operator')
  await Promise.all([person.close(), operator.close()])
})

it('says what to do if it has not been built', () => {
  expect(() => pagePart({ base: '', view: 'person', folder: scratch() })).toThrow('npm run build')
})

it(`has at most ${MAX_BYTES / 1000} kB in all, compressed with gzip`, () => {
  const files = readdirSync(PAGE_FOLDER, { recursive: true, encoding: 'utf8' })
  const sizes = files
    .filter((name) => name.endsWith('.gz'))
    .map((name) => readFileSync(join(PAGE_FOLDER, name)).length)
  expect(sizes.length).toBe(assets.length + 2)
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(MAX_BYTES)
})

function servePage(settings: PageSettings): Promise<TestHttpServer> {
  const answer = httpHandler([pagePart(settings)])
  return serveHttp((request, response) => {
    const pass = () => {
      request.resume()
      response.statusCode = request.url === '/' || settings.base !== '' ? 200 : 404
      response.end("the relay's")
    }
    if (!answer(request, response, '203.0.113.7', pass)) pass()
  })
}

async function fetchBytes(url: string, headers: Readonly<Record<string, string>>) {
  const sent = request(url, { headers, agent: false })
  sent.end()
  const [response] = await once(sent, 'response')
  return { headers: response.headers, bytes: await buffer(response) }
}
