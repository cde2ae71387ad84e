/** The low-stock signal on the wire: the request for packages or rotated slots, its withdrawal, and what a client may answer. */

import { KEY_PACKAGE_KIND, SLOT_KIND } from '../key-package/kinds.ts'
import type { ClientMessage, GatewayMessage, Pubkey } from '../nostr/messages.ts'

export const LOW_STOCK_SUBSCRIPTION = 'keypackages:low'

/** What authors are asked for: more packages, or to replace a slot that many have claimed. */
export type Want = 'packages' | 'rotation'

/** Asks an author for all of this: a later REQ with the same subscription id replaces the one before it (NIP-01). */
export function requestFor(
  author: Pubkey,
  wants: ReadonlySet<Want>,
  kinds: readonly number[],
): GatewayMessage {
  const wanted = new Set([...wants].flatMap((want) => kindsOf(want, kinds)))
  return ['REQ', LOW_STOCK_SUBSCRIPTION, { kinds: [...wanted].sort((a, b) => a - b), authors: [author] }]
}

/** Packages are wanted of kind 443, which is used up, or else of the kinds that the gateway handles. */
function kindsOf(want: Want, kinds: readonly number[]): readonly number[] {
  if (want === 'rotation') return [SLOT_KIND]
  return kinds.includes(KEY_PACKAGE_KIND) ? [KEY_PACKAGE_KIND] : kinds
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
