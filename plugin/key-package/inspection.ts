/** What a person who looks into a key package event is shown: its fields, what each check says, and who accepts it. */

import { isSignedEvent, shapeFault } from '../nostr/event.ts'
import type { SignedEvent } from '../nostr/messages.ts'
import { showCode } from './codes.ts'
import { type KeyPackage, keyPackageRef } from './decode.ts'
import { defaultEncoding } from './encoding.ts'
import { carriesLastResort } from './extensions.ts'
import { explainForReceivers, type Reception, receptions } from './generations.ts'
import type { CheckOutcome, Explanation } from './validate.ts'

/** Field names and values; times are seconds since the epoch. */
export type InspectedFields = Readonly<Record<string, string | number | boolean | readonly string[]>>

/** The outcome of one check, with the message that its publisher would read. */
export interface InspectedCheck {
  readonly check: string
  readonly outcome: CheckOutcome['outcome']
  readonly message?: string
}

export interface Inspection {
  readonly fields: InspectedFields
  /** As a receiver checks it, who knows no operator's settings. */
  readonly checks: readonly InspectedCheck[]
  /** Whether the clients of each generation accept it; none if it is no event. */
  readonly receivers: readonly Reception[]
}

/** The fields that are times. */
export const INSPECTED_TIMES: readonly string[] = ['created_at', 'not_before', 'not_after']

/**
 * Looks into an event as those who receive it do.
 * @param verifyEvent verifies id and signature
 * @param now seconds since the epoch
 */
export function inspect(
  event: unknown,
  verifyEvent: (event: SignedEvent) => boolean,
  now: number,
): Inspection {
  if (!isSignedEvent(event)) {
    const message = `invalid: ${shapeFault(event)}`
    return { fields: {}, checks: [{ check: 'event', outcome: 'refused', message }], receivers: [] }
  }
  const explained = explainForReceivers(event, verifyEvent, now)
  return {
    fields: fieldsOf(explained),
    checks: explained.checks.map(inspectedCheck),
    receivers: receptions(explained),
  }
}

export function inspectedCheck(outcome: CheckOutcome): InspectedCheck {
  if (outcome.outcome !== 'refused') return outcome
  return { check: outcome.check, outcome: 'refused', message: outcome.refusal.message }
}

function fieldsOf({ draft: { event, tags, keyPackage } }: Explanation): InspectedFields {
  const { encodings, relays, slots } = tags
  return {
    id: event.id,
    kind: event.kind,
    author: event.pubkey,
    created_at: event.created_at,
    encoding: encodings[0] ?? defaultEncoding(event.kind),
    ...(slots[0] !== undefined && { slot: slots[0] }),
    ...(relays.length > 0 && { relays }),
    ...(keyPackage && keyPackageFields(keyPackage)),
  }
}

function keyPackageFields(keyPackage: KeyPackage): InspectedFields {
  const { bytes, ciphersuite, leafNode, extensions } = keyPackage
  return {
    bytes: bytes.length,
    ref: keyPackageRef(bytes, ciphersuite),
    ciphersuite: showCode(ciphersuite),
    identity: Buffer.from(leafNode.credential.data).toString('hex'),
    not_before: leafNode.notBefore,
    not_after: leafNode.notAfter,
    extensions: extensions.map(({ type }) => showCode(type)),
    last_resort: carriesLastResort(keyPackage),
  }
}
