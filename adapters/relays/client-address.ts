/** Whose connection it is: the socket's address, or what a trusted reverse proxy says (X-Forwarded-For). */

import type { IncomingMessage } from 'node:http'
import { BlockList, isIP } from 'node:net'
import type { Logger } from '../../plugin/context.ts'

/** Who sent a request. */
export interface Sender {
  readonly address: string
  /** It came through a reverse proxy that is trusted: what that says is true. */
  readonly isVouchedFor: boolean
}

/** Tells the client's address of each request. */
export class ClientAddresses {
  readonly #trusted: BlockList
  readonly #log: Logger
  #hasWarned = false

  constructor(trusted: BlockList, log: Logger) {
    this.#trusted = trusted
    this.#log = log
  }

  senderOf(request: IncomingMessage): Sender {
    const isVouchedFor = isIn(this.#trusted, bareAddress(request.socket.remoteAddress ?? ''))
    return { address: this.#addressOf(request), isVouchedFor }
  }

  /** The last address of the chain that is not a trusted proxy's: what comes before it, anybody may have written. */
  #addressOf({ socket, headers }: IncomingMessage): string {
    const nearest = bareAddress(socket.remoteAddress ?? '')
    const forwarded = headerText(headers['x-forwarded-for'])
    if (!isIn(this.#trusted, nearest)) {
      if (forwarded !== '') this.#warn(nearest)
      return nearest
    }
    const chain = forwarded === '' ? [headerText(headers['x-real-ip'])] : forwarded.split(',')
    let client = nearest
    for (const hop of chain.map((text) => bareAddress(text.trim())).reverse()) {
      if (isIP(hop) === 0) return client
      client = hop
      if (!isIn(this.#trusted, hop)) return client
    }
    return client
  }

  /** Once: every limit by address would hit all clients of such a proxy. */
  #warn(address: string): void {
    if (this.#hasWarned || !isPrivate(address)) return
    this.#hasWarned = true
    this.#log.warn(
      { address },
      'clients come from one private address with an X-Forwarded-For that is not trusted: limits by address ' +
        'count them as one; name the reverse proxy in proxy.trust',
    )
  }
}

/** Without the zone of a link-local address; an IPv4 address on a socket that speaks both is written as IPv4. */
function bareAddress(address: string): string {
  return address.replace(/%.*$/, '').replace(/^::ffff:(?=\d+\.)/i, '')
}

function headerText(header: string | readonly string[] | undefined): string {
  return typeof header === 'string' ? header : (header?.join(',') ?? '')
}

/** Loopback, RFC 1918, RFC 6598, RFC 4193 and link-local addresses. */
function isPrivate(address: string): boolean {
  const list = new BlockList()
  for (const [network, prefix] of PRIVATE_IPV4) list.addSubnet(network, prefix, 'ipv4')
  for (const [network, prefix] of PRIVATE_IPV6) list.addSubnet(network, prefix, 'ipv6')
  return isIn(list, address)
}

/** What is no address is in no list. */
function isIn(list: BlockList, address: string): boolean {
  const version = isIP(address)
  return version !== 0 && list.check(address, version === 6 ? 'ipv6' : 'ipv4')
}

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
