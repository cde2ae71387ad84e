/**
 * The contract of the relay behind the gateway, which handles every message that is not about key packages: a real one
 * in the proxy, the relay lists of the standalone server.
 */

import type { ClientMessage, RelayMessage } from '../../../plugin/nostr/messages.ts'

/** A relay that accepts clients: one for the whole server or, in the proxy, one for each client. */
export interface Relay {
  /** Called once for each client that connects. */
  connect(client: RelayClient): RelayConnection
}

/** One client, as the relay sees it. */
export interface RelayClient {
  /** Sends a message that answers no message of the client: an event for one of its open subscriptions. */
  send(message: RelayMessage): void
  /**
   * Sends a frame in the relay's own bytes, unless the session changes or hides it. `message` is the part of the frame
   * that had to be parsed to decide that.
   */
  pass(frame: Frame, message: RelayMessage): void
  /** Undefined where each frame has to be made for this client, because it is compressed. */
  readonly frames: ClientFrames | undefined
  /** Closes the client's WebSocket, because the relay has closed its own. */
  close(code: number, reason: string): void
}

/** A client that takes the relay's frames with their headers (RFC 6455 section 5.2). */
export interface ClientFrames {
  /** Whether the session neither changes nor hides it. Asking has no effect. */
  shows(message: RelayMessage): boolean
  /** Sends whole frames at once. */
  pass(frames: Buffer): void
}

/** A WebSocket text frame: its bytes as received, or its text. */
export type Frame = Buffer | string

/** One client's connection to the relay. */
export interface RelayConnection {
  /** Answers a message. Messages are handled one after the other. Never rejects. */
  handle(message: ClientMessage): Promise<readonly RelayMessage[]>
  /**
   * Takes a frame that the session does not need to see. False: it has to be parsed first. Only called while no earlier
   * message is waiting.
   */
  pass?(frame: Buffer): boolean
  /** The client reads slowly: send nothing more until `resume`. */
  pause?(): void
  resume?(): void
  /** Called with each heartbeat of the client's connection. */
  heartbeat?(): void
  /** Resolves once the relay has answered everything handled so far. */
  allAnswered?(): Promise<void>
  /** The client has disconnected. */
  close(): void
}
