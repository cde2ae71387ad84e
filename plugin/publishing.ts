/** Takes a key package event in: every check of it, then the store. */

import { publishEntry } from './audit.ts'
import type { GatewayContext } from './context.ts'
import { checkKeyPackage } from './key-package/validate.ts'
import type { SignedEvent } from './nostr/messages.ts'
import { Refusal } from './nostr/refusal.ts'
import type { Sender } from './operations.ts'
import { UNAVAILABLE } from './query.ts'
import type { PutOutcome, Quota, StoredKeyPackage } from './store.ts'

/** What is known about an event that is published. */
export interface PublishContext {
  /** Pubkeys that the sender has authenticated (NIP-42). */
  readonly authenticated?: Iterable<string>
  /** The sender's network address, where it is known: who is not the author is counted by it. */
  readonly address?: string | undefined
  /** The relay has checked id and signature already. */
  readonly isVerified?: boolean
}

/**
 * What became of a package, and what its author is told.
 * - `stored`: it came into the stock.
 * - `held`: it is in the stock already.
 * - `spent`: it was in the stock once, or came too late for its slot.
 */
export interface Publication {
  readonly outcome: 'stored' | 'held' | 'spent'
  readonly message: string
}

/** @throws Refusal saying which check failed */
export async function publishKeyPackage(
  context: GatewayContext,
  event: SignedEvent,
  { authenticated, address, requester, isVerified = false }: Sender,
): Promise<Publication> {
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
  const publication = conclude(outcome, context)
  audit(() => [publishEntry(pkg, outcome, requester)])
  return publication
}

/**
 * Anybody can send what an author signed. Who is not authenticated as the author uses up no quota but their own.
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
    `${max} key packages per ${windowSeconds} s from one address; try again in ${retryAfterSeconds} s`,
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

/** @throws Refusal `error` where the store does not answer (I7) */
async function orUnavailable<Result>({ log }: GatewayContext, ask: () => Promise<Result>): Promise<Result> {
  try {
    return await ask()
  } catch (error) {
    log.error({ err: error }, 'the store did not take a key package in')
    throw new Refusal('error', UNAVAILABLE)
  }
}

function conclude(outcome: PutOutcome, { options }: GatewayContext): Publication {
  const { stock, quota } = options
  switch (outcome) {
    case 'stored':
    case 'replaced':
      return { outcome: 'stored', message: '' }
    case 'duplicate':
      return { outcome: 'held', message: 'duplicate: already have this key package' }
    case 'spent':
      return { outcome: 'spent', message: 'duplicate: this key package was already used' }
    case 'stale':
      return { outcome: 'spent', message: 'duplicate: a newer key package is in this slot' }
    case 'full':
      throw new Refusal('blocked', `${stock.max} of ${stock.max} key packages stored`)
    case 'limited': {
      const { max, windowSeconds } = quota.publish
      throw new Refusal(
        'rate-limited',
        `${max} key packages per ${windowSeconds} s for each author; try again later`,
      )
    }
  }
}
