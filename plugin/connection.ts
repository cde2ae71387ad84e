/** The seam to an embedding relay: what it tells about a connection, and the session it gets for it. */

import type { ClientMessage, GatewayMessage, RelayMessage, SignedEvent } from './nostr/messages.ts'
import type { PutOutcome } from './store.ts'

/** What an embedding relay tells about a connection. */
export interface Connection {
  /** The client's network address, as text; IPv6 counts by its /64. */
  readonly address: string
  /**
   * The relay's address as this client knows it; NIP-42 and NIP-62 go by it where `publicUrl` is not set. Never a Host
   * header as it came: who names another relay there could answer our challenge with what its users sign for it.
   */
  readonly host?: string
  /** Sends a message that answers no other: an AUTH challenge, a live event, a request for more packages. */
  readonly send: (message: GatewayMessage) => void
  /**
   * Who takes in the EVENTs that concern the gateway. `here`, the default: the session. `upstream`: a plugin of the
   * relay, so that the session forwards them.
   */
  readonly publish?: 'here' | 'upstream'
  /** Pubkeys that the relay's own NIP-42 has authenticated. */
  readonly authenticated?: () => Iterable<string>
  /**
   * How many bytes of owners' lists may be on their way to this address (IPv6: the /64) at one time, over all its
   * connections; 4 MiB by default. Others of the address wait.
   */
  readonly maxBufferedBytes?: number
  /**
   * How many subscriptions the client may have open, the relay's included; one more is refused. Without it the gateway
   * refuses only its own beyond 1,000, and leaves the relay's to the relay.
   */
  readonly maxSubscriptions?: number
}

/** What follows from a client's message: send `replies` to the client, in order, then give `forward` to the relay. */
export interface Answer {
  /**
   * To be sent in order; `for await` reads both. A list of an owner's packages comes in pieces: the next one is made when
   * it is asked for, and that is to be when the client has taken the one before. Whoever stops reading returns it, as
   * leaving the loop does. It never rejects.
   */
  readonly replies: readonly GatewayMessage[] | AsyncIterable<GatewayMessage>
  /** What the relay should handle as if the client had sent it. */
  readonly forward?: ClientMessage
  /** To be called when the socket was closed before any of the replies went out: the packages in them go back. */
  readonly unsent?: () => Promise<void>
}

/**
 * What became of an EVENT, from the rules to the OK message (NIP-01).
 * - a `PutOutcome`: it is a key package, and this is what the store says of it.
 * - `refused`: a check failed, or the store did not answer; nobody keeps it.
 * - `forward`: the relay handles it, and answers it.
 */
export type Publication = AnsweredPublication | { readonly outcome: 'forward' }

/** What became of an EVENT that the gateway answers itself. */
export interface AnsweredPublication {
  readonly outcome: PutOutcome | 'refused'
  /** What the OK message says: whether the event is accepted. */
  readonly accepted: boolean
  /** What the OK message says besides; it begins with a prefix of NIP-01, or is empty. */
  readonly message: string
}

/** What an embedding relay calls for one client, in both directions. */
export interface GatewaySession {
  /** Never rejects. Answers come in the order of the messages, those to `accept` included. */
  fromClient(message: ClientMessage): Promise<Answer>
  /**
   * Takes an EVENT that the relay checks itself, in place of `fromClient`. A promise keeps its place in the order of
   * messages; where it resolves to undefined, the relay has refused the event. Counts who was authenticated when it was
   * called, also when the client has left since. Never rejects.
   */
  accept(event: CheckedEvent | Promise<CheckedEvent | undefined>): Promise<Publication>
  /** What the client should see of a relay's message; undefined: nothing. */
  fromRelay(message: RelayMessage): RelayMessage | undefined
  /** The socket is gone: answers under way come out empty, and what was claimed for them goes back. */
  close(): void
}

/** An EVENT, and whether the relay has checked its id and signature already. */
export interface CheckedEvent {
  readonly event: SignedEvent
  readonly isVerified: boolean
}
