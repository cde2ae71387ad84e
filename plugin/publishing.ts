/**
 * Handles a published EVENT: checks and stores key packages, and processes the author's other events that concern the
 * gateway.
 */

import { publishEntry, refusalEntry } from './audit.ts'
import type { AnsweredPublication, Publication } from './connection.ts'
import type { GatewayContext } from './context.ts'
import { checkKeyPackage } from './key-package/validate.ts'
import { takeAuthorEvent } from './lifecycle/author-events.ts'
import { checkShape } from './nostr/event.ts'
import { withRetryAfter } from './nostr/machine-readable.ts'
import type { EventId, SignedEvent } from './nostr/messages.ts'
import { Refusal, UNAVAILABLE } from './nostr/refusal.ts'
import type { Sender } from './sender.ts'
import type { PutOutcome, Quota, StoredKeyPackage } from './store.ts'

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
  const isCountedByAddress = address !== undefined && !authenticated.has(pkg.author)
  if (isCountedByAddress) await countByAddress(context, address)
  const outcome = await put(context, pkg, isCountedByAddress ? undefined : options.quota.publish)
  const message = authenticated.has(pkg.author)
    ? await messageToAuthor(outcome, pkg, context)
    : messageToOthers(outcome, context)
  audit(() => [publishEntry(pkg, outcome, requester)])
  return { outcome, accepted: true, message }
}

/**
 * Anybody can send an event that an author signed. A sender not authenticated as the author is charged to their own quota.
 * @throws Refusal `rate-limited`
 */
async function countByAddress(context: GatewayContext, address: string): Promise<void> {
  const { store, options, now } = context
  const quota = options.quota.publishPerAddress
  const { granted, retryAfterSeconds } = await orUnavailable(context, () =>
    store.hit(`publisher ${address}`, 1, quota, now()),
  )
  if (granted > 0) return
  const { max, windowSeconds } = quota
  throw new Refusal(
    'rate-limited',
    withRetryAfter(`${max} key packages per ${windowSeconds} s from one address`, retryAfterSeconds),
  )
}

function put(
  context: GatewayContext,
  pkg: StoredKeyPackage,
  publish: Quota | undefined,
): Promise<PutOutcome> {
  const { store, options, now } = context
  const { max, overflow, retireAfterSeconds } = options.stock
  const limits = { max, overflow, retireAfterSeconds, ...(publish && { publish }) }
  return orUnavailable(context, () => store.put(pkg, limits, now()))
}

/** @throws Refusal `error` if the store fails (I7) */
async function orUnavailable<Result>({ log }: GatewayContext, ask: () => Promise<Result>): Promise<Result> {
  try {
    return await ask()
  } catch (error) {
    log.error({ err: error }, 'the store failed to save a key package')
    throw new Refusal('error', UNAVAILABLE)
  }
}

/**
 * What anybody is told. Known events are answered with the same words, whether they are in the stock or not: otherwise
 * repeating an event would tell when it was claimed.
 * @throws Refusal if the store did not accept the package
 */
function messageToOthers(outcome: PutOutcome, context: GatewayContext): string {
  switch (outcome) {
    case 'duplicate':
    case 'spent':
    case 'stale':
      return 'duplicate: already received; it is not taken in again'
    case 'full':
      throw new Refusal('blocked', 'no room for more key packages')
    default:
      return messageToAll(outcome, context)
  }
}

/**
 * What the author is told.
 * @throws Refusal if the store did not accept the package
 */
async function messageToAuthor(
  outcome: PutOutcome,
  pkg: StoredKeyPackage,
  context: GatewayContext,
): Promise<string> {
  const { max } = context.options.stock
  switch (outcome) {
    case 'duplicate': {
      const published = await publishedAs(pkg, context)
      return published === undefined || published === pkg.id
        ? 'duplicate: already have this key package'
        : `duplicate: this key package is published as ${published}`
    }
    case 'spent':
      return 'duplicate: this key package was already used'
    case 'stale':
      return 'duplicate: a newer key package is in this slot'
    case 'full':
      throw new Refusal('blocked', `${max} of ${max} key packages stored`)
    default:
      return messageToAll(outcome, context)
  }
}

type UnknownOutcome = Exclude<PutOutcome, 'duplicate' | 'spent' | 'stale' | 'full'>

/** @throws Refusal if the store did not accept the package */
function messageToAll(outcome: UnknownOutcome, { options }: GatewayContext): string {
  switch (outcome) {
    case 'stored':
    case 'replaced':
      return ''
    case 'deleted':
      throw new Refusal('blocked', 'deleted by its author')
    case 'limited': {
      const { max, windowSeconds } = options.quota.publish
      throw new Refusal(
        'rate-limited',
        `${max} key packages per ${windowSeconds} s for each author; try again later`,
      )
    }
  }
}

/** The id of the event in the stock that has the same KeyPackage; undefined if there is none any more. */
async function publishedAs(
  { author, id, ref }: StoredKeyPackage,
  context: GatewayContext,
): Promise<EventId | undefined> {
  const packages = await orUnavailable(context, () => context.store.list(author, context.now()))
  const same = packages.filter((pkg) => pkg.ref === ref)
  return (same.find((pkg) => pkg.id === id) ?? same[0])?.id
}
