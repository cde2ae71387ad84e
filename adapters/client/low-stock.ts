/** Hears a relay ask its author for more key packages (`keypackages:low`), through nostr-tools, which expects no REQ. */

import type { AbstractRelay } from 'nostr-tools/abstract-relay'
import type { Filter } from 'nostr-tools/filter'
import { KEY_PACKAGE_KIND } from '../../plugin/key-package/kinds.ts'
import { LOW_STOCK_SUBSCRIPTION } from '../../plugin/lifecycle/low-stock.ts'

/** Hears what one relay says of one author's stock. */
export interface StockListener {
  /** The relay asks for more. */
  readonly low: () => void
  /** It does so no longer. */
  readonly enough: () => void
  /** The connection is lost; nothing more will be heard. */
  readonly lost: () => void
}

/** Listens until the connection is lost, or the returned function is called. The connection is kept open meanwhile. */
export function hearLowStock(relay: AbstractRelay, author: string, listener: StockListener): () => void {
  // nostr-tools hands what it does not know to the subscription that it names, so there is one, never sent.
  const subscription = relay.prepareSubscription([{ kinds: [KEY_PACKAGE_KIND], authors: [author] }], {
    id: LOW_STOCK_SUBSCRIPTION,
    onclose: () => listener.lost(),
  })
  // nostr-tools counts a subscription when it is sent, not when it is prepared; what counts is never idle.
  relay.ongoingOperations++
  // It would send it after reconnecting: an author who has not authenticated yet would claim a package of their own.
  subscription.fire = () => {}
  subscription.oncustom = ([verb, , filter]: readonly unknown[]) => {
    if (verb === 'REQ' && (filter as Filter | undefined)?.authors?.includes(author)) listener.low()
  }
  const close = subscription.close.bind(subscription)
  subscription.close = (reason) => {
    if (subscription.closed) {
      // By the relay's CLOSED. It may ask again in the same breath, so the subscription stays.
      subscription.closed = false
      listener.enough()
      return
    }
    // Or nostr-tools would tell the relay to close what it never opened.
    subscription.closed = true
    close(reason)
  }
  return () => {
    subscription.onclose = undefined
    subscription.close()
  }
}
