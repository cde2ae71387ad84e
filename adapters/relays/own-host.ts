/** Which Host header is believed to be this relay's address: none that a client may have made up (NIP-42). */

import type { IncomingMessage } from 'node:http'

/**
 * The Host header, if it names the address that the connection came to, or `localhost`; undefined otherwise.
 * Whoever runs another relay can connect here under that relay's name, have its users answer our challenge, and
 * be taken for them. A relay that has a name goes by `publicUrl`.
 */
export function ownHost({ headers: { host = '' }, socket }: IncomingMessage): string | undefined {
  const url = `ws://${host}`
  if (!URL.canParse(url)) return undefined
  const hostname = new URL(url).hostname.replace(/^\[|\]$/g, '')
  const localAddress = socket.localAddress?.replace(/^::ffff:/, '')
  return hostname === 'localhost' || hostname === localAddress ? host : undefined
}
