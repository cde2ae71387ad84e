/** What the REST interface needs to know of the server that it is a part of. */

import type { Logger } from '../../../plugin/context.ts'
import type { KeyPackageGateway } from '../../../plugin/gateway.ts'
import type { ClientMessage, RelayMessage } from '../../../plugin/nostr/messages.ts'
import type { HttpAuth } from '../nip98.ts'

export interface ApiSettings {
  /** The path that everything of this server is below; empty if it is all of it. */
  readonly base: string
  readonly gateway: KeyPackageGateway
  readonly auth: HttpAuth
  /** Where clients reach this server, which they sign (NIP-98); undefined: only under an address of this machine. */
  readonly publicUrl: string | undefined
  readonly maxBodyBytes: number
  /** The relay information document (NIP-11). Rejects if the store does. */
  readonly information: () => Promise<object>
  /** Who takes key packages that are published. `relay`: only the relay behind the gateway, over its WebSocket. */
  readonly publishing: 'gateway' | 'relay'
  /** Asks the relay that keeps relay lists, if that is this server. */
  readonly relayLists: ((message: ClientMessage) => Promise<readonly RelayMessage[]>) | undefined
  readonly log: Logger
  /** Of this software. */
  readonly version: string
}
