/**
 * Which headers of a request are believed: X-Forwarded-For and X-Real-IP from a trusted reverse proxy, and a Host header
 * that names this machine.
 */

import type { IncomingMessage } from 'node:http'
import { BlockList, isIP } from 'node:net'
import type { Logger } from '../../../plugin/context.ts'

/** Who sent a request. */
export interface Sender {
  readonly address: string
  /** The request came through a trusted reverse proxy, whose forwarding headers are believed. */
  readonly isVouchedFor: boolean
  /** The address is the client's own, and not that of a reverse proxy that others come through as well. */
  readonly isKnown: boolean
}

/** Finds the client's address of each request. */
export class ClientAddresses {
  readonly #trusted: BlockList
  readonly #log: Logger
  #hasWarned = false

  constructor(trusted: BlockList, log: Logger) {
    this.#trusted = trusted
    this.#log = log
  }

  senderOf(request: IncomingMessage): Sender {
    const peer = bareAddress(request.socket.remoteAddress ?? '')
    const isVouchedFor = isIn(this.#trusted, peer)
    const address = this.#addressOf(request)
    const isKnown = isVouchedFor ? address !== peer : !mayBeProxy(request, peer)
    return { address, isVouchedFor, isKnown }
  }

  /** The last address of the chain that is not a trusted proxy. Anyone could have written the addresses before it. */
  #addressOf({ socket, headers }: IncomingMessage): string {
    const peer = bareAddress(socket.remoteAddress ?? '')
    const forwarded = headerText(headers['x-forwarded-for'])
    if (!isIn(this.#trusted, peer)) {
      if (forwarded !== '') this.#warn(peer)
      return peer
    }
    const chain = forwarded === '' ? [headerText(headers['x-real-ip'])] : forwarded.split(',')
    let client = peer
    for (const hop of chain.map((text) => bareAddress(text.trim())).reverse()) {
      if (isIP(hop) === 0) return client
      client = hop
      if (!isIn(this.#trusted, hop)) return client
    }
    return client
  }

  /** Warns once that limits by address would affect all clients of this proxy together. */
  #warn(address: string): void {
    if (this.#hasWarned || !isPrivate(address)) return
    this.#hasWarned = true
    this.#log.warn(
      { address },
      'a private address sends an X-Forwarded-For that is not trusted, so all clients behind it count as one ' +
        'for limits by address; add your reverse proxy to proxy.trust',
    )
  }
}

/** Whether a peer that is not trusted may be a reverse proxy that the operator has not named. */
function mayBeProxy({ headers }: IncomingMessage, peer: string): boolean {
  return isPrivate(peer) || FORWARDED.some((name) => headers[name] !== undefined)
}

/**
 * The Host header, if it names the local address of the connection or `localhost`; otherwise undefined.
 * NIP-42 compares it with the `relay` tag of an AUTH event. If any Host header were believed, the operator of another
 * relay could connect here under that relay's name, let its users sign our challenge, and be authenticated as them. A
 * relay with a public name sets `publicUrl` instead.
 */
export function localHost({ headers: { host = '' }, socket }: IncomingMessage): string | undefined {
  const url = `ws://${host}`
  if (!URL.canParse(url)) return undefined
  const hostname = new URL(url).hostname.replace(/^\[|\]$/g, '')
  const localAddress = socket.localAddress?.replace(/^::ffff:/, '')
  return hostname === 'localhost' || hostname === localAddress ? host : undefined
}

/** Without the zone of a link-local address; an IPv4-mapped IPv6 address becomes IPv4. */
function bareAddress(address: string): string {
  return address.replace(/%.*$/, '').replace(/^::ffff:(?=\d+\.)/i, '')
}

function headerText(header: string | readonly string[] | undefined): string {
  return typeof header === 'string' ? header : (header?.join(',') ?? '')
}

/** Loopback, RFC 1918, RFC 6598, RFC 4193 and link-local addresses. */
function isPrivate(address: string): boolean {
  return isIn(PRIVATE, address)
}

/** False for text that is not an IP address. */
function isIn(list: BlockList, address: string): boolean {
  const version = isIP(address)
  return version !== 0 && list.check(address, version === 6 ? 'ipv6' : 'ipv4')
}

const FORWARDED = ['x-forwarded-for', 'x-real-ip', 'forwarded', 'via'] as const

const PRIVATE_IPV4 = [
  ['127.0.0.0', 8],
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['100.64.0.0', 10],
  ['169.254.0.0', 16],
] as const
const PRIVATE_IPV6 = [
  ['::1', 128],
  ['fc00::', 7],
  ['fe80::', 10],
] as const

const PRIVATE = new BlockList()
for (const [network, prefix] of PRIVATE_IPV4) PRIVATE.addSubnet(network, prefix, 'ipv4')
for (const [network, prefix] of PRIVATE_IPV6) PRIVATE.addSubnet(network, prefix, 'ipv6')
