/**
 * What `keypackage-gateway/nostream` exports: nostream's message handler factory with the gateway in it, and the address of
 * nostream's Redis.
 */

import type { KeyPackageGateway } from '../../../plugin/gateway.ts'
import { concernsGateway } from '../../../plugin/lifecycle/author-events.ts'
import { kindOf } from '../../../plugin/nostr/event.ts'
import type { ClientMessage } from '../../../plugin/nostr/messages.ts'
import { readUrl } from '../../../plugin/read-url.ts'
import { NostreamClient } from './client.ts'
import { askOver } from './follow-lists.ts'
import {
  checkConnection,
  checkEventHandler,
  type NostreamAdapter,
  type NostreamHandler,
} from './required-members.ts'

/** Makes the handler of one message of one client. */
export type MessageHandlerFactory<Message, Adapter> = (
  input: [message: Message, adapter: Adapter],
) => NostreamHandler<Message>

/** nostream's own types of messages and adapters declare less than is there, and more than is checked. */
type UntypedFactory = MessageHandlerFactory<ClientMessage, object>

/**
 * Wraps what nostream's `messageHandlerFactory(...)` returns. nostream checks each event as before; a key package that
 * passes goes to the gateway, and to nostream's database only with `custody: relay`. Give the gateway nostream's
 * `info.relay_url` as its `publicUrl`, and a store that all workers share.
 * @throws Error naming a member that this nostream lacks: at once, or with the first message of a connection
 */
export function withKeyPackageGateway<Message, Adapter extends NostreamAdapter>(
  factory: MessageHandlerFactory<Message, Adapter>,
  gateway: KeyPackageGateway,
): MessageHandlerFactory<Message, Adapter>
export function withKeyPackageGateway(factory: UntypedFactory, gateway: KeyPackageGateway): UntypedFactory {
  const clients = new WeakMap<object, NostreamClient>()
  const concerns = (kind: number | undefined) =>
    kind !== undefined && concernsGateway(kind, gateway.options.kinds)

  const clientOf = (adapter: object) => {
    const known = clients.get(adapter)
    if (known !== undefined) return known
    checkConnection(adapter)
    const client = new NostreamClient(adapter, gateway)
    clients.set(adapter, client)
    askOver(gateway, client, (message) => factory([message, adapter]))
    return client
  }

  const eventHandler = (input: Parameters<UntypedFactory>[0]) => {
    const handler = factory(input)
    checkEventHandler<ClientMessage>(handler)
    return handler
  }

  eventHandler([['EVENT', {}], {}])
  return ([message, adapter]) => {
    const client = clientOf(adapter)
    if (message[0] !== 'EVENT') return client.ask((forward) => factory([forward, adapter]))
    if (!concerns(kindOf(message[1]))) return factory([message, adapter])
    return client.publish(eventHandler([message, adapter]))
  }
}

/**
 * The address of the Redis that nostream's workers share, made from its `REDIS_*` environment variables as nostream's
 * `src/cache/client.ts` does.
 */
export function nostreamRedis(env: Readonly<Record<string, string | undefined>>): string {
  const { REDIS_URI, REDIS_HOST = 'localhost', REDIS_PORT = '6379', REDIS_USER, REDIS_PASSWORD } = env
  const address = REDIS_URI || `redis://${REDIS_HOST}:${REDIS_PORT}`
  const url = readUrl(address)
  if (!REDIS_PASSWORD || url === undefined) return address
  if (!REDIS_URI) url.username = encodeURIComponent(REDIS_USER ?? 'default')
  url.password = encodeURIComponent(REDIS_PASSWORD)
  return url.href
}
