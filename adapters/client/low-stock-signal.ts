/** Receives a relay's low-stock signal (`keypackages:low`) with nostr-tools, which expects no REQ from a relay. */

import type { AbstractRelay } from 'nostr-tools/abstract-relay'
import type { Filter } from 'nostr-tools/filter'
import { KEY_PACKAGE_KIND } from '../../plugin/key-package/kinds.ts'
import { LOW_STOCK_SUBSCRIPTION } from '../../plugin/lifecycle/low-stock.ts'

/** Callbacks for the low-stock signal of one relay about one author. */
export interface LowStockListener {
  /**
   * The relay asks the author to publish packages of these kinds: more (443), or a new one in a slot that many have claimed
   * (30443).
   */
  readonly onLow: (kinds: readonly number[]) => void
  /** The relay has enough key packages again. */
  readonly onReplenished: () => void
  /** The connection was lost. No more calls follow. */
  readonly onClose: () => void
}

/**
 * Listens until the connection is lost, or the returned function is called. Meanwhile nostr-tools does not close the
 * connection for being idle. The relay sends the signal only after the author has authenticated (NIP-42).
 * @param author pubkey, 64 lower-case hex characters
 */
export function listenForLowStock(
  relay: AbstractRelay,
  author: string,
  listener: LowStockListener,
): () => void {
  // nostr-tools passes messages it does not know to the subscription they name. This one is never sent.
  const subscription = relay.prepareSubscription([{ kinds: [KEY_PACKAGE_KIND], authors: [author] }], {
    id: LOW_STOCK_SUBSCRIPTION,
    onclose: () => listener.onClose(),
  })
  // nostr-tools counts subscriptions when they are sent, and closes connections without any as idle.
  relay.ongoingOperations++
  // nostr-tools sends all subscriptions after a reconnect; before the author has authenticated this would be a claim.
  subscription.fire = () => {}
  subscription.oncustom = ([verb, , filter]: readonly unknown[]) => {
    const { authors, kinds } = (filter ?? {}) as Filter
    if (verb === 'REQ' && authors?.includes(author))
      listener.onLow(Array.isArray(kinds) ? kinds : [KEY_PACKAGE_KIND])
  }
  const close = subscription.close.bind(subscription)
  subscription.close = (reason) => {
    if (subscription.closed) {
      // Closed by the relay's CLOSED. The relay may send the next REQ at once, so the subscription stays.
      subscription.closed = false
      listener.onReplenished()
      return
    }
    // Otherwise nostr-tools sends a CLOSE for a subscription that the relay does not have.
    subscription.closed = true
    close(reason)
  }
  return () => {
    subscription.onclose = undefined
    subscription.close()
  }
}
