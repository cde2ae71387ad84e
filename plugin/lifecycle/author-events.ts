/** Other events that concern the gateway: deletions, requests to vanish, relay lists, and kinds that must not be published. */

import type { GatewayContext } from '../context.ts'
import { AUTH_KIND, checkProtection } from '../nostr/auth.ts'
import { checkNotAhead } from '../nostr/event.ts'
import type { SignedEvent } from '../nostr/messages.ts'
import { Refusal, UNAVAILABLE } from '../nostr/refusal.ts'
import { countNewAuthor } from '../publish/address-quota.ts'
import type { Sender } from '../sender.ts'
import type { Deletion } from '../store.ts'
import {
  concernsKeyPackages,
  DELETION_KIND,
  deletionOf,
  relayListsNamed,
  TOO_MANY_DELETIONS,
  VANISH_KIND,
  vanishesHere,
  vanishingOf,
} from './deletion.ts'
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
  [INBOX_RELAYS_KIND, checkInboxRelays],
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
    if (deletion !== undefined)
      await applyDeletion(context, event, deletion, sender, isAboutKeyPackages ? 'refuse' : 'apply')
    const lists = relayListsNamed(event, await store.getRelayLists([event.pubkey], RELAY_LIST_KINDS))
    if (lists.length > 0) await store.dropRelayLists(event.pubkey, lists, event.created_at)
  } catch (error) {
    if (error instanceof Refusal) throw error
    context.log.error({ err: error, event: event.id }, 'the store failed to apply a deletion')
    if (isAboutKeyPackages) throw new Refusal('error', UNAVAILABLE)
  }
}

/**
 * @param ifNotRemembered what to do with a deletion that cannot be remembered: `refuse` it, or `apply` it to the stock alone
 * @throws Refusal `rate-limited`
 */
async function applyDeletion(
  context: GatewayContext,
  { pubkey }: SignedEvent,
  deletion: Deletion,
  { address }: Sender,
  ifNotRemembered: 'refuse' | 'apply',
): Promise<void> {
  const { store, now } = context
  try {
    await countNewAuthor(context, pubkey, address)
    const { outcome } = await store.drop(pubkey, deletion, now())
    if (outcome === 'full') throw new Refusal('rate-limited', TOO_MANY_DELETIONS)
  } catch (error) {
    const isLimited = error instanceof Refusal && error.prefix === 'rate-limited'
    if (ifNotRemembered === 'refuse' || !isLimited) throw error
    await store.drop(pubkey, { ...deletion, keptUntil: 0 }, now())
  }
}

/** NIP-62. If the store fails, the request may be only half done, so it is refused and can be sent again. */
async function vanish(context: GatewayContext, event: SignedEvent, sender: Sender): Promise<void> {
  await check(context, event, sender)
  if (!vanishesHere(event, sender.host)) return
  const { store, now, options } = context
  try {
    await countNewAuthor(context, event.pubkey, sender.address)
    await store.drop(event.pubkey, vanishingOf(event, options.stock.ttlSeconds), now())
    await store.dropRelayLists(event.pubkey, RELAY_LIST_KINDS, event.created_at)
  } catch (error) {
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
  await save(context, event)
}

/** Kind 10002 is the relay's affair: what is too long to be noted here may still be welcome there. */
async function noteWriteRelays(context: GatewayContext, event: SignedEvent, sender: Sender): Promise<void> {
  await check(context, event, sender)
  const counts = context.options.relayLists.some((kind) => kind === event.kind)
  if (counts && !isTooLong(event)) await save(context, event)
}

/** Kind 10050 is kept only by a standalone relay, which does that itself. */
async function checkInboxRelays(context: GatewayContext, event: SignedEvent, sender: Sender): Promise<void> {
  await check(context, event, sender)
}

/** A store that fails does not stop the relay from accepting a relay list (I7). */
async function save(context: GatewayContext, event: SignedEvent): Promise<void> {
  try {
    await context.store.putRelayList(event)
  } catch (error) {
    context.log.error({ err: error, event: event.id }, 'the store failed to save a relay list')
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
