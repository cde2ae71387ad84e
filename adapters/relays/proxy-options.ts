/** What a server is told about proxies before it and the relay behind it: every setting and its default. */

import { BlockList, isIP } from 'node:net'
import { z } from 'zod'

const trusted = z
  .string()
  .refine((range) => addRange(new BlockList(), range))
  .meta({ examples: ['127.0.0.1', '10.0.0.0/8', 'fd00::/8'] })

/** The `upstream` setting. */
export const upstreamSchema = z
  .url({ protocol: /^wss?$/ })
  .meta({ examples: ['ws://127.0.0.1:7777', 'wss://relay.example.com'] })
  .optional()
  .describe('The relay behind the gateway; without it the gateway serves key packages alone')

/** The `proxy` settings. */
export const proxyOptionsSchema = z.strictObject({
  trust: z
    .array(trusted)
    .default([])
    .describe('Whose X-Forwarded-For and X-Real-IP are believed: the reverse proxies before this server'),
  publish: z
    .enum(['here', 'upstream'])
    .default('here')
    .describe("Who takes key packages in: this server, or the gateway's plugin in the relay behind it"),
  compression: z
    .boolean()
    .default(false)
    .describe('Whether clients are offered permessage-deflate: less traffic for more work and memory'),
})

export type ProxyOptions = z.output<typeof proxyOptionsSchema>

/** The addresses of a `trust` setting. */
export function trustedAddresses(ranges: readonly string[]): BlockList {
  const list = new BlockList()
  for (const range of ranges) addRange(list, range)
  return list
}

/** False where the text is no address and no range of addresses (RFC 4632, RFC 4291 section 2.3). */
function addRange(list: BlockList, range: string): boolean {
  const [address = '', prefix, ...more] = range.split('/')
  const version = isIP(address)
  const longest = version === 6 ? 128 : 32
  const length = prefix === undefined ? longest : Number(prefix)
  if (version === 0 || more.length > 0 || prefix === '' || !(length <= longest)) return false
  if (!Number.isInteger(length) || length < 0) return false
  list.addSubnet(address, length, version === 6 ? 'ipv6' : 'ipv4')
  return true
}
