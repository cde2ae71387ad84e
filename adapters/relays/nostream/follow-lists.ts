/** Asks nostream for authors' follow lists, over the connection of one of its clients. */

import type { KeyPackageGateway } from '../../../plugin/gateway.ts'
import { followListFilters } from '../../../plugin/lifecycle/follow-list.ts'
import type { SignedEvent } from '../../../plugin/nostr/messages.ts'
import type { MakeHandler, NostreamClient } from './client.ts'

/** nostream makes a factory for each connection, but there is one gateway. */
const clientsOf = new WeakMap<KeyPackageGateway, Map<NostreamClient, MakeHandler>>()

/** Has the gateway ask over this client's connection, among others, for as long as it is open. */
export function askOver(gateway: KeyPackageGateway, client: NostreamClient, makeHandler: MakeHandler): void {
  const clients = clientsOf.get(gateway) ?? new Map<NostreamClient, MakeHandler>()
  if (!clientsOf.has(gateway)) {
    clientsOf.set(gateway, clients)
    gateway.askForFollowLists((author) => ask(clients, followListFilters(author)))
  }
  if (!client.isOpen) return
  clients.set(client, makeHandler)
  client.onClose(() => clients.delete(client))
}

/** Prefers the connection of somebody whom nostream may show more, because they have authenticated. */
async function ask(
  clients: ReadonlyMap<NostreamClient, MakeHandler>,
  filters: readonly object[],
): Promise<readonly SignedEvent[]> {
  const open = [...clients].filter(([client]) => client.isOpen)
  const [client, makeHandler] = open.find(([client]) => client.isAuthenticated) ?? open[0] ?? []
  if (client === undefined || makeHandler === undefined) throw new Error('no client is connected')
  return client.find(filters, makeHandler)
}
