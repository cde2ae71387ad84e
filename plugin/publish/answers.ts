/** What the sender of a key package is told of it (the text of the OK message, NIP-01). */

import type { PublishOutcome } from '../connection.ts'
import type { GatewayContext } from '../context.ts'
import type { EventId } from '../nostr/messages.ts'
import { Refusal, UNAVAILABLE } from '../nostr/refusal.ts'
import type { StoredKeyPackage } from '../store.ts'

/**
 * What anybody is told. Known events are answered with the same words, whether they are in the stock or not: otherwise
 * repeating an event would tell when it was claimed.
 * @throws Refusal if the store did not accept the package
 */
export function messageToOthers(outcome: PublishOutcome, context: GatewayContext): string {
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
export async function messageToAuthor(
  outcome: PublishOutcome,
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

type UnknownOutcome = Exclude<PublishOutcome, 'duplicate' | 'spent' | 'stale' | 'full'>

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

/** @throws Refusal `error` if the store fails (I7), or the one that `ask` throws */
export async function orUnavailable<Result>(
  { log }: GatewayContext,
  ask: () => Promise<Result>,
): Promise<Result> {
  try {
    return await ask()
  } catch (error) {
    if (error instanceof Refusal) throw error
    log.error({ err: error }, 'the store failed while a key package was published')
    throw new Refusal('error', UNAVAILABLE)
  }
}
