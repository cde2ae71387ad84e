/** Network addresses and networks: how they are read, written and compared. Everything that gets an address uses this. Pure. */

import ipaddr from 'ipaddr.js'

type Address = ipaddr.IPv4 | ipaddr.IPv6

/**
 * An address in the one way in which it is written and compared; undefined for what is none, such as the path of a socket or a
 * host name. A port, the brackets and quotes of a header (RFC 7239 section 6) and the zone of a link-local address (RFC 4007
 * section 11) are left out. An IPv4 address that is written as IPv6 becomes IPv4: that is how a client of a dual-stack socket
 * (RFC 4291 section 2.5.5.2), or behind a translator (RFC 6052), looks.
 */
export function readAddress(text: string): string | undefined {
  return parseEndpoint(text)?.toString()
}

/** A network such as `203.0.113.0/24`, without the bits of a host, or an address; undefined for what is neither. */
export function readNetwork(text: string): string | undefined {
  const parsed = parseNetwork(text)
  if (parsed === undefined) return undefined
  const [address, length] = parsed
  const network = ipaddr.fromByteArray(masked(address.toByteArray(), length))
  return length === bitsIn(address) ? network.toString() : `${network.toString()}/${length}`
}

/** The /64 of an IPv6 address, as its first four groups; undefined for all other text. */
export function groupsOfNetwork(text: string): readonly string[] | undefined {
  const address = parseEndpoint(text)
  if (address === undefined || isIPv4(address)) return undefined
  return address.parts.slice(0, 4).map((group) => group.toString(16))
}

/** Ranges in which an address says nothing about where on the internet somebody is. */
const PRIVATE = new Set(['loopback', 'private', 'carrierGradeNat', 'linkLocal', 'uniqueLocal'])

/** Loopback, RFC 1918, RFC 6598, RFC 4193 and link-local addresses. False for text that is no address. */
export function isPrivate(text: string): boolean {
  return PRIVATE.has(parseEndpoint(text)?.range() ?? '')
}

export function isLoopback(text: string): boolean {
  return parseEndpoint(text)?.range() === 'loopback'
}

/** A set of networks and addresses, in which looking up an address takes the same time however many there are. */
export class NetworkSet {
  readonly #networks = new Set<string>()
  /** The lengths of the prefixes in `#networks`; there are few. */
  readonly #lengths = new Set<number>()

  /** What `readNetwork` does not read is left out. */
  constructor(networks: Iterable<string> = []) {
    for (const network of networks) this.add(network)
  }

  add(network: string): void {
    const parsed = parseNetwork(network)
    if (parsed === undefined) return
    const [address, length] = parsed
    const prefix = bitsOf(address).slice(0, VERSION_LENGTH + length)
    this.#networks.add(prefix)
    this.#lengths.add(prefix.length)
  }

  /** Whether it is one of these addresses, or in one of these networks. */
  has(text: string | undefined): boolean {
    if (text === undefined || this.#lengths.size === 0) return false
    const address = parseEndpoint(text)
    if (address === undefined) return false
    const bits = bitsOf(address)
    return [...this.#lengths].some((length) => this.#networks.has(bits.slice(0, length)))
  }
}

/** No address with a zone, a port, brackets and quotes is longer (I9). */
const MAX_LENGTH = 128
/** Of `4:` and `6:`, so that no IPv4 address is in an IPv6 network. */
const VERSION_LENGTH = 2
/** RFC 7239 section 6: a port may be a number, or an obfuscated identifier. */
const PORT = /:(\d{1,5}|_[\w.-]+)$/
const QUOTED = /^"(.*)"$/
const BRACKETED = /^\[(.*)\]$/

function parseEndpoint(text: string): Address | undefined {
  if (text.length > MAX_LENGTH) return undefined
  const plain = parseAddress(text)
  if (plain !== undefined) return plain
  const unquoted = text.trim().replace(QUOTED, '$1')
  const host = unquoted.replace(PORT, '')
  const inside = BRACKETED.exec(host)?.[1]
  if (inside !== undefined) return inside.includes(':') ? parseAddress(inside) : undefined
  // Without brackets, only an IPv4 address can have a port: that of an IPv6 address would read as its last group.
  return parseAddress(unquoted) ?? (host.includes(':') ? undefined : parseAddress(host))
}

/** ipaddr.js rejects a text by throwing and catching an error, which takes 20 times as long as parsing an address. */
const LIKE_IPV4 = /^[\d.]+$/
const LIKE_IPV6 = /:.*:/

/** ipaddr.js also reads `127.1` and `0x7f000001`, which nobody writes on purpose. */
function parseAddress(text: string): Address | undefined {
  if (LIKE_IPV4.test(text))
    return ipaddr.IPv4.isValidFourPartDecimal(text) ? ipaddr.IPv4.parse(text) : undefined
  if (!LIKE_IPV6.test(text)) return undefined
  const bare = text.replace(/%[^%]*$/, '')
  return ipaddr.IPv6.isValid(bare) ? asIPv4(ipaddr.IPv6.parse(bare)) : undefined
}

/** RFC 6052 section 3.1: in `64:ff9b::/96` are only public IPv4 addresses; nobody there is taken for a neighbour. */
function asIPv4(address: ipaddr.IPv6): Address {
  if (address.isIPv4MappedAddress()) return address.toIPv4Address()
  if (address.range() !== 'rfc6052') return address
  const inside = new ipaddr.IPv4(address.toByteArray().slice(-4))
  return PRIVATE.has(inside.range()) ? address : inside
}

function parseNetwork(text: string): readonly [Address, number] | undefined {
  const [before = '', length, ...more] = text.split('/')
  if (more.length > 0 || !isWhole(length)) return undefined
  const address = parseAddress(before)
  if (address === undefined) return undefined
  const written = before.includes(':') ? 128 : 32
  const prefix = length === undefined ? bitsIn(address) : Number(length) - (written - bitsIn(address))
  return prefix >= 0 && prefix <= bitsIn(address) ? [address, prefix] : undefined
}

function isWhole(length: string | undefined): boolean {
  return length === undefined || /^\d{1,3}$/.test(length)
}

function isIPv4(address: Address): address is ipaddr.IPv4 {
  return address.kind() === 'ipv4'
}

function bitsIn(address: Address): 32 | 128 {
  return isIPv4(address) ? 32 : 128
}

function masked(bytes: readonly number[], length: number): number[] {
  return bytes.map((byte, index) => {
    const kept = Math.min(8, Math.max(0, length - 8 * index))
    return byte & (0xff << (8 - kept)) & 0xff
  })
}

function bitsOf(address: Address): string {
  const bits = address.toByteArray().map((byte) => byte.toString(2).padStart(8, '0'))
  return `${isIPv4(address) ? 4 : 6}:${bits.join('')}`
}
