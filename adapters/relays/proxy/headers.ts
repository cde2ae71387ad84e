/** Which headers of a client's request go up to the relay, and which of the relay's answer come down. */

import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http'
import type { Sender } from '../client-address.ts'

/** What concerns one hop alone (RFC 9110 section 7.6.1), and the handshake, which each hop makes for itself (RFC 6455). */
const HOP_BY_HOP = new Set(
  (
    'connection keep-alive proxy-connection proxy-authenticate proxy-authorization te trailer transfer-encoding upgrade expect ' +
    'sec-websocket-key sec-websocket-version sec-websocket-extensions sec-websocket-protocol'
  ).split(' '),
)
/** What only a reverse proxy may say. */
const FORWARDING = /^(forwarded|x-forwarded-.*|x-real-ip)$/

/** Host, Origin, User-Agent, cookies and the like go up unchanged; the relay gets one address, ours, as the client's. */
export function headersUp(
  headers: IncomingHttpHeaders,
  { address, isVouchedFor }: Sender,
): OutgoingHttpHeaders {
  const kept = Object.entries(endToEnd(headers)).filter(([name]) => isVouchedFor || !FORWARDING.test(name))
  return {
    ...Object.fromEntries(kept),
    // A body whose end nothing marks would be read as the next request.
    ...(headers['transfer-encoding'] !== undefined && { 'transfer-encoding': 'chunked' }),
    'x-forwarded-for': address,
    'x-real-ip': address,
  }
}

export function endToEnd(headers: IncomingHttpHeaders): OutgoingHttpHeaders {
  const named = headers.connection?.split(',').map((name) => name.trim().toLowerCase()) ?? []
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => !HOP_BY_HOP.has(name) && !named.includes(name)),
  )
}
