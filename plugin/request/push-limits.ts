/** How much one connection hears of other authors' rotations by itself. */

import type { GatewayContext } from '../context.ts'
import { LocalQuota } from '../local-quota.ts'
import type { Identity } from '../nostr/identity.ts'
import type { EarlyClaims } from './early-claims.ts'
import type { PublishedPackage, Watchers } from './watchers.ts'

/** Pushed events of one author. */
const QUOTA = { max: 10, windowSeconds: 3600 }
/** Authors watched for one connection, counted once for each subscription: asking again for slots uses no quota (I9). */
const MAX_WATCHED = 5000

export interface PushLimitsSettings {
  readonly context: GatewayContext & { readonly watchers: Watchers }
  /** Of the connection, as quotas count it (`addressKey`). */
  readonly address: string
  readonly identity: Identity
  readonly early: EarlyClaims
}

export class PushLimits {
  readonly #settings: PushLimitsSettings
  readonly #pushed = new LocalQuota(QUOTA)
  #watched = 0

  constructor(settings: PushLimitsSettings) {
    this.#settings = settings
  }

  /** Whether there is room to watch one more author. */
  watch(): boolean {
    const { context, address } = this.#settings
    if (this.#watched >= MAX_WATCHED || !context.watchers.enter(address)) return false
    this.#watched += 1
    return true
  }

  unwatch(): void {
    this.#watched -= 1
    this.#settings.context.watchers.leave(this.#settings.address)
  }

  /** Whether a slot of another author may be pushed now; if so, it counts as delivered. */
  take({ author, id }: PublishedPackage): boolean {
    const { context, identity, early } = this.#settings
    const at = context.now()
    if (!this.#pushed.take(author, at)) return false
    const { name, authenticated } = identity.requester()
    const seen = context.seen.add(name, author, [id])
    if (authenticated.size > 0) return true
    const giveBack = async () => context.seen.forget(name, author, seen)
    early.note([{ author, at, hasOneTime: false, giveBack }])
    return true
  }
}
