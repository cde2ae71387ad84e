/**
 * Handles a published EVENT: checks and stores key packages, and processes the author's other events that concern the
 * gateway.
 */

import type { AnsweredPublication, Publication, PublishOutcome } from '../connection.ts'
import type { GatewayContext } from '../context.ts'
import { checkKeyPackageElsewhere } from '../key-package/validate.ts'
import { takeAuthorEvent } from '../lifecycle/author-events.ts'
import { checkShape } from '../nostr/event.ts'
import type { SignedEvent } from '../nostr/messages.ts'
import { Refusal, UNAVAILABLE } from '../nostr/refusal.ts'
import type { ObservedPublish } from '../observer.ts'
import { isTakenIn } from '../stock/bookkeeping.ts'
import { isSlot } from '../stock/selection.ts'
import type { StockLimits, StoredKeyPackage } from '../store.ts'
import { countByAddress, uncountByAddress } from './address-quota.ts'
import { messageToAuthor, messageToOthers, orUnavailable } from './answers.ts'
import { admitAuthor, reportOfNew } from './new-authors.ts'
import type { Sender } from './sender.ts'

/** Handles any EVENT that concerns the gateway. Never rejects. */
export function takeEvent(context: GatewayContext, event: SignedEvent, sender: Sender): Promise<Publication> {
  return orRefused(context, event, sender, async () => {
    if (!context.options.kinds.some((kind) => kind === event.kind)) {
      await takeAuthorEvent(context, event, sender)
      return { outcome: 'forward' }
    }
    const publication = await publish(context, event, sender)
    const isByAuthor = sender.authenticated.has(event.pubkey)
    return isForRelayToo(publication.outcome, isByAuthor ? 'the author' : 'others', context)
      ? { outcome: 'forward' }
      : publication
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
 * and the proxy in front of the relay has just stored the event. If anybody but the author sends it, so is one that was used:
 * the relay, which may have it since it was published, answers both alike.
 */
function isForRelayToo(
  outcome: AnsweredPublication['outcome'],
  sentBy: 'the author' | 'others',
  { options }: GatewayContext,
): boolean {
  if (options.custody !== 'relay') return false
  if (outcome === 'spent' || outcome === 'stale') return sentBy === 'others'
  return outcome === 'stored' || outcome === 'replaced' || outcome === 'duplicate'
}

async function orRefused<Result>(
  { recorder, log }: GatewayContext,
  event: SignedEvent,
  { requester }: Sender,
  take: () => Promise<Result>,
): Promise<Result | AnsweredPublication> {
  try {
    checkShape(event)
    return await take()
  } catch (error) {
    if (!(error instanceof Refusal)) log.error({ err: error }, 'a request failed')
    const refusal = error instanceof Refusal ? error : new Refusal('error', UNAVAILABLE)
    recorder.refused(['EVENT', event], refusal, requester)
    return { outcome: 'refused', accepted: false, message: refusal.message }
  }
}

/** @throws Refusal saying which check failed */
async function publish(
  context: GatewayContext,
  event: SignedEvent,
  sender: Sender,
): Promise<AnsweredPublication> {
  const { recorder } = context
  const began = recorder.time()
  let outcome: ObservedPublish = 'refused'
  try {
    return await checkAndPut(context, event, sender, (put) => {
      outcome = put
    })
  } catch (error) {
    if (!(error instanceof Refusal) || error.prefix === 'error') outcome = 'unavailable'
    throw error
  } finally {
    recorder.publishEnded(outcome, began)
  }
}

/** @throws Refusal saying which check failed */
async function checkAndPut(
  context: GatewayContext,
  event: SignedEvent,
  sender: Sender,
  onPut: (outcome: PublishOutcome) => void,
): Promise<AnsweredPublication> {
  const { authenticated, address, requester } = sender
  const { recorder, now, options } = context
  const pkg = await check(context, event, sender)
  const isByAuthor = authenticated.has(pkg.author)
  const isCountedByAddress = address !== undefined && !isByAuthor
  const countedAt = now()
  if (isCountedByAddress) await countByAddress(context, address, countedAt)
  const outcome = await put(context, await ranked(context, pkg, event), address, {
    ...(!isCountedByAddress && { publish: options.quota.publish }),
    ...(isByAuthor && { counts: 'stale too' }),
  })
  onPut(outcome)
  if (isCountedByAddress && isKnown(outcome)) void uncountByAddress(context, address, countedAt)
  const message = isByAuthor
    ? await messageToAuthor(outcome, pkg, context)
    : messageToOthers(outcome, context)
  recorder.published(pkg, outcome, requester)
  return { outcome, accepted: true, message }
}

/** @throws Refusal saying which check failed */
async function check(
  { options, access, now, verification }: GatewayContext,
  event: SignedEvent,
  sender: Sender,
): Promise<StoredKeyPackage> {
  const { kinds, validation, stock } = options
  const blocked = await access.refusalToPublish(event.pubkey, sender.networkAddress)
  const rules = {
    kinds,
    validation,
    stock,
    authenticatedAs: sender.authenticated,
    ...(blocked && { blocked }),
  }
  return checkKeyPackageElsewhere(event, rules, now(), async (question) => {
    return (sender.isVerified && question.of === 'event') || verification.answer(question, sender)
  })
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
function isKnown(outcome: PublishOutcome): boolean {
  return outcome === 'duplicate' || outcome === 'spent'
}

/** Only a package of an author never heard of costs more than one call to the store. @throws Refusal */
async function put(
  context: GatewayContext,
  pkg: StoredKeyPackage,
  address: string | undefined,
  counting: Pick<StockLimits, 'publish' | 'counts'>,
): Promise<PublishOutcome> {
  const { store, options, now } = context
  const { max, overflow, retireAfterSeconds } = options.stock
  const limits = { max, overflow, retireAfterSeconds, ...counting }
  const ask = (report: Pick<StockLimits, 'newAuthors'>) =>
    orUnavailable(context, () => store.put(pkg, { ...limits, ...report }, now()))
  const first = await ask(reportOfNew(context, address))
  if (first !== 'unheard') return first
  const admission = await orUnavailable(context, () => admitAuthor(context, pkg.author, address))
  const outcome = await ask({})
  if (outcome === 'unheard') throw new Error('a store reported a new author unasked')
  if (!isTakenIn(outcome)) admission.giveBack()
  return outcome
}
