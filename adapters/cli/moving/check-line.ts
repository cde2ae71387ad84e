/** Decides by itself what a line of an import is worth: the checks of a published event, without a look at the store. */

import { KEY_PACKAGE_KIND, SLOT_KIND } from '../../../plugin/key-package/kinds.ts'
import { checkKeyPackage, type RulesHere } from '../../../plugin/key-package/validate.ts'
import { DELETION_KIND, VANISH_KIND } from '../../../plugin/lifecycle/deletion.ts'
import { checkRelayList, RELAY_LIST_KINDS } from '../../../plugin/lifecycle/relay-list.ts'
import { checkNotAhead } from '../../../plugin/nostr/event.ts'
import type { SignedEvent } from '../../../plugin/nostr/messages.ts'
import { Refusal } from '../../../plugin/nostr/refusal.ts'
import type { Options } from '../../../plugin/options.ts'
import { rankOf } from '../../../plugin/publish/home.ts'
import type { Exposure, StoredKeyPackage } from '../../../plugin/store.ts'
import type { StoreRecord } from '../../../plugin/store-records.ts'
import { parseRecord } from './records.ts'

const KEY_PACKAGE_KINDS = [KEY_PACKAGE_KIND, SLOT_KIND]

/** What the checks depend on. It can be sent to a thread. */
export interface CheckRules extends Pick<Options, 'kinds' | 'validation' | 'stock'> {
  /** From which the order of delivery follows (`KeyPackageStore.keepUrl`). */
  readonly storeUrl: string
}

/**
 * What remains to be done with a line. Plain data, which can be sent between threads.
 * - `refused`: nothing, and why.
 * - `nothing`: nothing. The line is empty, its event is of another kind, or was valid and has expired.
 * - `record`: it says what a store remembers.
 * - `relay list`, `deletion`: valid, but only the store knows whether it is new, or what it deletes.
 * - `key package`: valid, and to be put into the stock.
 */
export type CheckedLine =
  | { readonly to: 'refused'; readonly reason: string }
  | { readonly to: 'nothing'; readonly because: 'empty' | 'ignored' | 'expired' }
  | { readonly to: 'record'; readonly record: Exclude<StoreRecord, { readonly event: SignedEvent }> }
  | { readonly to: 'relay list'; readonly event: SignedEvent }
  | { readonly to: 'deletion'; readonly event: SignedEvent; readonly isSigned: boolean }
  | { readonly to: 'key package'; readonly pkg: StoredKeyPackage }

type VerifyEvent = (event: SignedEvent) => boolean

/** @param now seconds since the epoch */
export function checkLine(
  line: string,
  rules: CheckRules,
  verifyEvent: VerifyEvent,
  now: number,
): CheckedLine {
  if (line.trim() === '') return { to: 'nothing', because: 'empty' }
  try {
    return checkRecord(parseRecord(line), rules, verifyEvent, now)
  } catch (error) {
    if (error instanceof Refusal) return { to: 'refused', reason: error.reason }
    throw error
  }
}

/**
 * @param now seconds since the epoch
 * @throws Refusal of the first check that fails
 */
export function checkRecord(
  record: StoreRecord,
  rules: CheckRules,
  verifyEvent: VerifyEvent,
  now: number,
): CheckedLine {
  if ('spent' in record && record.spent.expiresAt <= now) return { to: 'nothing', because: 'expired' }
  if (!('event' in record)) return { to: 'record', record }
  const { event, exposure } = record
  if (RELAY_LIST_KINDS.includes(event.kind)) {
    if (!verifyEvent(event)) throw new Refusal('invalid', 'wrong id or signature')
    checkNotAhead(event, now)
    checkRelayList(event)
    return { to: 'relay list', event }
  }
  // One that deletes nothing here is ignored, signed or not; only the store knows.
  if (event.kind === DELETION_KIND || event.kind === VANISH_KIND)
    return { to: 'deletion', event, isSigned: verifyEvent(event) }
  if (!KEY_PACKAGE_KINDS.includes(event.kind)) return { to: 'nothing', because: 'ignored' }
  return checkPackage(event, exposure, rules, verifyEvent, now)
}

function checkPackage(
  event: SignedEvent,
  exposure: Exposure | undefined,
  { kinds, validation, stock, storeUrl }: CheckRules,
  verifyEvent: VerifyEvent,
  now: number,
): CheckedLine {
  // Whoever imports can write to the store directly, so the author's authentication (NIP-70) is not required.
  const authenticatedAs = new Set([event.pubkey])
  const rules: RulesHere = { kinds, validation, stock, verifyEvent, authenticatedAs }
  const pkg = checkUnlessExpired(event, rules, now)
  if (pkg === 'expired') return { to: 'nothing', because: 'expired' }
  // A slot is handed out again and again, so exposure is not recorded for it, and it has no rank.
  if (pkg.slot !== undefined) return { to: 'key package', pkg }
  return {
    to: 'key package',
    pkg: { ...pkg, ...(exposure !== undefined && { exposure }), rank: rankOf(event, storeUrl) },
  }
}

/** @throws Refusal */
function checkUnlessExpired(event: SignedEvent, rules: RulesHere, now: number): StoredKeyPackage | 'expired' {
  try {
    return checkKeyPackage(event, rules, now)
  } catch (error) {
    if (error instanceof Refusal && wasValid(event, rules, now)) return 'expired'
    throw error
  }
}

/** Whether it passed every check when it was created: then it is refused now only because of its age. */
function wasValid(event: SignedEvent, rules: RulesHere, now: number): boolean {
  if (event.created_at >= now) return false
  try {
    checkKeyPackage(event, rules, event.created_at)
    return true
  } catch (error) {
    if (error instanceof Refusal) return false
    throw error
  }
}
