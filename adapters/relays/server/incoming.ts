/** Which HTTP requests are refused before anything reads them, because two servers could read them differently. */

import type { IncomingMessage } from 'node:http'
import { readRequestTarget } from '../../../plugin/request-target.ts'

/** The HTTP status to refuse a request with. `server`: it is about the server as a whole. */
export type Incoming = 'path' | 'server' | { readonly status: 400 | 501 }

const BAD_REQUEST = { status: 400 } as const
const NOT_IMPLEMENTED = { status: 501 } as const

/**
 * Checks a request, and turns an absolute target into a path and its Host header, so that everything after it sees one form
 * (RFC 9112 section 3.2.2).
 */
export function checkIncoming(request: IncomingMessage): Incoming {
  const { headers, headersDistinct, method, url = '' } = request
  // RFC 9112 section 3.2: Node.js would take the first of several, and a server behind perhaps another.
  if ((headersDistinct.host?.length ?? 0) > 1) return BAD_REQUEST
  const coding = headers['transfer-encoding']
  // RFC 9112 section 6.1: the body would be forwarded as it is, without the coding's name.
  if (coding !== undefined && coding.trim().toLowerCase() !== 'chunked') return NOT_IMPLEMENTED
  const target = readRequestTarget(url)
  if (target.form !== 'path') return target.form === 'server' && method === 'OPTIONS' ? 'server' : BAD_REQUEST
  if (target.authority !== undefined) {
    headers.host = target.authority
    request.url = target.path + target.query
  }
  return 'path'
}

/** Whether a request that wants another protocol asks for a WebSocket as RFC 6455 section 4.2.1 says. */
export function isHandshake({ method, headers }: IncomingMessage): boolean {
  const { upgrade = '', 'sec-websocket-key': key = '', 'sec-websocket-version': version } = headers
  return (
    method === 'GET' &&
    upgrade.toLowerCase() === 'websocket' &&
    /^[+/\dA-Za-z]{22}==$/.test(key) &&
    (version === '13' || version === '8')
  )
}
