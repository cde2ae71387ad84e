/** Which of the events a relay delivered are the key packages that were asked for, and good. */

import type { NostrEvent } from 'nostr-tools/core'
import { verifyEvent } from 'nostr-tools/pure'
import { bytesToHex } from 'nostr-tools/utils'
import type { KeyPackage } from 'ts-mls'
import { restoreSignedEvent } from '../../plugin/key-package/restore.ts'
import { isSignedEvent } from '../../plugin/nostr/event.ts'
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

/** @throws Error saying why the event is none of them */
export async function receive(delivered: unknown, wanted: Wanted): Promise<ReceivedKeyPackage> {
  if (!isSignedEvent(delivered)) throw new Error('this is not an event')
  const event = restoreSignedEvent(delivered) as unknown as NostrEvent
  if (!wanted.kinds.includes(event.kind)) throw new Error(`nobody asked for kind ${event.kind}`)
  if (!wanted.authors.includes(event.pubkey)) throw new Error(`nobody asked for packages of ${event.pubkey}`)
  if (!verifyEvent(event)) throw new Error('the signature is not the author’s')
  const { keyPackage, bytes } = readKeyPackage(contentOf(event))
  if (identityOf(keyPackage) !== event.pubkey) throw new Error('the credential is not the author’s')
  if (expiryOf(event, keyPackage) * 1000 <= wanted.now) throw new Error('the key package has expired')
  const ref = bytesToHex(await calculateKeyPackageRef(bytes))
  return { author: event.pubkey, event, bytes, keyPackage, ref }
}

/** In seconds since the epoch: of the key package, or of its event if that is sooner (NIP-40). */
function expiryOf({ tags }: NostrEvent, { leafNode: { lifetime } }: KeyPackage): number {
  const expiration = Number(tags.find(([name]) => name === 'expiration')?.[1] ?? Number.POSITIVE_INFINITY)
  return Math.min(Number(lifetime.notAfter), expiration)
}
