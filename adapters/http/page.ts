/** Serves the page as it was built: one of its two documents, and the assets that they name. */

import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Exchange, HttpPart } from './routing.ts'

export interface PageSettings {
  /** The path below which the page is; empty where it is at `/`. */
  readonly base: string
  /** Whose page it is: a person's, on the public port, or the operator's, on their listener. */
  readonly view: 'person' | 'operator'
  /** Where the build has put it. */
  readonly folder?: string
}

/** A file of the page, and its compressed copies. */
interface PageFile {
  readonly type: string
  readonly etag: string
  readonly cacheControl: string
  readonly bytes: Readonly<Record<Encoding | 'identity', Buffer>>
}

type Encoding = (typeof ENCODINGS)[number]['name']

/** What a client may accept, the best first. */
const ENCODINGS = [
  { name: 'br', suffix: '.br' },
  { name: 'gzip', suffix: '.gz' },
] as const

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
}
/** The documents, by whose page it is. */
export const PAGE_DOCUMENTS = { person: 'index.html', operator: 'operator.html' } as const

/** An asset's name changes with its content. */
const FOR_EVER = 'public, max-age=31536000, immutable'
const ASK_EACH_TIME = 'no-cache'

/** The page loads nothing from other hosts, and no other page may show it in a frame. */
export const PAGE_SECURITY: OutgoingHttpHeaders = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
}

/** The compiled page is beside the compiled code: `dist/page`. */
export const PAGE_FOLDER = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? '../../dist/page/' : '../../page/', import.meta.url),
)

/**
 * Answers for the page. At `/` it answers those who ask for HTML, and leaves others to the relay; below another path it answers every
 * request, so it comes after the other parts there.
 * @throws Error if the page has not been built
 */
export function pagePart({ base, view, folder = PAGE_FOLDER }: PageSettings): HttpPart {
  const files = readPage(folder)
  const document = PAGE_DOCUMENTS[view]
  return (exchange) => {
    const { path, request, response } = exchange
    const name = nameIn(base, path)
    if (name === undefined || (base === '' && !isForPage(name, exchange, view))) return false
    if (name === 'without slash') return redirect(exchange, `${base}/`)
    const file = files.get(name === '' ? document : name)
    if (file === undefined || name.endsWith('.html')) return base !== '' && refuse(exchange, 404, 'not found')
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return refuse(exchange, 405, 'only GET is supported')
    return send(file, request, response)
  }
}

/** The name of the file that a path below the base means; undefined for a path that is not below it. */
function nameIn(base: string, path: string): string | undefined {
  if (base !== '' && path === base) return 'without slash'
  return path.startsWith(`${base}/`) ? path.slice(base.length + 1) : undefined
}

/** At `/` the relay answers: NIP-11 for those who ask for it, a sentence for the others. On the operator's listener nobody does. */
function isForPage(name: string, { request }: Exchange, view: PageSettings['view']): boolean {
  if (request.method !== 'GET' && request.method !== 'HEAD') return false
  if (name !== '') return name.startsWith('assets/')
  const { accept = '' } = request.headers
  return view === 'operator' || (accept.includes('text/html') && !accept.includes('application/nostr+json'))
}

function readPage(folder: string): ReadonlyMap<string, PageFile> {
  const names = existsSync(folder) ? readdirSync(folder, { recursive: true, encoding: 'utf8' }) : []
  const served = names.filter((name) => extname(name) in TYPES)
  if (served.length === 0) throw new Error(`the page has not been built: run npm run build (${folder})`)
  return new Map(served.map((name) => [name.replaceAll('\\', '/'), readFile(folder, name)]))
}

function readFile(folder: string, name: string): PageFile {
  const bytes = readFileSync(join(folder, name))
  const compressed = ENCODINGS.map(({ name: encoding, suffix }) => [
    encoding,
    readFileSync(join(folder, name + suffix)),
  ])
  return {
    type: TYPES[extname(name)] ?? '',
    etag: createHash('sha256').update(bytes).digest('base64url').slice(0, 22),
    cacheControl: extname(name) === '.html' ? ASK_EACH_TIME : FOR_EVER,
    bytes: { identity: bytes, ...Object.fromEntries(compressed) },
  }
}

function send(file: PageFile, request: IncomingMessage, response: ServerResponse): true {
  const encoding = encodingFor(request.headers['accept-encoding'])
  const body = file.bytes[encoding]
  // Each encoding is another representation (RFC 9110 section 8.8.3.3).
  const etag = `"${file.etag}-${encoding}"`
  const headers = {
    ...PAGE_SECURITY,
    etag,
    'cache-control': file.cacheControl,
    vary: 'accept, accept-encoding',
  }
  request.resume()
  if (request.headers['if-none-match']?.includes(etag)) {
    response.writeHead(304, headers).end()
    return true
  }
  response.writeHead(200, {
    ...headers,
    'content-type': file.type,
    'content-length': body.length,
    ...(encoding !== 'identity' && { 'content-encoding': encoding }),
  })
  response.end(request.method === 'HEAD' ? undefined : body)
  return true
}

/** Those that a client lists and does not weigh with zero (RFC 9110 section 12.5.3). */
function encodingFor(accepted = ''): Encoding | 'identity' {
  const listed = accepted.split(',').map((each) => each.trim().toLowerCase())
  const isListed = (name: string) =>
    listed.some((each) => each === name || (each.startsWith(`${name};`) && !/;\s*q=0(\.0*)?$/.test(each)))
  return ENCODINGS.find(({ name }) => isListed(name))?.name ?? 'identity'
}

function redirect({ request, response }: Exchange, location: string): true {
  request.resume()
  response.writeHead(308, { ...PAGE_SECURITY, location, 'content-length': 0 }).end()
  return true
}

function refuse({ request, response }: Exchange, status: number, text: string): true {
  request.resume()
  const body = `${text}\n`
  response.writeHead(status, {
    ...PAGE_SECURITY,
    ...(status === 405 && { allow: 'GET, HEAD' }),
    'content-type': 'text/plain; charset=utf-8',
    'content-length': body.length,
  })
  response.end(request.method === 'HEAD' ? undefined : body)
  return true
}
