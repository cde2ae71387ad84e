/** What there is to say about one key package event: its fields, and the outcome of each check. */

import type { KeyPackageRules } from '../../plugin/key-package/checks.ts'
import { showCode } from '../../plugin/key-package/ciphersuites.ts'
import { defaultEncoding, isEncoding, readContent } from '../../plugin/key-package/encoding.ts'
import {
  carriesLastResort,
  decodeKeyPackage,
  type KeyPackage,
  keyPackageRef,
} from '../../plugin/key-package/mls.ts'
import { readTags } from '../../plugin/key-package/tags.ts'
import { type CheckOutcome, explainKeyPackage } from '../../plugin/key-package/validate.ts'
import { isSignedEvent, shapeFault } from '../../plugin/nostr/event.ts'
import type { SignedEvent } from '../../plugin/nostr/messages.ts'
import { Refusal } from '../../plugin/nostr/refusal.ts'

/** A field's name and its value; times are seconds since the epoch. */
export type Fields = Readonly<Record<string, string | number | boolean | readonly string[]>>

export interface Report {
  readonly accepted: boolean
  /** Why it would be refused, as a client would read it. */
  readonly message?: string
  readonly fields: Fields
  readonly checks: readonly CheckReport[]
}

export interface CheckReport {
  readonly check: string
  readonly outcome: CheckOutcome['outcome']
  readonly message?: string
}

/** Judges an event as if its author, authenticated, published it at `now`, in seconds since the epoch. */
export function inspectEvent(
  event: unknown,
  rules: Omit<KeyPackageRules, 'authenticatedAs'>,
  now: number,
): Report {
  if (!isSignedEvent(event)) {
    const message = `invalid: ${shapeFault(event)}`
    return { accepted: false, message, fields: {}, checks: [{ check: 'event', outcome: 'refused', message }] }
  }
  const outcomes = explainKeyPackage(event, { ...rules, authenticatedAs: new Set([event.pubkey]) }, now)
  const checks = outcomes.map(reportOf)
  const refused = checks.find(({ outcome }) => outcome === 'refused')
  return {
    accepted: refused === undefined,
    ...(refused?.message !== undefined && { message: refused.message }),
    fields: fieldsOf(event),
    checks,
  }
}

function reportOf(outcome: CheckOutcome): CheckReport {
  if (outcome.outcome !== 'refused') return outcome
  return { check: outcome.check, outcome: 'refused', message: outcome.refusal.message }
}

function fieldsOf(event: SignedEvent): Fields {
  const { encodings, relays, slots } = readTags(event)
  const keyPackage = decode(event)
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

function keyPackageFields(keyPackage: KeyPackage): Fields {
  const { bytes, ciphersuite, leafNode, extensions } = keyPackage
  return {
    bytes: bytes.length,
    ref: keyPackageRef(bytes, ciphersuite),
    ciphersuite: showCode(ciphersuite),
    identity: Buffer.from(leafNode.credential.data).toString('hex'),
    not_before: leafNode.notBefore,
    not_after: leafNode.notAfter,
    extensions: extensions.map(showCode),
    last_resort: carriesLastResort(keyPackage),
  }
}

/** The KeyPackage in an event's content, if there is one. */
function decode(event: SignedEvent): KeyPackage | undefined {
  const [encoding = defaultEncoding(event.kind)] = readTags(event).encodings
  if (!isEncoding(encoding)) return undefined
  try {
    return decodeKeyPackage(readContent(event.content, encoding).bytes)
  } catch (error) {
    if (error instanceof Refusal) return undefined
    throw error
  }
}
