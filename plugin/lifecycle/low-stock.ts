/** The signal of low stock on the wire: how it asks and is taken back, and what a client may say to it. */

import { KEY_PACKAGE_KIND } from '../key-package/kinds.ts'
import type { ClientMessage, Pubkey, RelayMessage } from '../nostr/messages.ts'

export const LOW_STOCK_SUBSCRIPTION = 'keypackages:low'

/** Kind 443 is what is used up; where the gateway has not taken it over, it asks for what it has. */
export function requestMore(author: Pubkey, kinds: readonly number[]): RelayMessage {
  const wanted = kinds.includes(KEY_PACKAGE_KIND) ? [KEY_PACKAGE_KIND] : kinds
  return ['REQ', LOW_STOCK_SUBSCRIPTION, { kinds: wanted, authors: [author] }]
}

export function withdrawRequest(): RelayMessage {
  return ['CLOSED', LOW_STOCK_SUBSCRIPTION, 'replenished: enough key packages are stored']
}

/** Whether a message names the signal as its subscription. */
export function isAboutLowStock([, id]: ClientMessage): boolean {
  return id === LOW_STOCK_SUBSCRIPTION
}

/**
 * What a client means. It may answer the signal as a relay answers a REQ: with EVENT it publishes, and EOSE and CLOSED
 * (undefined) ask for nothing.
 */
export function meaningOf(message: ClientMessage): ClientMessage | undefined {
  if (!isAboutLowStock(message)) return message
  const [verb, , event] = message
  if (verb === 'EVENT') return ['EVENT', event]
  return verb === 'EOSE' || verb === 'CLOSED' ? undefined : message
}
