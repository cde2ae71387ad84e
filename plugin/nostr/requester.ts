/** Who is asking, for quotas: an authenticated pubkey, else a network address. */

/** Who asks. */
export interface Requester {
  /** Whom quotas count: the first pubkey the connection authenticated, else its address. */
  readonly name: string
  readonly address: string
  readonly authenticated: ReadonlySet<string>
}

/** Longest address that is kept as it is; no real one is longer. */
const LONGEST_ADDRESS = 64

/**
 * The part of a network address that one customer of a provider has: an IPv4 address as it is, of an IPv6
 * address its /64. What is neither (a socket's path) counts as it is.
 */
export function addressKey(address: string): string {
  const [bare = ''] = address.split('%')
  const groups = bare.includes(':') ? expandIPv6(bare) : undefined
  if (groups === undefined) return bare.slice(0, LONGEST_ADDRESS)
  return mappedIPv4(groups) ?? `${groups.slice(0, 4).join(':')}::/64`
}

/** The eight groups of an IPv6 address, without leading zeros. */
function expandIPv6(address: string): string[] | undefined {
  const url = `http://[${address}]/`
  if (!URL.canParse(url)) return undefined
  const [head = '', tail] = new URL(url).hostname.slice(1, -1).split('::')
  const before = head.split(':').filter((group) => group !== '')
  const after = (tail ?? '').split(':').filter((group) => group !== '')
  const zeros = new Array<string>(8 - before.length - after.length).fill('0')
  return [...before, ...zeros, ...after]
}

/** `::ffff:203.0.113.7` is an IPv4 client on a socket that speaks both (RFC 4291 section 2.5.5.2). */
function mappedIPv4(groups: readonly string[]): string | undefined {
  if (groups.slice(0, 6).join(':') !== '0:0:0:0:0:ffff') return undefined
  return groups
    .slice(6)
    .flatMap((group) => {
      const value = Number.parseInt(group, 16)
      return [value >> 8, value & 0xff]
    })
    .join('.')
}
