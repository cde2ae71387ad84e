/** Whom an access rule names: a pubkey, or a network address or network; and how each is written. Pure. */

import ipaddr from 'ipaddr.js'
import { decode } from 'nostr-tools/nip19'
import { isHex32 } from '../nostr/event.ts'
import type { Pubkey } from '../nostr/messages.ts'

/**
 * The one way in which a rule's subject is kept: a pubkey in lower-case hex, an address, or a network such as
 * `203.0.113.0/24`, without the bits of a host. Undefined if the text is none of these, nor a pubkey as an `npub`.
 */
export function readSubject(text: string): string | undefined {
  const subject = text.trim().toLowerCase()
  if (subject.startsWith('npub1')) return pubkeyIn(subject)
  return isPubkey(subject) ? subject : networkText(subject)
}

export function isPubkey(subject: string): subject is Pubkey {
  return isHex32(subject)
}

/** What the `addressBits` of every address in a network begin with; undefined for a subject that is no network. */
export function networkBits(subject: string): string | undefined {
  const parsed = parseNetwork(subject)
  if (parsed === undefined) return undefined
  const [address, length] = parsed
  return bitsOf(address).slice(0, VERSION_LENGTH + length)
}

/**
 * All bits of a client's address, for comparing them with networks; undefined for what is no IP address, such as the path of a
 * socket. An IPv4 client on a dual-stack socket has an IPv4 address (RFC 4291 section 2.5.5.2).
 */
export function addressBits(address: string): string | undefined {
  const parsed = parseAddress(address.replace(/%.*$/, ''))
  return parsed === undefined ? undefined : bitsOf(parsed)
}

function pubkeyIn(npub: string): Pubkey | undefined {
  try {
    const decoded = decode(npub)
    return decoded.type === 'npub' ? decoded.data : undefined
  } catch {
    return undefined
  }
}

type Address = ipaddr.IPv4 | ipaddr.IPv6

/** Of `4:` and `6:`, so that no IPv4 address is in an IPv6 network. */
const VERSION_LENGTH = 2

function networkText(text: string): string | undefined {
  const parsed = parseNetwork(text)
  if (parsed === undefined) return undefined
  const [address, length] = parsed
  const bits = address.kind() === 'ipv4' ? 32 : 128
  const network = ipaddr.fromByteArray(masked(address.toByteArray(), length))
  return length === bits ? network.toString() : `${network.toString()}/${length}`
}

function parseNetwork(text: string): [Address, number] | undefined {
  const [before = '', length, ...more] = text.split('/')
  if (more.length > 0 || !isWhole(length)) return undefined
  const isMapped = before.includes(':') && parseAddress(before)?.kind() === 'ipv4'
  const address = parseAddress(before)
  if (address === undefined) return undefined
  const bits = address.kind() === 'ipv4' ? 32 : 128
  const prefix = length === undefined ? bits : Number(length) - (isMapped ? 96 : 0)
  return prefix >= 0 && prefix <= bits ? [address, prefix] : undefined
}

function isWhole(length: string | undefined): boolean {
  return length === undefined || /^\d{1,3}$/.test(length)
}

/** ipaddr.js also reads `127.1` and `0x7f000001`, which nobody writes on purpose. */
function parseAddress(text: string): Address | undefined {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return ipaddr.IPv4.parse(text)
  if (!text.includes(':') || !ipaddr.IPv6.isValid(text)) return undefined
  const address = ipaddr.IPv6.parse(text)
  return address.isIPv4MappedAddress() ? address.toIPv4Address() : address
}

function masked(bytes: readonly number[], length: number): number[] {
  return bytes.map((byte, index) => {
    const kept = Math.min(8, Math.max(0, length - 8 * index))
    return byte & (0xff << (8 - kept)) & 0xff
  })
}

function bitsOf(address: Address): string {
  const bits = address.toByteArray().map((byte) => byte.toString(2).padStart(8, '0'))
  return `${address.kind() === 'ipv4' ? 4 : 6}:${bits.join('')}`
}
