/** Takes a key package event in: every check of it, then the store. */

import { publishEntry } from './audit.ts'
import type { GatewayContext } from './context.ts'
import { checkKeyPackage } from './key-package/validate.ts'
import type { SignedEvent } from './nostr/messages.ts'
import { Refusal } from './nostr/refusal.ts'
import { UNAVAILABLE } from './query.ts'
import type { PutOutcome, StoredKeyPackage } from './store.ts'

/** What is known about an event that is published. */
export interface PublishContext {
  /** Pubkeys that the sender has authenticated (NIP-42). */
  readonly authenticated?: Iterable<string>
  /** The sender, for the audit log: a pubkey, else an address. */
  readonly requester?: string | undefined
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
  { authenticated = [], requester, isVerified = false }: PublishContext,
): Promise<Publication> {
  const { options, audit, now, verifyEvent } = context
  const pkg = checkKeyPackage(
    event,
    {
      kinds: options.kinds,
      validation: options.validation,
      stock: options.stock,
      authenticatedAs: new Set(authenticated),
      ...(isVerified ? {} : { verifyEvent }),
    },
    now(),
  )
  const outcome = await put(context, pkg)
  const publication = conclude(outcome, context)
  audit(() => [publishEntry(pkg, outcome, requester)])
  return publication
}

async function put({ store, options, log, now }: GatewayContext, pkg: StoredKeyPackage): Promise<PutOutcome> {
  const { max, overflow, retireAfterSeconds } = options.stock
  try {
    return await store.put(pkg, { max, overflow, retireAfterSeconds, publish: options.quota.publish }, now())
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
