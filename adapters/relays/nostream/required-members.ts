/**
 * The members of nostream's classes that the gateway uses, as declared in its `src/adapters/web-socket-adapter.ts`,
 * `src/handlers/event-message-handler.ts` and `src/@types`, and the check that they are there.
 */

import type { SignedEvent } from '../../../plugin/nostr/messages.ts'

/** The version they were looked up in; any version that has them works. */
const TESTED_WITH = 'nostream 3.0.0 (fd7f56a)'

/** One client connection (nostream's `IWebSocketAdapter`). */
export interface NostreamAdapter {
  /**
   * `message` sends a message to the client, `event` offers an event to its subscriptions; other names are nostream's
   * own.
   */
  emit(name: string | symbol, ...args: readonly unknown[]): boolean
  getClientAddress(): string
  getAuthenticatedPubkeys(): ReadonlySet<string>
}

/** The same as a `WebSocketAdapter`, whose socket is not part of that interface. */
export interface NostreamConnection extends NostreamAdapter {
  readonly client: {
    readonly readyState: number
    once(name: 'close', listener: () => void): unknown
  }
}

/** Handles one message of a client (`IMessageHandler`, and `IAbortable` where it may take long). */
export interface NostreamHandler<Message> {
  handleMessage(message: Message): Promise<void>
  abort?(): void
}

/** Stores an event that has passed every check, answers it, and sends it to subscribers (`IEventStrategy`). */
interface NostreamStrategy {
  execute(event: SignedEvent): Promise<void>
}

/** Checks an event, then asks for its strategy (`EventMessageHandler`). */
export interface NostreamEventHandler<Message> extends NostreamHandler<Message> {
  strategyFactory: (input: [event: SignedEvent, adapter: NostreamAdapter]) => NostreamStrategy
}

/** @throws Error naming the member that is missing */
export function checkAdapter(adapter: object): asserts adapter is NostreamAdapter {
  requireMembers('WebSocketAdapter', adapter, ['emit', 'getClientAddress', 'getAuthenticatedPubkeys'])
}

/** @throws Error naming the member that is missing */
export function checkConnection(adapter: object): asserts adapter is NostreamConnection {
  checkAdapter(adapter)
  requireMembers('WebSocketAdapter', adapter, ['client'])
}

/** @throws Error naming the member that is missing */
export function checkEventHandler<Message>(
  handler: object,
): asserts handler is NostreamEventHandler<Message> {
  requireMembers('EventMessageHandler', handler, ['handleMessage', 'strategyFactory'])
}

/** @throws Error naming the members that are missing */
export function requireMembers(owner: string, object: object, names: readonly string[]): void {
  const missing = names.filter((name) => !(name in object))
  if (missing.length === 0) return
  throw new Error(
    `nostream's ${owner} has no ${missing.join(', ')}; keypackage-gateway was tested with ${TESTED_WITH}`,
  )
}
