/** Verifies a delivered event: is it a valid key package that was asked for? */

import type { NostrEvent } from 'nostr-tools/core'
import { verifyEvent } from 'nostr-tools/pure'
import { bytesToHex } from 'nostr-tools/utils'
import { ciphersuites, type KeyPackage } from 'ts-mls'
import { withContent } from '../../plugin/key-package/encoding.ts'
import { restoreSignedEvent } from '../../plugin/key-package/restore.ts'
import { readTags } from '../../plugin/key-package/tags.ts'
import { isSignedEvent } from '../../plugin/nostr/event.ts'
import type { SignedEvent } from '../../plugin/nostr/messages.ts'
import { getKeyPackageBytes } from './events.ts'
import { calculateKeyPackageRef, identityOf, isLastResort, readKeyPackage } from './mls.ts'

/**
 * A verified key package of another author. Use it for one group only. It is plain data, which JSON keeps unchanged;
 * `getKeyPackage(event)` has it for ts-mls, and `getKeyPackageBytes(event)` for other MLS libraries.
 */
export interface ReceivedKeyPackage {
  /** Pubkey, 64 lower-case hex characters. */
  readonly author: string
  /** The relay that delivered it. */
  readonly relay: string
  /** The KeyPackageRef (RFC 9420 section 5.2), in lower-case hex. */
  readonly ref: string
  /** Whether its author allows it to be used more than once (RFC 9420 section 16.8). */
  readonly isLastResort: boolean
  /** The event as its author signed it, also where the gateway delivered it re-encoded. Kind 30443 is a slot. */
  readonly event: NostrEvent
}

/** An event that was delivered and failed verification. */
export interface RejectedEvent {
  readonly relay: string
  readonly event: unknown
  readonly reason: string
}

export interface Requested {
  readonly relay: string
  readonly kinds: readonly number[]
  readonly authors: readonly string[]
  /** Milliseconds since the epoch. */
  readonly now: number
}

/** How far clocks may differ. */
const CLOCK_SKEW_SECONDS = 3600

/** @throws Error that says why the event is not a valid key package that was requested */
export async function verifyKeyPackage(
  delivered: unknown,
  requested: Requested,
): Promise<ReceivedKeyPackage> {
  if (!isSignedEvent(delivered)) throw new Error('not a Nostr event')
  const { kind, pubkey } = delivered
  if (!requested.kinds.includes(kind)) throw new Error(`kind ${kind} was not requested`)
  if (!requested.authors.includes(pubkey)) throw new Error(`author ${pubkey} was not requested`)
  const event = restoreSignedEvent(delivered)
  if (!verifyEvent(event)) throw new Error('the event signature is not valid')
  const { keyPackage, bytes } = readKeyPackage(getKeyPackageBytes(event))
  if (identityOf(keyPackage) !== pubkey) throw new Error('the credential is not that of the author')
  const ref = bytesToHex(await calculateKeyPackageRef(bytes))
  checkTags(event, keyPackage, ref)
  checkLifetime(event, keyPackage, requested.now / 1000)
  return {
    author: pubkey,
    relay: requested.relay,
    ref,
    isLastResort: isLastResort(keyPackage),
    event: withContent(event, event.content, event.tags),
  }
}

/** The tags are what the gateway's filters match, so they have to agree with the KeyPackage. */
function checkTags(event: SignedEvent, { cipherSuite }: KeyPackage, ref: string): void {
  const tags = readTags(event)
  if (tags.ciphersuites.some((code) => code !== ciphersuites[cipherSuite])) {
    throw new Error('the ciphersuite tag does not match the key package')
  }
  if (tags.refs.some((tagged) => tagged !== ref))
    throw new Error('the i tag does not match the KeyPackageRef')
}

/** @param now seconds since the epoch */
function checkLifetime(event: SignedEvent, { leafNode: { lifetime } }: KeyPackage, now: number): void {
  // An expiration that is not a number cannot be relied on, so it counts as past.
  const ends = [Number(lifetime.notAfter), ...readTags(event).expirations.map((end) => end ?? 0)]
  if (ends.some((end) => end <= now)) throw new Error('the key package has expired')
  if (Number(lifetime.notBefore) > now + CLOCK_SKEW_SECONDS) {
    throw new Error('the key package is not valid yet')
  }
}
