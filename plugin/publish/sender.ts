/** Who sends an EVENT, for the checks and quotas of publishing. */

import type { Connection } from '../connection.ts'
import { hostOf } from '../nostr/auth.ts'
import { addressKey } from '../nostr/requester.ts'
import type { Options } from '../options.ts'
import type { Signatory } from '../verification.ts'

/** What is known about the sender of an event that arrives without a session. */
export interface PublishContext {
  /** Pubkeys that the sender has authenticated (NIP-42). */
  readonly authenticated?: Iterable<string>
  /** The sender's network address, if known. The quota of senders other than the author is counted by it. */
  readonly address?: string | undefined
  /** Whether the relay has already checked id and signature. */
  readonly isVerified?: boolean
}

/** Who sends an EVENT, and the relay's address as they know it. */
export interface Sender extends Signatory {
  readonly authenticated: ReadonlySet<string>
  /** The name in the audit log: the first authenticated pubkey, else the address. */
  readonly requester?: string | undefined
  /** The network address itself, for access rules; undefined if unknown. */
  readonly networkAddress?: string | undefined
  /** Host and port of the relay as the sender knows it. */
  readonly host: string | undefined
  readonly isVerified: boolean
  readonly relayLists: 'noted' | 'kept'
}

export function senderOf(
  { authenticated = [], address, isVerified = false }: PublishContext,
  options: Options,
  connection: Pick<Connection, 'host' | 'relayLists' | 'onBadSignature'> = {},
): Sender {
  const pubkeys = new Set(authenticated)
  const key = address === undefined ? undefined : addressKey(address)
  const [requester = key] = pubkeys
  return {
    authenticated: pubkeys,
    requester,
    address: key,
    networkAddress: address,
    host: relayHost(options, connection),
    isVerified,
    relayLists: connection.relayLists ?? 'noted',
    onBadSignature: connection.onBadSignature,
  }
}

/** Host and port under which the client knows the relay; undefined if not configured. */
export function relayHost({ publicUrl }: Options, { host }: Pick<Connection, 'host'>): string | undefined {
  return hostOf(publicUrl ?? host ?? '')
}
