/** COUNT (NIP-45) and NEG-OPEN (NIP-77): owners count their packages here; nobody counts or lists those of others. */

import type { Answer } from '../connection.ts'
import type { GatewayContext } from '../context.ts'
import { splitNaming } from '../nostr/filters.ts'
import type { Identity } from '../nostr/identity.ts'
import type { ClientMessage, RelayMessage } from '../nostr/messages.ts'
import { Refusal } from '../nostr/refusal.ts'
import { countOwn } from './own-packages.ts'
import { checkSubscriptionId } from './subscriptions.ts'

/** Maximum COUNTs of one connection that wait for the relay; some relays never answer (I9). */
const MAX_WAITING = 16

/** The COUNTs and NEG-OPENs of one session. */
export class Counting {
  readonly #context: GatewayContext
  readonly #identity: Identity
  /** How many packages the relay's answer to a COUNT will lack. */
  readonly #waiting = new Map<unknown, number>()

  constructor(context: GatewayContext, identity: Identity) {
    this.#context = context
    this.#identity = identity
  }

  /** @throws Refusal */
  async count(message: ClientMessage): Promise<Answer> {
    const [, id, ...filters] = message
    const own = this.#identity.pubkeys()
    this.forget(id)
    const kindless = new Refusal('restricted', 'COUNT filters must specify `kinds`')
    const { asked, rest } = splitNaming(filters, this.#context.options.kinds, own, kindless)
    if (asked.length === 0) return { replies: [], forward: message }
    checkSubscriptionId(id)
    const isOwn = asked.every(
      ({ authors }) => authors.length > 0 && authors.every((author) => own.has(author)),
    )
    if (!isOwn && rest.length === 0) throw new Refusal('restricted', 'only the author may count key packages')
    const barred = isOwn ? await this.#context.access.refusalToClaim(this.#identity.requester()) : undefined
    if (barred !== undefined && rest.length === 0) throw barred
    const count = isOwn && barred === undefined ? await countOwn(this.#context, asked) : 0
    if (rest.length === 0) return { replies: [['COUNT', id, { count }]] }
    this.#expect(id, count)
    return { replies: [], forward: ['COUNT', id, ...rest] }
  }

  /** @throws Refusal */
  synchronise(message: ClientMessage): Answer {
    const [verb, id, filter, ...more] = message
    // NIP-77 has texts and numbers here. A relay that read a second filter would list what it matches (I4).
    if (more.some((part) => typeof part === 'object' && part !== null))
      throw new Refusal('invalid', 'NEG-OPEN takes one filter')
    const kindless = new Refusal('blocked', 'NEG-OPEN filters must specify `kinds`')
    const { kinds } = this.#context.options
    const { asked, rest } = splitNaming([filter], kinds, this.#identity.pubkeys(), kindless)
    if (asked.length === 0) return { replies: [], forward: message }
    if (rest.length > 0) return { replies: [], forward: [verb, id, rest[0], ...more] }
    throw new Refusal('blocked', 'key packages cannot be synchronised')
  }

  /** The relay's COUNT with the owner's packages added. */
  complete(message: RelayMessage): RelayMessage {
    const [verb, id, counted, ...more] = message
    const own = this.#waiting.get(id)
    this.forget(id)
    if (own === undefined || !isCount(counted)) return message
    return [verb, id, { ...counted, count: counted.count + own }, ...more]
  }

  /** The relay does not answer this COUNT any more. */
  forget(id: unknown): void {
    this.#waiting.delete(id)
  }

  #expect(id: unknown, own: number): void {
    if (own === 0) return
    const [oldest] = this.#waiting.keys()
    if (this.#waiting.size >= MAX_WAITING) this.#waiting.delete(oldest)
    this.#waiting.set(id, own)
  }
}

function isCount(counted: unknown): counted is { readonly count: number } {
  return (
    typeof counted === 'object' && counted !== null && 'count' in counted && typeof counted.count === 'number'
  )
}
