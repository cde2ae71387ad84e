/** The contract of whatever stands behind the gateway and answers what is not about key packages. */

import type { ClientMessage, RelayMessage } from '../../plugin/nostr/messages.ts'

/** A relay: one for each server. */
export interface Relay {
  /** A client has come. `send` takes what answers no message of that client: events of its open subscriptions. */
  connect(send: (message: RelayMessage) => void): RelayConnection
}

/** What one client has open at a relay. */
export interface RelayConnection {
  /** Answers a message; messages are handled one after the other. Never rejects. */
  handle(message: ClientMessage): Promise<readonly RelayMessage[]>
  /** The client is gone. */
  close(): void
}
