/** What a session may ask of the gateway that made it: the whole of what it knows of it. */

import type { Connection, GatewaySession } from './connection.ts'
import type { KeyPackageFilter } from './nostr/filters.ts'
import type { ClientMessage, Pubkey, SignedEvent } from './nostr/messages.ts'
import type { Options } from './options.ts'
import type { OwnPiece } from './own-packages.ts'
import type { Query, UseAnswer } from './query.ts'

/** What a session may ask of the gateway that made it. */
export interface SessionOperations {
  readonly options: Options
  now(): number
  /** Host and port under which clients of this connection know the relay. */
  hostOf(connection: Connection): string | undefined
  verifyEvent(event: SignedEvent): boolean
  /** Whether an EVENT of this kind concerns the gateway. */
  concerns(kind: number): boolean
  /** Takes in an EVENT of a kind that concerns the gateway. @throws Refusal */
  accept(event: SignedEvent, sender: Sender): Promise<Acceptance>
  /** Claims what a REQ asks of other people's packages. What is claimed for an answer that `use` cannot make goes back. */
  answer<Result>(query: Query, use: UseAnswer<Result>): Promise<Result>
  /** What a REQ gets of the owners' own packages, each piece made when it is asked for. Ends early where `gone` is aborted. */
  own(query: Query, connection: Connection, gone: AbortSignal): AsyncIterable<OwnPiece>
  /** Shows each package that an owner publishes from now on and that the query asks for. Returns how to stop. */
  watch(query: Query, show: (event: SignedEvent) => void): () => void
  /** How many packages an owner's filters match. @throws Refusal */
  count(filters: readonly KeyPackageFilter[]): Promise<number>
  /** An author is reached through this connection from now on. Returns how to stop. */
  welcome(author: Pubkey, send: Connection['send']): () => void
  /** A message of somebody was refused. */
  refused(message: ClientMessage, why: string, requester: string): void
  /** Something failed that no client can mend. */
  report(error: unknown): void
  /** A session has ended. */
  farewell(session: GatewaySession): void
}

/** Who sends an EVENT, and which relay they think they talk to. */
export interface Sender {
  readonly authenticated: ReadonlySet<string>
  /** Who it is: the first authenticated pubkey, else the address. */
  readonly requester?: string | undefined
  /** The network address as it is counted (`addressKey`); undefined where none is known. */
  readonly address?: string | undefined
  readonly host: string | undefined
  /** The relay has checked id and signature already. */
  readonly isVerified?: boolean
}

/** `forward`: the relay answers it. `done`: it is answered with OK true and this message. */
export type Acceptance =
  | { readonly outcome: 'forward' }
  | { readonly outcome: 'done'; readonly message: string }
