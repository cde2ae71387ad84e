/** What a server refuses: counted for metrics, and logged at most once a minute for each reason, with how often. */

import type { Logger } from '../../../plugin/context.ts'

/** Why a client, or a message of one, was refused; and what the log says. */
const REASONS = {
  full: 'refused clients: as many are connected as server.maxConnections allows',
  address:
    'refused clients: as many of their address are connected as server.maxConnectionsPerAddress allows',
  pipelined: 'disconnected clients that sent too many HTTP requests before the first was answered',
  signatures: 'refused clients of addresses that sent too many wrong signatures',
  invalid: 'refused clients whose WebSocket handshake or its path is invalid',
  relay: 'refused clients: the relay refused them, or cannot be reached',
  stopping: 'refused clients: the server is stopping',
  failed: 'refused clients: the server failed to accept them',
  silent: 'disconnected clients that had said nothing, to make room for others (server.maxConnections)',
  subscriptions: 'refused subscriptions: the client has as many as server.maxSubscriptions allows',
  size: 'refused messages that are larger than server.maxMessageBytes',
} as const

export type RefusedReason = keyof typeof REASONS

export type RefusedCounts = Readonly<Record<RefusedReason, number>>

export interface RefusedSettings {
  readonly log: Pick<Logger, 'warn'>
  /** Milliseconds since the epoch. */
  readonly clock: () => number
}

const LOGGED_EVERY_MS = 60_000

export class Refused {
  readonly #settings: RefusedSettings
  readonly #counts = Object.fromEntries(Object.keys(REASONS).map((reason) => [reason, 0])) as Record<
    RefusedReason,
    number
  >
  readonly #unlogged = new Map<RefusedReason, number>()
  readonly #loggedAt = new Map<RefusedReason, number>()

  constructor(settings: RefusedSettings) {
    this.#settings = settings
  }

  /** Since the server started. */
  get counts(): RefusedCounts {
    return { ...this.#counts }
  }

  count(reason: RefusedReason): void {
    this.#counts[reason] += 1
    this.#unlogged.set(reason, (this.#unlogged.get(reason) ?? 0) + 1)
    this.#log(reason)
  }

  /** Logs what is due; called now and then, so that the last ones of a burst are logged, too. */
  logDue(): void {
    for (const reason of [...this.#unlogged.keys()]) this.#log(reason)
  }

  #log(reason: RefusedReason): void {
    const now = this.#settings.clock()
    if (now - (this.#loggedAt.get(reason) ?? Number.NEGATIVE_INFINITY) < LOGGED_EVERY_MS) return
    const refused = this.#unlogged.get(reason)
    this.#unlogged.delete(reason)
    this.#loggedAt.set(reason, now)
    this.#settings.log.warn({ reason, refused }, REASONS[reason])
  }
}
