/** The contract of whatever stands behind the gateway and answers what is not about key packages. */

import type { ClientMessage, RelayMessage } from '../../plugin/nostr/messages.ts'

/** A relay that takes clients: one for each server, or, where it is another process, one for each client. */
export interface Relay {
  /** A client has come. */
  connect(client: RelayClient): RelayConnection
}

/** A client, as the relay sees it. */
export interface RelayClient {
  /** Takes what answers no message of that client: events of its open subscriptions. */
  send(message: RelayMessage): void
  /** Takes a frame the client gets as it is, unless the session objects to `message`: what had to be read of it. */
  pass(frame: Frame, message: RelayMessage): void
  /** The relay has nothing more to say. */
  dismiss(code: number, reason: string): void
}

/** A WebSocket's text frame: its bytes as they came, or its text. */
export type Frame = Buffer | string

/** What one client has open at a relay. */
export interface RelayConnection {
  /** Answers a message; messages are handled one after the other. Never rejects. */
  handle(message: ClientMessage): Promise<readonly RelayMessage[]>
  /**
   * Takes a frame that the session need not see. False: it has to be read. Only called while nothing before it waits.
   */
  pass?(frame: Buffer): boolean
  /** The client reads slowly: keep what there is for it until `resume`. */
  pause?(): void
  resume?(): void
  /** Called with each heartbeat of the client. */
  heartbeat?(): void
  /** Resolves once everything handled so far is answered. */
  settle?(): Promise<void>
  /** The client is gone. */
  close(): void
}
