/** Other events that concern the gateway: deletions, requests to vanish, relay lists, and kinds that must not be published. */

import type { GatewayContext } from '../context.ts'
import { AUTH_KIND, checkProtection } from '../nostr/auth.ts'
import { checkNotAhead } from '../nostr/event.ts'
import type { SignedEvent } from '../nostr/messages.ts'
import { Refusal, UNAVAILABLE } from '../nostr/refusal.ts'
import { admitAuthor, reportOfNew } from '../publish/new-authors.ts'
import type { Sender } from '../publish/sender.ts'
import type { Deletion } from '../store.ts'
import {
  concernsKeyPackages,
  DELETION_KIND,
  deletionOf,
  followListsNamed,
  relayListsNamed,
  TOO_MANY_DELETIONS,
  VANISH_KIND,
  vanishesHere,
  vanishingOf,
} from './deletion.ts'
import { FOLLOW_SET_KIND, FOLLOWS_KIND, followListOf } from './follow-list.ts'
import {
  checkRelayList,
  INBOX_RELAYS_KIND,
  isTooLong,
  RELAY_LIST_KIND,
  RELAY_LIST_KINDS,
  WRITE_RELAYS_KIND,
} from './relay-list.ts'
import { noteWelcome, WELCOME_KIND } from './welcome.ts'

const KEY_PACKAGE_REQUEST_KIND = 447

type Handler = (context: GatewayContext, event: SignedEvent, sender: Sender) => Promise<void>

/** The kinds that concern the gateway besides key packages. Events that are not refused are forwarded to the relay. */
const handlers: ReadonlyMap<number, Handler> = new Map([
  [DELETION_KIND, deletePackages],
  [VANISH_KIND, vanish],
  [RELAY_LIST_KIND, saveKeyPackageRelays],
  [WRITE_RELAYS_KIND, noteWriteRelays],
  [INBOX_RELAYS_KIND, saveInboxRelays],
  [FOLLOWS_KIND, checkFollowList],
  [FOLLOW_SET_KIND, checkFollowList],
  [WELCOME_KIND, refuseWelcome],
  [KEY_PACKAGE_REQUEST_KIND, refuse('blocked', 'kind 447 is not published; REQ key packages instead')],
  [AUTH_KIND, refuse('invalid', 'authentication events must be sent with AUTH, not published')],
])

/** Whether the gateway handles EVENTs of this kind: key packages, and the kinds above. */
export function concernsGateway(kind: number, keyPackageKinds: readonly number[]): boolean {
  return keyPackageKinds.includes(kind) || handlers.has(kind)
}

/**
 * Handles an event that is not a key package.
 * @throws Refusal
 */
export async function takeAuthorEvent(
  context: GatewayContext,
  event: SignedEvent,
  sender: Sender,
): Promise<void> {
  await handlers.get(event.kind)?.(context, event, sender)
}

function refuse(prefix: 'invalid' | 'blocked', reason: string): Handler {
  return () => Promise.reject(new Refusal(prefix, reason))
}

async function refuseWelcome(context: GatewayContext, event: SignedEvent, sender: Sender): Promise<void> {
  await noteWelcome(context, event, sender)
  throw new Refusal('invalid', 'a welcome must be gift-wrapped, never published')
}

/**
 * NIP-09. If the store fails, or cannot remember more, the deletion is refused only if its tags say that it is about key
 * packages (I7).
 */
async function deletePackages(context: GatewayContext, event: SignedEvent, sender: Sender): Promise<void> {
  await check(context, event, sender)
  const { store, options } = context
  const deletion = deletionOf(event, options.kinds, options.stock.ttlSeconds)
  const isAboutKeyPackages = concernsKeyPackages(event, options.kinds)
  try {
    const stored = await store.getRelayLists([event.pubkey], RELAY_LIST_KINDS)
    const lists = relayListsNamed(event, stored)
    if (deletion !== undefined || lists.length > 0)
      await applyDeletion(
        context,
        event,
        { deletion, lists },
        sender,
        isAboutKeyPackages ? 'refuse' : 'apply',
      )
    await store.dropFollowLists(event.pubkey, followListsNamed(event))
  } catch (error) {
    if (error instanceof Refusal) throw error
    context.log.error({ err: error, event: event.id }, 'the store failed to apply a deletion')
    if (isAboutKeyPackages) throw new Refusal('error', UNAVAILABLE)
  }
}

/** What a kind 5 event deletes: packages, and relay lists of these kinds. */
interface Deleted {
  readonly deletion: Deletion | undefined
  readonly lists: readonly number[]
}

/**
 * @param ifNotRemembered what to do with a deletion that cannot be remembered: `refuse` it, or `apply` it to the stock alone
 * @throws Refusal `rate-limited`, or `blocked` where the store takes no more authors
 */
async function applyDeletion(
  context: GatewayContext,
  { pubkey, created_at }: SignedEvent,
  { deletion, lists }: Deleted,
  { address }: Sender,
  ifNotRemembered: 'refuse' | 'apply',
): Promise<void> {
  const { store, now } = context
  try {
    await admitAuthor(context, pubkey, address)
    if (lists.length > 0) await store.dropRelayLists(pubkey, lists, created_at)
    if (deletion === undefined) return
    const { outcome } = await store.drop(pubkey, deletion, now())
    if (outcome === 'full') throw new Refusal('rate-limited', TOO_MANY_DELETIONS)
  } catch (error) {
    if (ifNotRemembered === 'refuse' || !(error instanceof Refusal)) throw error
    if (deletion !== undefined) await store.drop(pubkey, { ...deletion, keptUntil: 0 }, now())
  }
}

/**
 * NIP-62. If the store fails, the request may be only half done, so it is refused and can be sent again. Where the store takes no
 * more authors, nothing is there to delete, and nothing can arrive later.
 */
async function vanish(context: GatewayContext, event: SignedEvent, sender: Sender): Promise<void> {
  await check(context, event, sender)
  if (!vanishesHere(event, sender.host)) return
  const { store, now, options } = context
  try {
    await admitAuthor(context, event.pubkey, sender.address)
    await store.drop(event.pubkey, vanishingOf(event, options.stock.ttlSeconds), now())
    await store.dropRelayLists(event.pubkey, RELAY_LIST_KINDS, event.created_at)
    await store.dropFollowLists(event.pubkey, followListsNamed(event))
  } catch (error) {
    if (error instanceof Refusal && error.prefix === 'blocked') return
    if (error instanceof Refusal) throw error
    context.log.error({ err: error, event: event.id }, 'the store failed to apply a request to vanish')
    throw new Refusal('error', UNAVAILABLE)
  }
}

/** Kind 10051. It is kept whatever `relayLists` says: an author who has one is asked for key packages. */
async function saveKeyPackageRelays(
  context: GatewayContext,
  event: SignedEvent,
  sender: Sender,
): Promise<void> {
  await check(context, event, sender)
  checkRelayList(event)
  await save(context, event, sender)
}

/** Where kind 10002 is the relay's affair, what is too long to be noted here may still be welcome there. */
async function noteWriteRelays(context: GatewayContext, event: SignedEvent, sender: Sender): Promise<void> {
  await check(context, event, sender)
  if (sender.relayLists === 'kept') checkRelayList(event)
  const counts = context.options.relayLists.some((kind) => kind === event.kind)
  if (sender.relayLists === 'kept' || (counts && !isTooLong(event))) await save(context, event, sender)
}

/** Kind 10050 is of no use to the gateway itself. */
async function saveInboxRelays(context: GatewayContext, event: SignedEvent, sender: Sender): Promise<void> {
  await check(context, event, sender)
  if (sender.relayLists === 'noted') return
  checkRelayList(event)
  await save(context, event, sender)
}

/** It is learnt once the relay has accepted it. Other follow sets are the relay's affair. */
async function checkFollowList(context: GatewayContext, event: SignedEvent, sender: Sender): Promise<void> {
  if (followListOf(event) !== undefined) await check(context, event, sender)
}

/**
 * A store that fails does not stop the relay from accepting a relay list (I7). Neither does a limit here, unless this is where
 * relay lists are kept.
 * @throws Refusal `rate-limited`, or `blocked` where the store takes no more authors
 */
async function save(
  context: GatewayContext,
  event: SignedEvent,
  { address, relayLists }: Sender,
): Promise<void> {
  const { store, log, now } = context
  try {
    const { newAuthors } = reportOfNew(context, address)
    if ((await store.putRelayList(event, now(), newAuthors)) !== 'unheard') return
    const admission = await admitAuthor(context, event.pubkey, address)
    if ((await store.putRelayList(event, now())) !== 'stored') admission.giveBack()
  } catch (error) {
    if (error instanceof Refusal && relayLists === 'kept') throw error
    if (!(error instanceof Refusal))
      log.error({ err: error, event: event.id }, 'the store failed to save a relay list')
  }
}

async function check(
  { verification, now }: GatewayContext,
  event: SignedEvent,
  sender: Sender,
): Promise<void> {
  const { authenticated, isVerified } = sender
  checkNotAhead(event, now())
  if (!isVerified && !(await verification.event(event, sender)))
    throw new Refusal('invalid', 'wrong id or signature')
  checkProtection(event, authenticated)
}
