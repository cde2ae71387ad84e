/** Decides whether a key package event is accepted: checks in order; the first that fails gives the answer. */

import type { SignedEvent } from '../nostr/messages.ts'
import { Refusal } from '../nostr/refusal.ts'
import type { StoredKeyPackage } from '../store.ts'
import * as checks from './checks.ts'
import type { KeyPackage } from './decode.ts'
import { storedText } from './encoding.ts'
import { carriesLastResort } from './extensions.ts'
import { SLOT_KIND } from './kinds.ts'
import { checkMarmot } from './marmot.ts'
import { checkForReceivers } from './receivers.ts'
import { readTags } from './tags.ts'

/** The outcome of one check. `skipped`: it is disabled, or what it checks could not be read. */
export type CheckOutcome =
  | { readonly check: string; readonly outcome: 'passed' | 'skipped' }
  | { readonly check: string; readonly outcome: 'refused'; readonly refusal: Refusal }

interface Check {
  readonly name: string
  /** @throws Refusal */
  readonly run: (draft: checks.Draft) => 'passed' | 'skipped'
}

/** In this order. Tests call them `row 1` to `row 17`; row 3, who is banned, is part of the second. */
const CHECKS: readonly Check[] = [
  { name: 'event', run: passing(checks.checkEvent) },
  { name: 'protection', run: passing(checks.checkSender) },
  { name: 'time and author', run: passing(checks.checkTimeAndAuthor) },
  { name: 'expiration', run: passing(checks.checkExpiration) },
  { name: 'protocol version', run: passing(checks.checkProtocolVersion) },
  { name: 'encoding', run: passing(checks.readEncoding) },
  { name: 'content', run: checks.decodeContent },
  { name: 'KeyPackage', run: checks.decodeMls },
  { name: 'ciphersuite', run: ofKeyPackage(checks.checkCiphersuite) },
  { name: 'credential', run: ofKeyPackage(checks.checkCredential) },
  { name: 'receivers', run: ofKeyPackage(checkForReceivers) },
  { name: 'last_resort', run: passing(checks.checkLastResort) },
  { name: 'lifetime', run: passing(checks.checkLifetime) },
  { name: 'MLS signatures', run: checks.verifyMls },
  { name: 'KeyPackageRef', run: checks.checkRef },
  { name: 'slot', run: passing(checks.checkSlot) },
  { name: 'Marmot specification', run: checkMarmot },
]

/**
 * Checks an event, and returns what a store keeps of it.
 * @param now seconds since the epoch
 * @throws Refusal of the first check that fails
 */
export function checkKeyPackage(
  event: SignedEvent,
  rules: checks.KeyPackageRules,
  now: number,
): StoredKeyPackage {
  const draft: checks.Draft = { event, tags: readTags(event), rules, now }
  for (const { run } of CHECKS) run(draft)
  return toStored(draft)
}

/** What all checks say of an event, in their order, and what they found in it. */
export interface Explanation {
  readonly checks: readonly CheckOutcome[]
  readonly draft: checks.Draft
}

/** Runs all checks, also after one that refuses. */
export function explainKeyPackage(
  event: SignedEvent,
  rules: checks.KeyPackageRules,
  now: number,
): Explanation {
  const draft: checks.Draft = { event, tags: readTags(event), rules, now }
  const outcomes = CHECKS.map(({ name, run }): CheckOutcome => {
    try {
      return { check: name, outcome: run(draft) }
    } catch (error) {
      if (error instanceof Refusal) return { check: name, outcome: 'refused', refusal: error }
      throw error
    }
  })
  return { checks: outcomes, draft }
}

function passing(check: (draft: checks.Draft) => void): Check['run'] {
  return (draft) => {
    check(draft)
    return 'passed'
  }
}

/** A check that is skipped if the KeyPackage was not decoded. */
function ofKeyPackage(check: (keyPackage: KeyPackage, draft: checks.Draft) => void): Check['run'] {
  return (draft) => {
    if (draft.keyPackage === undefined) return 'skipped'
    check(draft.keyPackage, draft)
    return 'passed'
  }
}

function toStored(draft: checks.Draft): StoredKeyPackage {
  const { event, tags, content, keyPackage, ref, rules } = draft
  if (content === undefined || ref === undefined) throw new Error('a check passed without setting its result')
  const expirations = tags.expirations.filter((expiration) => expiration !== undefined)
  const slot = event.kind === SLOT_KIND ? tags.slots[0] : undefined
  const usableUntil = Math.min(
    keyPackage?.leafNode.notAfter ?? Number.POSITIVE_INFINITY,
    event.created_at + rules.stock.ttlSeconds,
  )
  const expiresAt = Math.min(usableUntil, ...expirations)
  return {
    author: event.pubkey,
    id: event.id,
    ref,
    kind: event.kind,
    createdAt: event.created_at,
    expiresAt,
    ...(expiresAt < usableUntil && { keyPackageExpiresAt: usableUntil }),
    lastResort: keyPackage === undefined ? tags.announcesLastResort : carriesLastResort(keyPackage),
    ...(slot === undefined ? {} : { slot }),
    tags: tags.letters,
    event: storedText(event, content.bytes),
    contentForm: content.form,
  }
}
