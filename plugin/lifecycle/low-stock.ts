/** The low-stock signal on the wire: the request, its withdrawal, and what a client may answer. */

import { KEY_PACKAGE_KIND } from '../key-package/kinds.ts'
import type { ClientMessage, GatewayMessage, Pubkey } from '../nostr/messages.ts'

export const LOW_STOCK_SUBSCRIPTION = 'keypackages:low'

/** Asks an author for more key packages: kind 443, which is used up, or else the kinds that the gateway handles. */
export function requestMore(author: Pubkey, kinds: readonly number[]): GatewayMessage {
  const wanted = kinds.includes(KEY_PACKAGE_KIND) ? [KEY_PACKAGE_KIND] : [...kinds]
  return ['REQ', LOW_STOCK_SUBSCRIPTION, { kinds: wanted, authors: [author] }]
}

export function withdrawRequest(): GatewayMessage {
  return ['CLOSED', LOW_STOCK_SUBSCRIPTION, 'replenished: enough key packages are stored']
}

/** Whether a message has the signal's subscription id. */
export function isAboutLowStock([, id]: ClientMessage): boolean {
  return id === LOW_STOCK_SUBSCRIPTION
}

/**
 * The message to handle. A client may answer the signal as a relay answers a REQ: EVENT publishes; EOSE and CLOSED need no
 * answer (undefined).
 */
export function meaningOf(message: ClientMessage): ClientMessage | undefined {
  if (!isAboutLowStock(message)) return message
  const [verb, , event] = message
  if (verb === 'EVENT') return ['EVENT', event]
  return verb === 'EOSE' || verb === 'CLOSED' ? undefined : message
}
