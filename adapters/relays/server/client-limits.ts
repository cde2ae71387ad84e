/** The limits of what clients may do, where the settings name none: our own, or those of the relay behind (NIP-11). */

import { MESSAGE_BYTES, type ServerOptions } from './server-options.ts'

/** Of a server without a relay behind it, and in front of one that does not say how long a message may be. */
const DEFAULTS = {
  maxMessageBytes: 524_288,
  maxConnections: 1000,
  maxConnectionsPerAddress: 100,
  maxSubscriptions: 32,
}
type Named = Pick<ServerOptions, keyof typeof DEFAULTS>

export interface ClientLimits {
  /** It may change while the server runs. */
  readonly maxMessageBytes: number
  /** 0 is no limit. */
  readonly maxConnections: number
  /** 0 is no limit. */
  readonly maxConnectionsPerAddress: number
  /** Undefined: the relay behind counts its own. */
  readonly maxSubscriptions: number | undefined
}

/** Without a relay behind. */
export function ownLimits(options: Named): ClientLimits {
  const named = Object.fromEntries(Object.entries(options).filter(([, limit]) => limit !== undefined))
  return { ...DEFAULTS, ...named }
}

/** In front of a relay that has limits of its own: only those of the settings come on top. */
export class LimitsOfRelay implements ClientLimits {
  readonly #named: Named
  #maxMessageBytes = DEFAULTS.maxMessageBytes

  constructor(named: Named) {
    this.#named = named
  }

  get maxMessageBytes(): number {
    return this.#named.maxMessageBytes ?? this.#maxMessageBytes
  }

  get maxConnections(): number {
    return this.#named.maxConnections ?? 0
  }

  get maxConnectionsPerAddress(): number {
    return this.#named.maxConnectionsPerAddress ?? 0
  }

  get maxSubscriptions(): number | undefined {
    return this.#named.maxSubscriptions
  }

  /** @param document the relay's information document (NIP-11); anything else says nothing */
  learn(document: unknown): void {
    const { limitation } = Object(document) as { readonly limitation?: unknown }
    const { max_message_length: length } = Object(limitation) as { readonly max_message_length?: unknown }
    if (typeof length !== 'number' || !(length > 0)) return
    this.#maxMessageBytes = Math.floor(Math.min(MESSAGE_BYTES.most, Math.max(MESSAGE_BYTES.least, length)))
  }
}
