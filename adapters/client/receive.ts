/** Which of the events a relay delivered are the key packages that were asked for, and good. */

import type { NostrEvent } from 'nostr-tools/core'
import { verifyEvent } from 'nostr-tools/pure'
import { bytesToHex } from 'nostr-tools/utils'
import { ciphersuites, type KeyPackage } from 'ts-mls'
import { restoreSignedEvent } from '../../plugin/key-package/restore.ts'
import { readTags } from '../../plugin/key-package/tags.ts'
import { isSignedEvent } from '../../plugin/nostr/event.ts'
import type { SignedEvent } from '../../plugin/nostr/messages.ts'
import { contentOf } from './events.ts'
import { calculateKeyPackageRef, identityOf, readKeyPackage } from './mls.ts'

/** A key package of somebody else's, to be used once. */
export interface ReceivedKeyPackage {
  readonly author: string
  /** As its author signed it. */
  readonly event: NostrEvent
  /** The bare KeyPackage, TLS-serialised. */
  readonly bytes: Uint8Array
  /** The same, as ts-mls has it; its MLS signatures are checked when it is used. */
  readonly keyPackage: KeyPackage
  /** The KeyPackageRef, in lower-case hex. */
  readonly ref: string
}

/** What a relay delivered, and why it is of no use. */
export interface RejectedEvent {
  readonly relay: string
  readonly event: unknown
  readonly reason: string
}

export interface Wanted {
  readonly kinds: readonly number[]
  readonly authors: readonly string[]
  /** Milliseconds since the epoch. */
  readonly now: number
}

/** Clocks may be so far apart. */
const SKEW_SECONDS = 3600

/** @throws Error saying why the event is none of them */
export async function receive(delivered: unknown, wanted: Wanted): Promise<ReceivedKeyPackage> {
  if (!isSignedEvent(delivered)) throw new Error('this is not an event')
  const { kind, pubkey } = delivered
  if (!wanted.kinds.includes(kind)) throw new Error(`nobody asked for kind ${kind}`)
  if (!wanted.authors.includes(pubkey)) throw new Error(`nobody asked for packages of ${pubkey}`)
  const signed = restoreSignedEvent(delivered)
  const event = signed as unknown as NostrEvent
  if (!verifyEvent(event)) throw new Error('the signature is not the author’s')
  const { keyPackage, bytes } = readKeyPackage(contentOf(event))
  if (identityOf(keyPackage) !== pubkey) throw new Error('the credential is not the author’s')
  const ref = bytesToHex(await calculateKeyPackageRef(bytes))
  checkTags(signed, keyPackage, ref)
  checkLifetime(signed, keyPackage, wanted.now / 1000)
  return { author: pubkey, event, bytes, keyPackage, ref }
}

/** What the event says of the package is what the gateway, and its filters, went by. */
function checkTags(event: SignedEvent, { cipherSuite }: KeyPackage, ref: string): void {
  const tags = readTags(event)
  if (tags.ciphersuites.some((code) => code !== ciphersuites[cipherSuite])) {
    throw new Error('the key package has another ciphersuite than its event says')
  }
  if (tags.refs.some((named) => named !== ref)) {
    throw new Error('the key package has another KeyPackageRef than its event says')
  }
}

/** @param now seconds since the epoch */
function checkLifetime(event: SignedEvent, { leafNode: { lifetime } }: KeyPackage, now: number): void {
  // One that cannot be read says nothing that could be relied on.
  const ends = [Number(lifetime.notAfter), ...readTags(event).expirations.map((end) => end ?? 0)]
  if (ends.some((end) => end <= now)) throw new Error('the key package has expired')
  if (Number(lifetime.notBefore) > now + SKEW_SECONDS) throw new Error('the key package is not valid yet')
}
