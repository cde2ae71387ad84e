/** Who sends an EVENT: what the checks and the quotas of publishing go by. */

import type { Connection } from './connection.ts'
import { hostOf } from './nostr/auth.ts'
import { addressKey } from './nostr/requester.ts'
import type { Options } from './options.ts'

/** What is known about an event that comes without a session. */
export interface PublishContext {
  /** Pubkeys that the sender has authenticated (NIP-42). */
  readonly authenticated?: Iterable<string>
  /** The sender's network address, where it is known: who is not the author is counted by it. */
  readonly address?: string | undefined
  /** The relay has checked id and signature already. */
  readonly isVerified?: boolean
}

/** Who sends an EVENT, and which relay they think they talk to. */
export interface Sender {
  readonly authenticated: ReadonlySet<string>
  /** Whom the audit log names: the first authenticated pubkey, else the address. */
  readonly requester?: string | undefined
  /** The network address as it is counted (`addressKey`); undefined where none is known. */
  readonly address?: string | undefined
  /** Host and port of the relay as the sender knows it. */
  readonly host: string | undefined
  readonly isVerified: boolean
}

export function senderOf(
  { authenticated = [], address, isVerified = false }: PublishContext,
  options: Options,
  connection: Pick<Connection, 'host'> = {},
): Sender {
  const pubkeys = new Set(authenticated)
  const key = address === undefined ? undefined : addressKey(address)
  const [requester = key] = pubkeys
  return {
    authenticated: pubkeys,
    requester,
    address: key,
    host: relayHost(options, connection),
    isVerified,
  }
}

/** Host and port under which clients of a connection know the relay; undefined where nobody has said. */
export function relayHost({ publicUrl }: Options, { host }: Pick<Connection, 'host'>): string | undefined {
  return hostOf(publicUrl ?? host ?? '')
}
