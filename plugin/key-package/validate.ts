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
import { hasValidSignatures } from './signatures.ts'
import { readTags } from './tags.ts'

/** The outcome of one check. `skipped`: it is disabled, or what it checks could not be read. */
export type CheckOutcome =
  | { readonly check: string; readonly outcome: 'passed' | 'skipped' }
  | { readonly check: string; readonly outcome: 'refused'; readonly refusal: Refusal }

/** What a check asks of whoever runs the checks: whether signatures are valid. That may be found out in another thread. */
export type SignatureQuestion =
  | { readonly of: 'event'; readonly event: SignedEvent }
  | { readonly of: 'key package'; readonly keyPackage: KeyPackage }

/** The rules for checks that are run in this thread. */
export interface RulesHere extends checks.KeyPackageRules {
  /** Verifies id and signature; left out if the relay has done so. */
  readonly verifyEvent?: (event: SignedEvent) => boolean
}

/** A check that is run. Each question that it yields is answered with whether the signatures are valid. */
type Running<Outcome> = Generator<SignatureQuestion, Outcome, boolean>

interface Check {
  readonly name: string
  /** @throws Refusal */
  readonly run: (draft: checks.Draft) => 'passed' | 'skipped' | Running<'passed' | 'skipped'>
}

/** In this order. Tests call them `row 1` to `row 17`; row 3, who is banned, is part of the second. */
const CHECKS: readonly Check[] = [
  { name: 'event', run: checkEvent },
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
  { name: 'MLS signatures', run: checkMlsSignatures },
  { name: 'KeyPackageRef', run: checks.checkRef },
  { name: 'slot', run: passing(checks.checkSlot) },
  { name: 'Marmot specification', run: checkMarmot },
]

/**
 * Checks an event in this thread, and returns what a store keeps of it.
 * @param now seconds since the epoch
 * @throws Refusal of the first check that fails
 */
export function checkKeyPackage(event: SignedEvent, rules: RulesHere, now: number): StoredKeyPackage {
  const draft: checks.Draft = { event, tags: readTags(event), rules, now }
  for (const check of CHECKS) runHere(check, draft, rules)
  return toStored(draft)
}

/**
 * The same, while signatures are verified elsewhere.
 * @param answer whether the signatures are valid
 * @throws Refusal of the first check that fails
 */
export async function checkKeyPackageElsewhere(
  event: SignedEvent,
  rules: checks.KeyPackageRules,
  now: number,
  answer: (question: SignatureQuestion) => Promise<boolean>,
): Promise<StoredKeyPackage> {
  const draft: checks.Draft = { event, tags: readTags(event), rules, now }
  for (const { run } of CHECKS) {
    const running = run(draft)
    if (typeof running === 'string') continue
    for (let step = running.next(); step.done !== true; ) step = running.next(await answer(step.value))
  }
  return toStored(draft)
}

/** What all checks say of an event, in their order, and what they found in it. */
export interface Explanation {
  readonly checks: readonly CheckOutcome[]
  readonly draft: checks.Draft
}

/** Runs all checks, also after one that refuses. */
export function explainKeyPackage(event: SignedEvent, rules: RulesHere, now: number): Explanation {
  const draft: checks.Draft = { event, tags: readTags(event), rules, now }
  const outcomes = CHECKS.map((check): CheckOutcome => {
    try {
      return { check: check.name, outcome: runHere(check, draft, rules) }
    } catch (error) {
      if (error instanceof Refusal) return { check: check.name, outcome: 'refused', refusal: error }
      throw error
    }
  })
  return { checks: outcomes, draft }
}

/** @throws Refusal */
function runHere({ run }: Check, draft: checks.Draft, { verifyEvent }: RulesHere): 'passed' | 'skipped' {
  const running = run(draft)
  if (typeof running === 'string') return running
  let step = running.next()
  while (step.done !== true) {
    const { value: question } = step
    const isValid =
      question.of === 'event'
        ? (verifyEvent?.(question.event) ?? true)
        : hasValidSignatures(question.keyPackage)
    step = running.next(isValid)
  }
  return step.value
}

function* checkEvent(draft: checks.Draft): Running<'passed'> {
  checks.checkEvent(draft)
  const { event } = draft
  if (!(yield { of: 'event', event })) throw checks.refusalOfSignature(event)
  return 'passed'
}

function* checkMlsSignatures({ keyPackage, rules }: checks.Draft): Running<'passed' | 'skipped'> {
  if (keyPackage === undefined || rules.validation.mls !== 'verify') return 'skipped'
  if (!(yield { of: 'key package', keyPackage })) throw checks.refusalOfMlsSignature()
  return 'passed'
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
