/**
 * Handles a published EVENT: checks and stores key packages, and processes the author's other events that concern the
 * gateway.
 */

import { publishEntry, refusalEntry } from '../audit.ts'
import type { AnsweredPublication, Publication } from '../connection.ts'
import type { GatewayContext } from '../context.ts'
import { checkKeyPackage } from '../key-package/validate.ts'
import { takeAuthorEvent } from '../lifecycle/author-events.ts'
import { checkShape } from '../nostr/event.ts'
import type { SignedEvent } from '../nostr/messages.ts'
import { Refusal, UNAVAILABLE } from '../nostr/refusal.ts'
import type { Sender } from '../sender.ts'
import { isSlot } from '../stock/selection.ts'
import type { PutOutcome, StockLimits, StoredKeyPackage } from '../store.ts'
import { countByAddress, uncountByAddress } from './address-quota.ts'
import { messageToAuthor, messageToOthers, orUnavailable } from './answers.ts'

/** Handles any EVENT that concerns the gateway. Never rejects. */
export function takeEvent(context: GatewayContext, event: SignedEvent, sender: Sender): Promise<Publication> {
  return orRefused(context, event, sender, async () => {
    if (!context.options.kinds.some((kind) => kind === event.kind)) {
      await takeAuthorEvent(context, event, sender)
      return { outcome: 'forward' }
    }
    const publication = await publish(context, event, sender)
    return isForRelayToo(publication.outcome, context) ? { outcome: 'forward' } : publication
  })
}

/** Handles a key package that is not forwarded to a relay. Never rejects. */
export function takeKeyPackage(
  context: GatewayContext,
  event: SignedEvent,
  sender: Sender,
): Promise<AnsweredPublication> {
  return orRefused(context, event, sender, () => publish(context, event, sender))
}

/**
 * A duplicate is forwarded too. The relay may have failed to store it the first time. Or the caller is the relay's plugin,
 * and the proxy in front of the relay has just stored the event.
 */
function isForRelayToo(outcome: AnsweredPublication['outcome'], { options }: GatewayContext): boolean {
  const isInStock = outcome === 'stored' || outcome === 'replaced' || outcome === 'duplicate'
  return options.custody === 'relay' && isInStock
}

async function orRefused<Result>(
  { audit, log }: GatewayContext,
  event: SignedEvent,
  { requester }: Sender,
  take: () => Promise<Result>,
): Promise<Result | AnsweredPublication> {
  try {
    checkShape(event)
    return await take()
  } catch (error) {
    if (!(error instanceof Refusal)) log.error({ err: error }, 'a request failed')
    const { message } = error instanceof Refusal ? error : new Refusal('error', UNAVAILABLE)
    audit(() => [refusalEntry(['EVENT', event], message, requester)])
    return { outcome: 'refused', accepted: false, message }
  }
}

/** @throws Refusal saying which check failed */
async function publish(
  context: GatewayContext,
  event: SignedEvent,
  { authenticated, address, requester, isVerified = false }: Sender,
): Promise<AnsweredPublication> {
  const { options, audit, now, verifyEvent } = context
  const pkg = checkKeyPackage(
    event,
    {
      kinds: options.kinds,
      validation: options.validation,
      stock: options.stock,
      authenticatedAs: authenticated,
      ...(isVerified ? {} : { verifyEvent }),
    },
    now(),
  )
  const isByAuthor = authenticated.has(pkg.author)
  const isCountedByAddress = address !== undefined && !isByAuthor
  const countedAt = now()
  if (isCountedByAddress) await countByAddress(context, address, countedAt)
  const outcome = await put(context, await ranked(context, pkg, event), {
    ...(!isCountedByAddress && { publish: options.quota.publish }),
    ...(isByAuthor && { counts: 'stale too' }),
  })
  if (isCountedByAddress && isKnown(outcome)) void uncountByAddress(context, address, countedAt)
  const message = isByAuthor
    ? await messageToAuthor(outcome, pkg, context)
    : messageToOthers(outcome, context)
  audit(() => [publishEntry(pkg, outcome, requester)])
  return { outcome, accepted: true, message }
}

/** A one-time package with its place in the order of delivery. Slots have another order. */
async function ranked(
  { rankOf }: GatewayContext,
  pkg: StoredKeyPackage,
  event: SignedEvent,
): Promise<StoredKeyPackage> {
  return isSlot(pkg) ? pkg : { ...pkg, rank: await rankOf(event) }
}

/** Whether the store has, or had, the package already. */
function isKnown(outcome: PutOutcome): boolean {
  return outcome === 'duplicate' || outcome === 'spent'
}

function put(
  context: GatewayContext,
  pkg: StoredKeyPackage,
  counting: Pick<StockLimits, 'publish' | 'counts'>,
): Promise<PutOutcome> {
  const { store, options, now } = context
  const { max, overflow, retireAfterSeconds } = options.stock
  const limits = { max, overflow, retireAfterSeconds, ...counting }
  return orUnavailable(context, () => store.put(pkg, limits, now()))
}
