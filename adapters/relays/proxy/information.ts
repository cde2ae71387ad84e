/** The relay's own information document (NIP-11), with what the gateway before it adds: of two limits, the stricter. */

import type { KeyPackageGateway } from '../../../plugin/gateway.ts'
import { LONGEST_SUBSCRIPTION_ID } from '../../../plugin/subscriptions.ts'
import type { ServerOptions } from '../server-options.ts'

/** What the gateway does whatever the relay does: this document, and AUTH (NIP-42). */
const ADDED_NIPS = [11, 42]

interface Document {
  readonly [field: string]: unknown
}

export function mergedInformation(
  relay: unknown,
  gateway: Pick<KeyPackageGateway, 'options' | 'keyPackagesInformation'>,
  options: ServerOptions,
): object {
  const document = isDocument(relay) ? relay : { name: options.name, description: options.description }
  const limitation = isDocument(document.limitation) ? document.limitation : {}
  return {
    ...document,
    supported_nips: withAdded(document.supported_nips),
    limitation: {
      ...limitation,
      max_message_length: stricter(limitation.max_message_length, options.maxMessageBytes),
      max_subscriptions: stricter(limitation.max_subscriptions, options.maxSubscriptions),
      max_subid_length: stricter(limitation.max_subid_length, LONGEST_SUBSCRIPTION_ID),
      restricted_writes: true,
    },
    key_packages: gateway.keyPackagesInformation(),
  }
}

function withAdded(nips: unknown): unknown[] {
  const listed: unknown[] = Array.isArray(nips) ? nips : []
  return [...new Set([...listed, ...ADDED_NIPS])].sort((a, b) => Number(a) - Number(b))
}

function stricter(limit: unknown, ours: number): number {
  return typeof limit === 'number' && limit > 0 ? Math.min(limit, ours) : ours
}

function isDocument(value: unknown): value is Document {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
