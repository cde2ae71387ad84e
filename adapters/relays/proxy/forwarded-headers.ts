/**
 * Which headers of a client's request are forwarded to the upstream relay, and which of the relay's answer come back.
 */

import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http'
import type { Sender } from '../server/trusted-headers.ts'

/** Headers of a single hop (RFC 9110 section 7.6.1), and of the handshake, which each hop makes itself (RFC 6455). */
const HOP_BY_HOP = new Set(
  (
    'connection keep-alive proxy-connection proxy-authenticate proxy-authorization te trailer transfer-encoding upgrade expect ' +
    'sec-websocket-key sec-websocket-version sec-websocket-extensions sec-websocket-protocol'
  ).split(' '),
)
/** Headers that only a trusted reverse proxy may set; servers that speak CGI read `_` and `-` as the same (RFC 3875 section 4.1.18). */
const FORWARDING =
  /^(forwarded|x-forwarded-.*|x-(real|client|cluster-client)-ip|(true|fastly)-client-ip|cf-connecting-ip(v6)?)$/

/** Forwards Host, Origin, User-Agent, cookies and the like unchanged; the relay gets one client address, set by us. */
export function upstreamHeaders(
  headers: IncomingHttpHeaders,
  { address, isVouchedFor }: Sender,
): OutgoingHttpHeaders {
  const kept = Object.entries(endToEnd(headers)).filter(
    ([name]) => isVouchedFor || !FORWARDING.test(name.replaceAll('_', '-')),
  )
  return {
    ...Object.fromEntries(kept),
    // Without a marked end, the body would be read as the next request.
    ...(headers['transfer-encoding'] !== undefined && { 'transfer-encoding': 'chunked' }),
    ...(isVouchedFor && headers.forwarded !== undefined && { forwarded: `for=${nodeName(address)}` }),
    'x-forwarded-for': address,
    'x-real-ip': address,
  }
}

/** RFC 7239 section 6. */
function nodeName(address: string): string {
  return address.includes(':') ? `"[${address}]"` : address
}

/** Without them a body has no end, and what follows it is read as a request: `Connection: content-length` must not remove them. */
const FRAMING = new Set(['content-length', 'host'])

/** Without the headers that concern a single hop. */
export function endToEnd(headers: IncomingHttpHeaders): OutgoingHttpHeaders {
  const named = headers.connection?.split(',').map((name) => name.trim().toLowerCase()) ?? []
  return Object.fromEntries(
    Object.entries(headers).filter(
      ([name]) => FRAMING.has(name) || !(HOP_BY_HOP.has(name) || named.includes(name)),
    ),
  )
}
