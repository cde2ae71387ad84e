/** What an owner sees: how many of their own key packages each relay has, and which. Nothing is claimed. */

import type { AbstractRelay } from 'nostr-tools/abstract-relay'
import type { Signer } from 'nostr-tools/signer'
import { KEY_PACKAGE_KIND, SLOT_KIND } from '../../plugin/key-package/kinds.ts'
import { type Exposure, parseExposureNotice } from '../../plugin/nostr/machine-readable.ts'
import type { Connections } from './connections.ts'
import { type Timeout, withTimeout } from './time.ts'
import { type ReceivedKeyPackage, verifyKeyPackage } from './verify.ts'

/** How many packages a relay has, or why it did not say. */
export type StockCount =
  | { readonly relay: string; readonly outcome: 'counted'; readonly count: number }
  | { readonly relay: string; readonly outcome: 'unanswered'; readonly reason: string }

/** Which packages a relay has, or why it did not say. */
export type Stock =
  | { readonly relay: string; readonly outcome: 'listed'; readonly packages: readonly StockedKeyPackage[] }
  | { readonly relay: string; readonly outcome: 'unanswered'; readonly reason: string }

/** One of the owner's own packages. */
export interface StockedKeyPackage extends ReceivedKeyPackage {
  /** Set if the gateway delivered it as the shared package, and keeps it until there are others. */
  readonly exposed?: Exposure
}

export interface OwnerSettings extends Timeout {
  readonly connections: Connections
}

/** An owner sees one-time packages and slots alike. */
const KINDS = [KEY_PACKAGE_KIND, SLOT_KIND]

/** By COUNT (NIP-45). A relay at which the signer is not authenticated refuses, or does not answer. Never rejects. */
export async function countStock(
  relay: string,
  signer: Signer,
  settings: OwnerSettings,
): Promise<StockCount> {
  try {
    const authors = [await signer.getPublicKey()]
    const connection = await settings.connections.connectAuthenticated(relay)
    return { relay, outcome: 'counted', count: await count(connection, authors, settings) }
  } catch (error) {
    return { relay, outcome: 'unanswered', reason: (error as Error).message }
  }
}

/**
 * Sends the REQ only after the relay has answered a COUNT on the same connection: a gateway that does not know that the
 * client is the author would treat the REQ as a claim. Never rejects.
 */
export function listStock(relay: string, signer: Signer, settings: OwnerSettings): Promise<Stock> {
  const { connections, time } = settings
  return connections.enqueue(relay, async () => {
    try {
      const authors = [await signer.getPublicKey()]
      const connection = await connections.connectAuthenticated(relay)
      await count(connection, authors, settings)
      const { events, notices, end } = await connections.request(connection, [{ kinds: KINDS, authors }])
      if (end.by !== 'eose') {
        const reason = end.by === 'closed' ? end.message : 'no answer in time'
        return { relay, outcome: 'unanswered', reason }
      }
      const exposures = new Map(notices.flatMap((notice) => [...parseExposureNotice(notice)]))
      const packages = events.map(async (event): Promise<StockedKeyPackage> => {
        const received = await verifyKeyPackage(event, { relay, kinds: KINDS, authors, now: time.now() })
        const exposed = exposures.get(received.event.id)
        return exposed === undefined ? received : { ...received, exposed }
      })
      const results = await Promise.allSettled(packages)
      return {
        relay,
        outcome: 'listed',
        packages: results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : [])),
      }
    } catch (error) {
      return { relay, outcome: 'unanswered', reason: (error as Error).message }
    }
  })
}

/** @throws Error if the relay does not answer, or its answer is not a count */
async function count(connection: AbstractRelay, authors: string[], timeout: Timeout): Promise<number> {
  const counted = await withTimeout(connection.count([{ kinds: KINDS, authors }], {}), timeout)
  if (!Number.isSafeInteger(counted) || counted < 0) throw new Error('the relay sent an invalid count')
  return counted
}
