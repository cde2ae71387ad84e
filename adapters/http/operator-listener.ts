/** The operator's listener: a port of its own, whose requests no other website can make a browser send. */

import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo, isIP } from 'node:net'
import { readUrl } from '../../plugin/read-url.ts'
import { type HttpPart, httpHandler } from './routing.ts'

export interface OperatorListenerSettings {
  readonly host: string
  /** 0 picks a free one. */
  readonly port: number
  /** Names by which this listener may be addressed, besides localhost and IP addresses. */
  readonly hosts: readonly string[]
  /** Asked in order; what none of them takes does not exist. */
  readonly parts: readonly HttpPart[]
}

export interface OperatorListener {
  /** For instance `http://127.0.0.1:9447`. */
  readonly url: string
  close(): Promise<void>
}

/** Those who look at metrics are few. */
const MAX_CONNECTIONS = 256
const REQUEST_TIMEOUT_MS = 30_000
/** No answer of any part may be read by another origin, or taken for something else than it says it is. */
const HEADERS = { 'x-content-type-options': 'nosniff', 'cross-origin-resource-policy': 'same-origin' }

/** Rejects if it cannot listen on the address. It does not keep the process running. */
export async function listenForOperator(settings: OperatorListenerSettings): Promise<OperatorListener> {
  const { host, port, hosts } = settings
  const answer = httpHandler(settings.parts)
  const http = createServer({ requestTimeout: REQUEST_TIMEOUT_MS }, (request, response) => {
    for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value)
    const fault = faultOf(request, hosts)
    if (fault !== undefined) return sendText(response, 403, fault)
    const notFound = () => sendText(response, 404, 'not found')
    if (!answer(request, response, request.socket.remoteAddress ?? '', notFound)) notFound()
  })
  http.maxConnections = MAX_CONNECTIONS
  await once(http.listen(port, host), 'listening')
  http.unref()
  const { port: bound } = http.address() as AddressInfo
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${bound}`,
    close: () =>
      new Promise((resolve) => {
        http.close(() => resolve())
        http.closeAllConnections()
      }),
  }
}

/**
 * Why a request is refused. A page of another website can give its name an address of ours (DNS rebinding): its requests then
 * have that name as their Host. An IP address cannot be rebound. A request that a page sends to another origin names its own.
 */
function faultOf(request: IncomingMessage, hosts: readonly string[]): string | undefined {
  const { host, origin } = request.headers
  if (!isOurs(host, hosts))
    return 'this Host header is not allowed; use localhost or an IP address, or add the name to admin.hosts'
  if (origin !== undefined && !isSameOrigin(origin, host)) return 'requests of other origins are not allowed'
  return isOfOtherSite(request) ? 'requests of other sites are not allowed' : undefined
}

/**
 * Whether a page of another site loads something from here, such as a picture. Browsers then send no Origin, but Fetch Metadata. The
 * page could not read the answer, but could time it. Following a link to here is allowed.
 */
function isOfOtherSite({ headers, method }: IncomingMessage): boolean {
  const { 'sec-fetch-site': site, 'sec-fetch-mode': mode, 'sec-fetch-dest': destination } = headers
  if (site !== 'cross-site' && site !== 'same-site') return false
  return method !== 'GET' || mode !== 'navigate' || destination !== 'document'
}

function isOurs(host: string | undefined, hosts: readonly string[]): boolean {
  const url = readUrl(`http://${host ?? ''}`)
  if (url === undefined) return false
  const name = url.hostname.replace(/^\[|\]$/g, '')
  return name === 'localhost' || isIP(name) !== 0 || hosts.some((ours) => ours.toLowerCase() === name)
}

/** A reverse proxy may add TLS, so the scheme is not compared. */
function isSameOrigin(origin: string, host = ''): boolean {
  return origin.toLowerCase().replace(/^https?:\/\//, '') === host.toLowerCase()
}

function sendText(response: ServerResponse, status: number, text: string): void {
  send(response, { status, type: 'text/plain; charset=utf-8', body: `${text}\n` })
}

export interface OperatorAnswer {
  readonly status: number
  readonly type: string
  readonly body: string
}

/** Nothing of it may be kept. */
export function send(response: ServerResponse, { status, type, body }: OperatorAnswer): void {
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
  })
  response.end(body)
}
