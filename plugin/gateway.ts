/** The gateway: takes key packages in, hands each to one requester, and makes the sessions that speak for it. */

import { verifyEvent as verifyInJavaScript } from 'nostr-tools/pure'
import { type AuditRecord, auditTo, removalEntry } from './audit.ts'
import type { AnsweredPublication, Connection, GatewaySession, Publication } from './connection.ts'
import { type Logger, unfailing } from './context.ts'
import { informationOf, type KeyPackagesInformation } from './information.ts'
import { Replenisher } from './lifecycle/replenish.ts'
import type { EventId, Pubkey, SignedEvent } from './nostr/messages.ts'
import { type Options, type OptionsInput, resolveOptions } from './options.ts'
import { takeEvent, takeKeyPackage } from './publishing.ts'
import { Watchers } from './request/live-feed.ts'
import { policyOf } from './request/plan.ts'
import { ReleasedClaims } from './request/released-claims.ts'
import type { SessionContext } from './request/request.ts'
import { Turns } from './request/turns.ts'
import { type PublishContext, senderOf } from './sender.ts'
import { Session } from './session.ts'
import type { KeyPackageStore, Removal } from './store.ts'

/** The options, and what the gateway cannot make by itself. */
export interface GatewaySettings extends OptionsInput {
  readonly store: KeyPackageStore
  /** Milliseconds since the epoch; `Date.now` by default. */
  readonly clock?: () => number
  /** Whether an event's id and signature are right; nostr-tools' verifier in JavaScript by default. */
  readonly verifyEvent?: (event: SignedEvent) => boolean
  /** Silent by default. When it throws, nothing else is the worse for it. */
  readonly log?: Logger
  /** Keeps the audit log; there is none by default. It must not wait, and when it throws the log says so. */
  readonly audit?: (record: AuditRecord) => void
}

const silent: Logger = { info() {}, warn() {}, error() {} }

/** What a relay has one of: it makes a session for each client, and takes in what comes without one. */
export class KeyPackageGateway {
  /** What is in force, every default and the profile's filled in. */
  readonly options: Options
  readonly #context: SessionContext
  readonly #sessions = new Set<GatewaySession>()
  readonly #stopListening: readonly (() => void)[]

  /** @throws SettingsError naming each option that is wrong or unknown */
  constructor(settings: GatewaySettings) {
    const { store, clock = Date.now, verifyEvent = verify, log: operatorsLog, audit, ...options } = settings
    const log = unfailing(operatorsLog ?? silent)
    this.options = resolveOptions(options)
    const now = () => Math.floor(clock() / 1000)
    const context = {
      options: this.options,
      policy: policyOf(this.options),
      store,
      log,
      audit: auditTo(audit, now, log),
      released: new ReleasedClaims(),
      verifyEvent,
      now,
    }
    const replenisher = new Replenisher(context)
    this.#context = { ...context, replenisher, watchers: new Watchers(), turns: new Turns() }
    this.#stopListening = [
      store.onLowStock((author) => replenisher.ranLow(author)),
      store.onRemoved((removals) => this.#removed(removals)),
      store.onPublished((author, id) => this.#published(author, id)),
    ]
  }

  /** Takes one key package event in, without a connection: from an import. Never rejects. */
  publish(event: SignedEvent, context: PublishContext = {}): Promise<AnsweredPublication> {
    return takeKeyPackage(this.#context, event, senderOf(context, this.options))
  }

  /** Takes any EVENT that comes without a connection, as a session would: from a relay's plugin. Never rejects. */
  accept(event: SignedEvent, context: PublishContext = {}): Promise<Publication> {
    return takeEvent(this.#context, event, senderOf(context, this.options))
  }

  /** A client has connected. Where the relay has no NIP-42 of its own, `send` is called with a challenge at once. */
  session(connection: Connection): GatewaySession {
    const session = new Session(connection, this.#context, () => this.#sessions.delete(session))
    this.#sessions.add(session)
    return session
  }

  /** Removes what expired and what may retire. Resolves to how many packages went; rejects when the store does. */
  sweep(): Promise<number> {
    return this.#context.store.sweep(this.#context.now(), this.options.stock.retireAfterSeconds)
  }

  /** What to put under `key_packages` in the relay information document (NIP-11). */
  keyPackagesInformation(): KeyPackagesInformation {
    return informationOf(this.options)
  }

  /** Ends every session. The store is its owner's to close. */
  close(): void {
    for (const stop of this.#stopListening) stop()
    for (const session of [...this.#sessions]) session.close()
  }

  #published(author: Pubkey, id: EventId): void {
    const { store, log, now, replenisher, watchers } = this.#context
    replenisher.gained(author)
    watchers.tell(store, author, id, now()).catch((error: unknown) => {
      log.error({ err: error }, 'an owner could not be shown a key package')
    })
  }

  #removed(removals: readonly Removal[]): void {
    this.#context.audit(() => removals.map(removalEntry))
    this.#context.replenisher.lost(removals)
  }
}

/** On a copy: nostr-tools marks an event with what verifying it said, and believes the mark even where the event was changed. */
function verify({ id, pubkey, created_at, kind, tags, content, sig }: SignedEvent): boolean {
  return verifyInJavaScript({ id, pubkey, created_at, kind, tags, content, sig })
}
