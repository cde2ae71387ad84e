/**
 * Which headers of a request are believed: the client's address from a trusted reverse proxy, and a Host header that names
 * this machine.
 */

import type { IncomingMessage } from 'node:http'
import type { Logger } from '../../../plugin/context.ts'
import { isPrivate, NetworkSet, readAddress } from '../../../plugin/network-address.ts'
import { isLocalHost } from '../../../plugin/request-target.ts'
import { ADDRESS_HEADERS, type AddressHeader, type ForwardedFor, forwardedFor } from './forwarded-for.ts'
import type { ProxyOptions } from './server-options.ts'

/** What is looked at of a request. */
export type Received = Pick<IncomingMessage, 'socket' | 'headers'>

/** Who sent a request. */
export interface Sender {
  readonly address: string
  /** The request came through a trusted reverse proxy, whose forwarding headers are believed. */
  readonly isVouchedFor: boolean
  /** The address is the client's own, and not that of a reverse proxy that others come through as well. */
  readonly isKnown: boolean
}

/** What the operator is told once. */
const WARNINGS = {
  untrusted:
    'a private address sends a forwarding header that is not trusted, so all clients behind it count as one ' +
    'for limits by address; add your reverse proxy to proxy.trust',
  silent:
    'a reverse proxy in proxy.trust names no client, so all clients behind it count as one for limits by address; ' +
    'have it set X-Forwarded-For, Forwarded or X-Real-IP',
  unreadable:
    'a reverse proxy in proxy.trust names a client by what is no address, so this client counts as the proxy for limits by ' +
    'address; have it set X-Forwarded-For, Forwarded or X-Real-IP to an address',
  disagreeing:
    'two forwarding headers of a reverse proxy in proxy.trust name different clients, one of them perhaps written by a client; ' +
    'set proxy.addressHeader to the header that the proxy itself sets',
} as const

/** Of what is no address; it is written to the log. */
const MAX_LOGGED_LENGTH = 64
/** What nginx calls a client on a Unix socket: somebody on the proxy's own machine. */
const LOCAL = /^unix:/i

type Trust = Pick<ProxyOptions, 'trust' | 'addressHeader'>

/** Finds the client's address of each request. */
export class ClientAddresses {
  readonly #trusted: NetworkSet
  readonly #header: AddressHeader | undefined
  readonly #log: Logger
  readonly #warned = new Set<keyof typeof WARNINGS>()

  constructor({ trust, addressHeader }: Trust, log: Logger) {
    this.#trusted = new NetworkSet(trust)
    this.#header = addressHeader
    this.#log = log
  }

  senderOf(request: Received): Sender {
    const { remoteAddress = '' } = request.socket
    const peer = readAddress(remoteAddress) ?? remoteAddress
    if (this.#trusted.has(peer)) return { ...this.#clientOf(request, peer), isVouchedFor: true }
    if (isPrivate(peer) && this.#chainIn(request) !== undefined) this.#warn('untrusted', { address: peer })
    return { address: peer, isVouchedFor: false, isKnown: !mayBeProxy(request, peer) }
  }

  /**
   * The last address of the chain that is not a trusted proxy: anyone could have written the addresses before it. Where a proxy
   * does not name its client, everybody it speaks for counts as the proxy, so that nobody escapes a limit (I5).
   */
  #clientOf(request: Received, peer: string): Pick<Sender, 'address' | 'isKnown'> {
    const chain = this.#chainIn(request)
    if (chain === undefined) {
      if (request.headers.upgrade !== undefined) this.#warn('silent', { address: peer })
      return { address: peer, isKnown: false }
    }
    const client = this.#endOf(chain, peer)
    if (this.#header === undefined) this.#compare(request, chain, client.address)
    return client
  }

  #endOf({ header, hops }: ForwardedFor, peer: string): Pick<Sender, 'address' | 'isKnown'> {
    let client = peer
    for (const hop of hops) {
      const address = LOCAL.test(hop) ? '127.0.0.1' : readAddress(hop)
      if (address === undefined) {
        this.#warn('unreadable', { address: client, header, client: hop.slice(0, MAX_LOGGED_LENGTH) })
        return { address: client, isKnown: false }
      }
      client = address
      if (!this.#trusted.has(address)) return { address, isKnown: true }
    }
    return { address: client, isKnown: false }
  }

  #chainIn({ headers }: Received): ForwardedFor | undefined {
    const looked = this.#header === undefined ? ADDRESS_HEADERS : [this.#header]
    for (const header of looked) {
      const chain = forwardedFor(headers, header)
      if (chain !== undefined) return chain
    }
    return undefined
  }

  /** A header that names another proxy on the way is no contradiction. */
  #compare({ headers }: Received, { header: used }: ForwardedFor, client: string): void {
    for (const header of ADDRESS_HEADERS) {
      const hops = header === used ? [] : (forwardedFor(headers, header)?.hops ?? [])
      const other = hops.map((hop) => readAddress(hop)).find((address) => !this.#trusted.has(address))
      if (other !== undefined && other !== client)
        this.#warn('disagreeing', { headers: [used, header], addresses: [client, other] })
    }
  }

  /** Each warning once: what a client can cause must not fill the log. */
  #warn(warning: keyof typeof WARNINGS, fields: object): void {
    if (this.#warned.has(warning)) return
    this.#warned.add(warning)
    this.#log.warn(fields, WARNINGS[warning])
  }
}

/** Headers that a reverse proxy adds, whether or not they name a client. */
const FORWARDED = [...ADDRESS_HEADERS, 'via', 'cf-connecting-ip', 'true-client-ip'] as const

/** Whether a peer that is not trusted may be a reverse proxy that the operator has not named. */
function mayBeProxy({ headers }: Received, peer: string): boolean {
  return isPrivate(peer) || FORWARDED.some((name) => headers[name] !== undefined)
}

/**
 * The Host header, if it names the local address of the connection or `localhost`; otherwise undefined.
 * NIP-42 compares it with the `relay` tag of an AUTH event. If any Host header were believed, the operator of another
 * relay could connect here under that relay's name, let its users sign our challenge, and be authenticated as them. A
 * relay with a public name sets `publicUrl` instead.
 */
export function localHost({ headers: { host = '' }, socket }: Received): string | undefined {
  return isLocalHost(host, socket.localAddress) ? host : undefined
}
