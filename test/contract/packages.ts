/** Made-up packages, claims and limits: what a store keeps, without any MLS in it. */

import { createHash } from 'node:crypto'
import type { Pubkey, SignedEvent } from '../../plugin/nostr/messages.ts'
import type {
  Claim,
  ClaimPolicy,
  Deletion,
  Quota,
  StockLimits,
  StoredKeyPackage,
} from '../../plugin/store.ts'

/** The suite's clock, in seconds since the epoch. */
export const NOW = 1_700_000_000
export const HOUR = 3600
export const DAY = 86_400

/** Limits that nothing in the suite reaches by accident. */
export const PLENTY: Quota = { max: 1_000_000, windowSeconds: HOUR }

export const LIMITS: StockLimits = { max: 10, overflow: 'reject', retireAfterSeconds: 600, publish: PLENTY }

export const POLICY: ClaimPolicy = {
  perAuthor: PLENTY,
  perAddress: PLENTY,
  keep: 0,
  redeliverySeconds: 0,
  retireAfterSeconds: 600,
  low: 0,
}

/** The same 32 bytes in hex for the same name: a pubkey, an event id, a KeyPackageRef. */
export function hex(name: string): string {
  const known = hexOf.get(name)
  if (known !== undefined) return known
  const made = createHash('sha256').update(name).digest('hex')
  hexOf.set(name, made)
  return made
}

/** Random histories ask for the same few names again and again. */
const hexOf = new Map<string, string>()

export function authorNamed(name: string): Pubkey {
  return hex(`author ${name}`)
}

/** A package that a store could have been given; `name` decides its id and ref. Valid for 30 days from `NOW`. */
export function packageNamed(
  name: string,
  author: Pubkey,
  overrides: Partial<StoredKeyPackage> = {},
): StoredKeyPackage {
  const id = hex(`event ${name}`)
  const ref = hex(`ref ${name}`)
  const createdAt = overrides.createdAt ?? NOW - HOUR
  return {
    id,
    ref,
    author,
    kind: 443,
    createdAt,
    expiresAt: NOW + 30 * DAY,
    lastResort: false,
    tags: [['i', ref]],
    event: JSON.stringify({
      id,
      pubkey: author,
      created_at: createdAt,
      kind: 443,
      content: `bytes of ${name}`,
    }),
    contentForm: 'hex',
    ...overrides,
  }
}

/** A kind 30443 package in the slot `slot`. */
export function slotNamed(
  name: string,
  author: Pubkey,
  slot: string,
  overrides: Partial<StoredKeyPackage> = {},
): StoredKeyPackage {
  return packageNamed(name, author, {
    kind: 30443,
    slot,
    contentForm: 'base64',
    tags: [['d', slot]],
    ...overrides,
  })
}

/** A claim of one package of either kind by `requester`, who comes from an address of its own. */
export function claimBy(requester: string, author: Pubkey, overrides: Partial<Claim> = {}): Claim {
  return {
    author,
    requester,
    address: `address of ${requester}`,
    maximum: 1,
    narrowings: [{ kinds: [443, 30443] }],
    ...overrides,
  }
}

export { NO_DELETIONS } from '../../plugin/stock/deletions.ts'

/** A deletion of what was created until `NOW`; it is remembered as long as the packages above are valid. */
export function deletionOf(overrides: Partial<Deletion>): Deletion {
  return { createdUntil: NOW, keptUntil: NOW + 30 * DAY, ...overrides }
}

/** A relay list that names one relay. */
export function relayListOf(
  author: Pubkey,
  createdAt: number,
  relay = 'wss://relay.example',
  kind = 10051,
): SignedEvent {
  return {
    id: hex(`relay list ${author} ${createdAt} ${relay} ${kind}`),
    pubkey: author,
    created_at: createdAt,
    kind,
    tags: [[kind === 10002 ? 'r' : 'relay', relay]],
    content: '',
    sig: '00'.repeat(64),
  }
}
