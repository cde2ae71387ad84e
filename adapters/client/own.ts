/** What relays have of the signer's own key packages; looking uses nothing up. */

import type { AbstractRelay } from 'nostr-tools/abstract-relay'
import type { Signer } from 'nostr-tools/signer'
import type { Connections } from './connections.ts'
import { type ReceivedKeyPackage, receive } from './receive.ts'
import { type Time, within } from './time.ts'

/** How many packages a relay has, or why it does not say. */
export type StockCount =
  | { readonly relay: string; readonly count: number }
  | { readonly relay: string; readonly reason: string }

/** Which packages a relay has, or why it does not say. */
export type Stock =
  | { readonly relay: string; readonly packages: readonly StockedKeyPackage[] }
  | { readonly relay: string; readonly reason: string }

export interface StockedKeyPackage extends ReceivedKeyPackage {
  /** Set where the gateway has handed it out, as the last one it had, and keeps it until there are others. */
  readonly exposed?: Exposure
}

/** To how many requests, and since when, in seconds since the epoch. */
export interface Exposure {
  readonly requests: number
  readonly since: number
}

export interface OwnSettings {
  readonly connections: Connections
  readonly kinds: readonly number[]
  readonly time: Time
  readonly patienceMs: number
}

/** By NIP-45. A relay that does not believe who asks refuses, or does not answer. */
export async function countOwn(relay: string, signer: Signer, settings: OwnSettings): Promise<StockCount> {
  try {
    const authors = [await signer.getPublicKey()]
    return { relay, count: await count(await settings.connections.own(relay), authors, settings) }
  } catch (error) {
    return { relay, reason: (error as Error).message }
  }
}

/**
 * Only where the relay counts them, and on the same connection: of somebody it does not know to be the author, a gateway
 * would take it for a claim.
 */
export function listOwn(relay: string, signer: Signer, settings: OwnSettings): Promise<Stock> {
  const { connections, kinds, time } = settings
  return connections.inTurn(relay, async () => {
    try {
      const authors = [await signer.getPublicKey()]
      const connection = await connections.own(relay)
      await count(connection, authors, settings)
      const reply = await connections.ask(connection, [{ kinds: [...kinds], authors }])
      const { events, notices, end } = reply
      if (end.by !== 'eose') return { relay, reason: end.by === 'closed' ? end.message : 'no answer in time' }
      const exposures = exposuresIn(notices)
      const packages = events.map(async (event) => {
        const received = await receive(event, { kinds, authors, now: time.now() })
        const exposed = exposures.get(received.event.id)
        return exposed === undefined ? received : { ...received, exposed }
      })
      const good = await Promise.allSettled(packages)
      return { relay, packages: good.flatMap((pkg) => (pkg.status === 'fulfilled' ? [pkg.value] : [])) }
    } catch (error) {
      return { relay, reason: (error as Error).message }
    }
  })
}

/** @throws Error where the relay does not say, or says what is no number */
async function count(
  connection: AbstractRelay,
  authors: string[],
  { kinds, time, patienceMs }: OwnSettings,
): Promise<number> {
  const counting = connection.count([{ kinds: [...kinds], authors }], {})
  const counted = await within(time, patienceMs, 'no answer in time', counting)
  if (!Number.isSafeInteger(counted) || counted < 0) throw new Error('the relay’s count is no number')
  return counted
}

/** By event id, what the gateway's NOTICE says. */
function exposuresIn(notices: readonly string[]): ReadonlyMap<string, Exposure> {
  const said = notices.filter((notice) => notice.startsWith('exposed: ')).join()
  const exposures = said.matchAll(/([0-9a-f]{64}) to (\d{1,15}) requests since (\d{1,15})/g)
  return new Map(
    [...exposures].map(([, id = '', requests, since]) => [
      id,
      { requests: Number(requests), since: Number(since) },
    ]),
  )
}
