/** Reads an author's relay list as Redis keeps it. */

import type { Pubkey, SignedEvent } from '../../../plugin/nostr/messages.ts'
import { StoreError } from '../../../plugin/store-error.ts'

/** @throws StoreError where it is no event of the author */
export function decodeRelayList(author: Pubkey, text: string): SignedEvent {
  const event = parse(text)
  if (event?.pubkey !== author) throw new StoreError('Redis: a relay list is not one of its author')
  return event
}

function parse(text: string): SignedEvent | undefined {
  try {
    return JSON.parse(text) as SignedEvent
  } catch {
    return undefined
  }
}
