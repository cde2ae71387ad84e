/** nostream's message handler factory with the gateway in it: which messages are whose. */

import type { KeyPackageGateway } from '../../../plugin/gateway.ts'
import { concernsGateway } from '../../../plugin/lifecycle/author-events.ts'
import { kindOf } from '../../../plugin/nostr/event.ts'
import type { ClientMessage } from '../../../plugin/nostr/messages.ts'
import { NostreamClient } from './client.ts'
import { checkConnection, checkEventHandler, type NostreamAdapter, type NostreamHandler } from './members.ts'

/** Makes the handler of one message of one client. */
export type MessageHandlerFactory<Message, Adapter> = (
  input: [message: Message, adapter: Adapter],
) => NostreamHandler<Message>

/**
 * Wraps what nostream's `messageHandlerFactory(...)` returns. nostream checks each event as ever; key packages that pass
 * are the gateway's then, and only with `custody: relay` nostream's too. Give the gateway a `publicUrl` that is
 * nostream's `info.relay_url`, and a store that all workers share.
 * @throws Error naming a member of nostream's that is missing: at once, or for a connection with its first message
 */
export function withKeyPackageGateway<Message, Adapter extends NostreamAdapter>(
  factory: MessageHandlerFactory<Message, Adapter>,
  gateway: KeyPackageGateway,
): MessageHandlerFactory<Message, Adapter> {
  return wrap(factory as unknown as Untyped, gateway) as unknown as MessageHandlerFactory<Message, Adapter>
}

/** nostream's own types of messages and adapters say less than is there, and more than is checked. */
type Untyped = MessageHandlerFactory<ClientMessage, object>

function wrap(factory: Untyped, gateway: KeyPackageGateway): Untyped {
  const clients = new WeakMap<object, NostreamClient>()
  const concerns = (kind: number | undefined) =>
    kind !== undefined && concernsGateway(kind, gateway.options.kinds)

  const clientOf = (adapter: object) => {
    const known = clients.get(adapter)
    if (known !== undefined) return known
    checkConnection(adapter)
    const client = new NostreamClient(adapter, gateway)
    clients.set(adapter, client)
    return client
  }

  const eventHandler = (input: Parameters<Untyped>[0]) => {
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
