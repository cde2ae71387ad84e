/**
 * The members of nostream that the gateway uses, as its `src/adapters/web-socket-adapter.ts`,
 * `src/handlers/event-message-handler.ts` and `src/@types` have them, and whether one is missing.
 */

import type { SignedEvent } from '../../../plugin/nostr/messages.ts'

/** Where they were looked up; a later nostream is as good as long as it has them. */
const CHECKED_AGAINST = 'nostream 3.0.0 (fd7f56a)'

/** One client connection: `IWebSocketAdapter`. */
export interface NostreamAdapter {
  /** `message` sends a message to the client, `event` shows an event to its subscriptions; the rest is nostream's own. */
  emit(name: string | symbol, ...args: readonly unknown[]): boolean
  getClientAddress(): string
  getAuthenticatedPubkeys(): ReadonlySet<string>
}

/** The same as a `WebSocketAdapter`, whose socket is no part of the interface. */
export interface NostreamConnection extends NostreamAdapter {
  readonly client: {
    readonly readyState: number
    once(name: 'close', listener: () => void): unknown
  }
}

/** Handles one message of a client: `IMessageHandler`, and `IAbortable` where it may take long. */
export interface NostreamHandler<Message> {
  handleMessage(message: Message): Promise<void>
  abort?(): void
}

/** Stores an event that has passed every check, answers it, and shows it to whoever subscribed: `IEventStrategy`. */
interface NostreamStrategy {
  execute(event: SignedEvent): Promise<void>
}

/** Checks an event and then asks for its strategy: `EventMessageHandler`. */
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

/** @throws Error naming those that are missing */
export function requireMembers(owner: string, object: object, names: readonly string[]): void {
  const missing = names.filter((name) => !(name in object))
  if (missing.length === 0) return
  throw new Error(
    `nostream's ${owner} has no ${missing.join(', ')}; keypackage-gateway was made for ${CHECKED_AGAINST}`,
  )
}
