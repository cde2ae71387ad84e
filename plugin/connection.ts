/** The interface to an embedding relay: what it provides for each connection, and the session it gets in return. */

import type { ClientMessage, GatewayMessage, Pubkey, RelayMessage, SignedEvent } from './nostr/messages.ts'
import type { LimitedClaim, PutOutcome } from './store.ts'

/** What an embedding relay provides for each connection. */
export interface Connection {
  /** The client's network address, as text. Quotas count an IPv6 address by its /64. */
  readonly address: string
  /**
   * The relay's address as this client knows it. NIP-42 and NIP-62 use it if `publicUrl` is not set. Never pass an
   * unchecked Host header: a client that names another relay there could answer our challenge with AUTH events that
   * users signed for that relay.
   */
  readonly host?: string
  /** Sends a message that answers no other: an AUTH challenge, a live event, a request for more packages. */
  readonly send: (message: GatewayMessage) => void
  /** Called for each event or KeyPackage of this client whose signature is wrong. It must not throw. */
  readonly onBadSignature?: () => void
  /**
   * How long the client stays. `lasting` (the default): until its socket closes. `one exchange`: it asks once and leaves, as over
   * HTTP; its author is not asked for more packages on it, for nobody would read that.
   */
  readonly duration?: 'lasting' | 'one exchange'
  /**
   * Who handles the EVENTs that concern the gateway. `here` (the default): the session. `upstream`: a plugin of the
   * relay; the session forwards them.
   */
  readonly publish?: 'here' | 'upstream'
  /**
   * Whether the relay's relay lists (kinds 10002, 10050 and 10051) are those in the gateway's store. `noted` (the default): the
   * relay has its own; the gateway keeps a copy of those that it uses, within its limits. `kept`: there are no others, so one that
   * cannot be kept is refused.
   */
  readonly relayLists?: 'noted' | 'kept'
  /** Pubkeys that the relay has authenticated itself (NIP-42). */
  readonly authenticated?: () => Iterable<string>
  /**
   * Maximum bytes of owners' lists in flight to this address (IPv6: the /64), over all its connections; 4 MiB by
   * default. Further pieces for the address wait.
   */
  readonly maxBufferedBytes?: number
  /**
   * Maximum open subscriptions of the client, including those of the relay. Further ones are refused. If unset, the
   * gateway limits its own subscriptions to 1,000, and the relay limits its own.
   */
  readonly maxSubscriptions?: number
  /** Called for each subscription that is refused because the client has too many. It must not throw. */
  readonly onTooManySubscriptions?: () => void
}

/** The result of a client's message: send `replies` to the client, in order, then pass `forward` to the relay. */
export interface Answer {
  /**
   * Send them in order; `for await` reads both forms. A list of an owner's packages is made one message at a time: ask
   * for the next message once the previous one has been flushed to the client. To stop early, return the iterator, as
   * leaving the loop does. It never rejects.
   */
  readonly replies: readonly GatewayMessage[] | AsyncIterable<GatewayMessage>
  /** What the relay should handle as if the client had sent it. */
  readonly forward?: ClientMessage
  /** Call it if the socket was closed before any reply was sent: it releases the claimed packages. */
  readonly unsent?: () => Promise<void>
  /** For a REQ that claims: what became of each author's part. The replies say the same, but name no author. */
  readonly claims?: readonly AuthorClaim[]
}

/**
 * What became of one author's part of a REQ.
 * - `delivered`: their packages are among the replies.
 * - `none`: there is no matching package.
 * - `limited`: a quota is used up; there is room again after `retryAfterSeconds`.
 * - `unavailable`: the store did not answer.
 */
export type AuthorClaim = { readonly author: Pubkey } & (
  | { readonly outcome: 'delivered' | 'none' | 'unavailable' }
  | Pick<LimitedClaim, 'outcome' | 'retryAfterSeconds'>
)

/**
 * What became of an EVENT, from the rules to the OK message (NIP-01).
 * - a `PublishOutcome`: it is a key package, and this is the store's outcome.
 * - `refused`: a check failed, or the store did not answer; the event is not stored.
 * - `forward`: the relay handles and answers it.
 */
export type Publication = AnsweredPublication | { readonly outcome: 'forward' }

/** What the store did with a key package. New authors are counted before it answers (`unheard`). */
export type PublishOutcome = Exclude<PutOutcome, 'unheard'>

/** What became of an EVENT that the gateway answers itself. */
export interface AnsweredPublication {
  readonly outcome: PublishOutcome | 'refused'
  /** Whether the event is accepted, as in the OK message. */
  readonly accepted: boolean
  /** The text of the OK message; it begins with a NIP-01 prefix, or is empty. */
  readonly message: string
}

/** What an embedding relay calls for one client, in both directions. */
export interface GatewaySession {
  /** Never rejects. Answers come in the order of the messages, including those passed to `accept`. */
  fromClient(message: ClientMessage): Promise<Answer>
  /**
   * Handles an EVENT that the relay checks itself; call it instead of `fromClient`. A promise keeps its place in the
   * order of messages. If it resolves to undefined, the relay has refused the event. Pubkeys authenticated at the time of
   * the call count even if the client has disconnected since. Never rejects.
   */
  accept(event: CheckedEvent | Promise<CheckedEvent | undefined>): Promise<Publication>
  /** The relay's message as the client may see it; undefined if the client must not see it. */
  fromRelay(message: RelayMessage): RelayMessage | undefined
  /** Call it when the socket is closed: pending answers become empty, and their claims are released. */
  close(): void
}

/** An EVENT, and whether the relay has already checked its id and signature. */
export interface CheckedEvent {
  readonly event: SignedEvent
  readonly isVerified: boolean
}
