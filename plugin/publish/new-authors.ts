/** Authors of whom the store has never heard: making one up costs nothing, so they are counted by address, and in all (I9). */

import type { GatewayContext } from '../context.ts'
import { RELAY_LIST_KINDS } from '../lifecycle/relay-list.ts'
import type { Pubkey } from '../nostr/messages.ts'
import { hitByAddress, refundByAddress } from './address-quota.ts'

/** A new author who was admitted. */
export interface Admission {
  /** Nothing of theirs was kept after all. No answer waits for it (I7). */
  giveBack(): void
}

/** What a store is asked to report, so that new authors can be counted; nothing where there is no limit. */
export function reportOfNew(
  { options }: Pick<GatewayContext, 'options'>,
  address: string | undefined,
): { readonly newAuthors?: 'report' } {
  return address === undefined && options.stock.maxAuthors === 0 ? {} : { newAuthors: 'report' }
}

/**
 * Counts an author, unless the store knows packages, deletions or relay lists of theirs. Rejects when the store does.
 * @throws Refusal `rate-limited`, or `blocked` where the store has `stock.maxAuthors` authors
 */
export async function admitAuthor(
  context: GatewayContext,
  author: Pubkey,
  address: string | undefined,
): Promise<Admission> {
  const known = { giveBack() {} }
  if (reportOfNew(context, address).newAuthors === undefined || (await isHeardOf(context, author)))
    return known
  const admission = address === undefined ? known : await countNewAuthor(context, address)
  try {
    // After the quota, so that nobody who has used it up changes the number of authors.
    if (context.options.stock.maxAuthors > 0) await context.authors.requireRoom()
    return admission
  } catch (error) {
    admission.giveBack()
    throw error
  }
}

/** @throws Refusal `rate-limited` */
async function countNewAuthor(context: GatewayContext, address: string): Promise<Admission> {
  const counted = {
    name: 'new authors',
    what: 'new authors',
    loss: 'a new author stays counted',
    quota: context.options.quota.newAuthorsPerAddress,
  }
  const at = context.now()
  await hitByAddress(context, counted, address, at)
  return { giveBack: () => void refundByAddress(context, counted, address, at) }
}

async function isHeardOf({ store, now }: GatewayContext, author: Pubkey): Promise<boolean> {
  const [[count], lists] = await Promise.all([
    store.count([author], now()),
    store.getRelayLists([author], RELAY_LIST_KINDS),
  ])
  return count !== undefined || lists.length > 0
}
