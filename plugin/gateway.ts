/** The gateway: takes key packages in, hands each to one requester, and makes the sessions that speak for it. */

import { verifyEvent as verifyInJavaScript } from 'nostr-tools/pure'
import { type AuditRecord, auditTo, refusalEntry, removalEntry } from './audit.ts'
import { answerQuery } from './claiming.ts'
import type { Connection, GatewaySession } from './connection.ts'
import { type GatewayContext, type Logger, unfailing } from './context.ts'
import { informationOf, type KeyPackagesInformation } from './information.ts'
import { concernsGateway, takeAuthorEvent } from './lifecycle/author-events.ts'
import { Replenisher } from './lifecycle/replenish.ts'
import { hostOf } from './nostr/auth.ts'
import { checkShape } from './nostr/event.ts'
import type { KeyPackageFilter } from './nostr/filters.ts'
import type { EventId, Pubkey, SignedEvent } from './nostr/messages.ts'
import { Refusal } from './nostr/refusal.ts'
import { addressKey } from './nostr/requester.ts'
import type { Acceptance, Sender, SessionOperations } from './operations.ts'
import { type Options, type OptionsInput, resolveOptions } from './options.ts'
import { type OwnPiece, ownPieces } from './own-packages.ts'
import { type PublishContext, publishKeyPackage } from './publishing.ts'
import { groupByAuthor, ownView, policyOf, type Query, UNAVAILABLE, type UseAnswer } from './query.ts'
import { ReleasedClaims } from './released.ts'
import { Session } from './session.ts'
import { meets } from './stock/selection.ts'
import type { KeyPackageStore, Removal } from './store.ts'
import { MOST_UNDER_WAY, Turns } from './turns.ts'
import { Watchers } from './watchers.ts'

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

/** The answer to an EVENT, as it stands in an OK message (NIP-01). */
export interface Verdict {
  readonly accepted: boolean
  readonly message: string
}

/** It is answered with OK false and this message, and nobody keeps it. */
export interface Refused {
  readonly outcome: 'refused'
  readonly message: string
}

const silent: Logger = { info() {}, warn() {}, error() {} }

/** What a relay has one of: it makes a session for each client, and takes in what comes without one. */
export class KeyPackageGateway {
  /** What is in force, every default and the profile's filled in. */
  readonly options: Options
  readonly #context: GatewayContext
  readonly #sessions = new Set<GatewaySession>()
  readonly #replenisher: Replenisher
  readonly #watchers = new Watchers()
  readonly #turns = new Turns()
  readonly #stopListening: readonly (() => void)[]

  /** @throws SettingsError naming each option that is wrong or unknown */
  constructor(settings: GatewaySettings) {
    const { store, clock = Date.now, verifyEvent = verify, log: operatorsLog, audit, ...options } = settings
    const log = unfailing(operatorsLog ?? silent)
    this.options = resolveOptions(options)
    const now = () => Math.floor(clock() / 1000)
    this.#context = {
      options: this.options,
      policy: policyOf(this.options),
      store,
      log,
      audit: auditTo(audit, now, log),
      released: new ReleasedClaims(),
      verifyEvent,
      now,
    }
    this.#replenisher = new Replenisher(this.#context)
    this.#stopListening = [
      store.onLowStock((author) => this.#replenisher.ranLow(author)),
      store.onRemoved((removals) => this.#removed(removals)),
      store.onPublished((author, id) => this.#published(author, id)),
    ]
  }

  /** Takes one key package event in, without a connection: from an import. Never rejects. */
  async publish(event: SignedEvent, context: PublishContext = {}): Promise<Verdict> {
    const sender = this.#senderOf(context)
    const publication = await this.#attempt(event, sender, () =>
      publishKeyPackage(this.#context, event, sender),
    )
    return { accepted: publication.outcome !== 'refused', message: publication.message }
  }

  /** Takes any EVENT that comes without a connection, as a session would: from a relay's plugin. Never rejects. */
  accept(event: SignedEvent, context: PublishContext = {}): Promise<Acceptance | Refused> {
    const sender = this.#senderOf(context)
    return this.#attempt(event, sender, () => this.#accept(event, sender))
  }

  /** A client has connected. Where the relay has no NIP-42 of its own, `send` is called with a challenge at once. */
  session(connection: Connection): GatewaySession {
    const session = new Session(connection, this.#operations())
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

  #operations(): SessionOperations {
    const context = this.#context
    return {
      options: this.options,
      now: context.now,
      verifyEvent: context.verifyEvent,
      hostOf: (connection) => this.#hostOf(connection),
      concerns: (kind) => concernsGateway(kind, this.options.kinds),
      accept: (event, sender) => this.#accept(event, sender),
      answer: (query, use) => this.#answer(query, use),
      own: (query, connection, gone) => this.#own(query, connection, gone),
      watch: (query, show) => this.#watch(query, show),
      count: (filters) => this.#count(filters),
      welcome: (author, send) => this.#welcome(author, send),
      refused: (message, why, requester) => context.audit(() => [refusalEntry(message, why, requester)]),
      report: (error) => this.#report(error),
      farewell: (session) => this.#sessions.delete(session),
    }
  }

  #senderOf({ authenticated = [], address, isVerified = false }: PublishContext): Sender {
    const pubkeys = new Set(authenticated)
    const key = address === undefined ? undefined : addressKey(address)
    const [requester = key] = pubkeys
    return { authenticated: pubkeys, requester, address: key, host: this.#hostOf({}), isVerified }
  }

  /** Does what an event asks for, and says what stands against it. */
  async #attempt<Outcome>(
    event: SignedEvent,
    { requester }: Sender,
    attempt: () => Promise<Outcome>,
  ): Promise<Outcome | Refused> {
    try {
      checkShape(event)
      return await attempt()
    } catch (error) {
      if (!(error instanceof Refusal)) this.#report(error)
      const { message } = error instanceof Refusal ? error : new Refusal('error', UNAVAILABLE)
      this.#context.audit(() => [refusalEntry(['EVENT', event], message, requester)])
      return { outcome: 'refused', message }
    }
  }

  async #accept(event: SignedEvent, sender: Sender): Promise<Acceptance> {
    if (!this.#isKeyPackage(event.kind)) {
      await takeAuthorEvent(this.#context, event, sender)
      return { outcome: 'forward' }
    }
    const { outcome, message } = await publishKeyPackage(this.#context, event, sender)
    // One in the stock already goes on too: the relay may have failed to take it, or this is the relay's plugin asking
    // about what the proxy before it has just taken in.
    const isForRelay = this.options.custody === 'relay' && outcome !== 'spent'
    return isForRelay ? { outcome: 'forward' } : { outcome: 'done', message }
  }

  async *#own(
    query: Query,
    { address, maxBufferedBytes = MOST_UNDER_WAY }: Connection,
    gone: AbortSignal,
  ): AsyncGenerator<OwnPiece> {
    const queuer = this.#turns.join(address, maxBufferedBytes)
    try {
      yield* ownPieces(this.#context, query, queuer, gone)
    } finally {
      queuer.leave()
    }
  }

  #watch({ own, hints }: Query, show: (event: SignedEvent) => void): () => void {
    const stops = [...own].map(([author, filters]) =>
      this.#watchers.add(author, (pkg) => {
        if (!filters.some(({ narrowing }) => meets(pkg, narrowing))) return
        show(pkg.as(hints.get(author) ?? 'as-published'))
      }),
    )
    return () => {
      for (const stop of stops) stop()
    }
  }

  async #count(filters: readonly KeyPackageFilter[]): Promise<number> {
    const { store, now } = this.#context
    try {
      const counts = [...groupByAuthor(filters)].map(
        async ([author, named]) => ownView(await store.list(author, now()), named).length,
      )
      return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0)
    } catch (error) {
      this.#report(error)
      throw new Refusal('error', UNAVAILABLE)
    }
  }

  #answer<Result>(query: Query, use: UseAnswer<Result>): Promise<Result> {
    return answerQuery(this.#context, query, use, () => {
      for (const { author } of query.claims) this.#replenisher.gained(author)
    })
  }

  #welcome(author: Pubkey, send: Connection['send']): () => void {
    return this.options.replenish.enabled ? this.#replenisher.join(author, send) : () => {}
  }

  #published(author: Pubkey, id: EventId): void {
    const { store, now } = this.#context
    this.#replenisher.gained(author)
    this.#watchers.tell(store, author, id, now()).catch((error: unknown) => this.#report(error))
  }

  #removed(removals: readonly Removal[]): void {
    this.#context.audit(() => removals.map(removalEntry))
    this.#replenisher.lost(removals)
  }

  #hostOf({ host }: Pick<Connection, 'host'>): string | undefined {
    return hostOf(this.options.publicUrl ?? host ?? '')
  }

  #isKeyPackage(kind: number): boolean {
    return this.options.kinds.some((known) => known === kind)
  }

  #report(error: unknown): void {
    this.#context.log.error({ err: error }, 'a request failed')
  }
}

/** On a copy: nostr-tools marks an event with what verifying it said, and believes the mark even where the event was changed. */
function verify({ id, pubkey, created_at, kind, tags, content, sig }: SignedEvent): boolean {
  return verifyInJavaScript({ id, pubkey, created_at, kind, tags, content, sig })
}
