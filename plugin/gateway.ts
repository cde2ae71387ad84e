/** The gateway: accepts key packages, delivers each to one requester, and creates a session for each client. */

import { verifyEvent as verifyInJavaScript } from 'nostr-tools/pure'
import { type AuditRecord, auditTo, removalEntry } from './audit.ts'
import type { AnsweredPublication, Connection, GatewaySession, Publication } from './connection.ts'
import { type Logger, unfailing } from './context.ts'
import { informationOf, type RelayInformation } from './information.ts'
import { Replenisher } from './lifecycle/replenish.ts'
import type { EventId, Pubkey, SignedEvent } from './nostr/messages.ts'
import { type Options, type OptionsInput, resolveOptions } from './options.ts'
import { takeEvent, takeKeyPackage } from './publish/publishing.ts'
import { StoreUrl } from './publish/store-url.ts'
import { policyOf } from './request/plan.ts'
import { ReleasedClaims } from './request/released-claims.ts'
import type { SessionContext } from './request/request.ts'
import { SeenSlots } from './request/seen-slots.ts'
import { Turns } from './request/turns.ts'
import { Watchers } from './request/watchers.ts'
import { type PublishContext, senderOf } from './sender.ts'
import { Session } from './session.ts'
import type { KeyPackageStore, Removal } from './store.ts'

/** The options, and the dependencies that the gateway needs from outside. */
export interface GatewaySettings extends OptionsInput {
  readonly store: KeyPackageStore
  /** Milliseconds since the epoch; `Date.now` by default. */
  readonly clock?: () => number
  /** Whether an event's id and signature are valid; nostr-tools' JavaScript verifier by default. */
  readonly verifyEvent?: (event: SignedEvent) => boolean
  /** Silent by default. An error that it throws is ignored. */
  readonly log?: Logger
  /** Writes the audit log; there is none by default. It must not block. An error that it throws is logged. */
  readonly audit?: (record: AuditRecord) => void
}

const silent: Logger = { info() {}, warn() {}, error() {} }

/** One per relay: creates a session for each client, and accepts events that arrive without a session. */
export class KeyPackageGateway {
  /** The options in effect, with the defaults and the profile applied. */
  readonly options: Options
  readonly #context: SessionContext
  readonly #storeUrl: StoreUrl
  readonly #sessions = new Set<GatewaySession>()
  readonly #stopListening: readonly (() => void)[]

  /** @throws SettingsError naming each option that is wrong or unknown */
  constructor(settings: GatewaySettings) {
    const { store, clock = Date.now, verifyEvent = verify, log: operatorsLog, audit, ...options } = settings
    const log = unfailing(operatorsLog ?? silent)
    this.options = resolveOptions(options)
    const now = () => Math.floor(clock() / 1000)
    const { publicUrl } = this.options
    const storeUrl = new StoreUrl({ store, log, publicUrl, now })
    this.#storeUrl = storeUrl
    const context = {
      options: this.options,
      policy: policyOf(this.options),
      store,
      log,
      audit: auditTo(audit, now, log),
      released: new ReleasedClaims(),
      seen: new SeenSlots(),
      verifyEvent,
      rankOf: (event: SignedEvent) => storeUrl.rankOf(event),
      knownAs: async () => undefined,
      now,
    }
    const replenisher = new Replenisher(context)
    this.#context = { ...context, replenisher, watchers: new Watchers(), turns: new Turns() }
    this.#stopListening = [
      store.onLowStock((author) => replenisher.ranLow(author)),
      store.onRemoved((removals) => this.#removed(removals)),
      store.onPublished((author, id) => this.#published(author, id)),
    ]
    void storeUrl.settle()
  }

  /** Accepts one key package event that arrives without a connection, such as from an import. Never rejects. */
  publish(event: SignedEvent, context: PublishContext = {}): Promise<AnsweredPublication> {
    return takeKeyPackage(this.#context, event, senderOf(context, this.options))
  }

  /** Handles any EVENT that arrives without a connection, as a session would. A relay's plugin calls it. Never rejects. */
  accept(event: SignedEvent, context: PublishContext = {}): Promise<Publication> {
    return takeEvent(this.#context, event, senderOf(context, this.options))
  }

  /** Starts a session for a client. If the relay does not implement NIP-42 itself, `send` gets a challenge immediately. */
  session(connection: Connection): GatewaySession {
    const session = new Session(connection, this.#context, () => this.#sessions.delete(session))
    this.#sessions.add(session)
    return session
  }

  /** Removes expired packages and those due to retire. Resolves to how many were removed; rejects when the store does. */
  sweep(): Promise<number> {
    void this.#storeUrl.settle()
    return this.#context.store.sweep(this.#context.now(), this.options.stock.retireAfterSeconds)
  }

  /** What to add to the relay information document (NIP-11). */
  relayInformation(): RelayInformation {
    return informationOf(this.options)
  }

  /** Ends every session. The caller closes the store. */
  close(): void {
    this.#storeUrl.stop()
    for (const stop of this.#stopListening) stop()
    for (const session of [...this.#sessions]) session.close()
  }

  #published(author: Pubkey, id: EventId): void {
    const { store, log, now, replenisher, watchers } = this.#context
    replenisher.gained(author)
    watchers.tell(store, author, id, now()).catch((error: unknown) => {
      log.error({ err: error }, 'failed to show a new key package to those who watch its author')
    })
  }

  #removed(removals: readonly Removal[]): void {
    this.#context.audit(() => removals.map(removalEntry))
    this.#context.replenisher.lost(removals)
  }
}

/** Verifies a copy: nostr-tools caches the result on the event, and trusts the cache even after the event was changed. */
function verify({ id, pubkey, created_at, kind, tags, content, sig }: SignedEvent): boolean {
  return verifyInJavaScript({ id, pubkey, created_at, kind, tags, content, sig })
}
