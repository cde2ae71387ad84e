/** The gateway: accepts key packages, delivers each to one requester, and creates a session for each client. */

import { verifyEvent as verifyInJavaScript } from 'nostr-tools/pure'
import { Access, type ListedAccessRule, type RuleRemoval } from './access/access.ts'
import type { AuditRecord } from './audit.ts'
import type { AnsweredPublication, Connection, GatewaySession, Publication } from './connection.ts'
import { type GatewayContext, type Logger, silent, unfailing } from './context.ts'
import { informationOf, OperatorInformation, type RelayInformation } from './information.ts'
import type { FollowListSource } from './lifecycle/follow-list.ts'
import { type IsKnown, KnownRequesters } from './lifecycle/known-requesters.ts'
import { LearnedFollowLists } from './lifecycle/learned-follow-lists.ts'
import {
  type OwnPackage,
  type OwnRemoval,
  ownPackagesOf,
  type PackagesToRemove,
  type RemovedBy,
  removeOwn,
} from './lifecycle/own-stock.ts'
import { Replenisher } from './lifecycle/replenish.ts'
import { SlotWear } from './lifecycle/slot-wear.ts'
import { type StockSurvey, type SurveySettings, surveyStock } from './lifecycle/stock-survey.ts'
import type { EventId, Pubkey, SignedEvent } from './nostr/messages.ts'
import type { Observer } from './observer.ts'
import { type Options, type OptionsInput, resolveOptions } from './options.ts'
import { AuthorCount } from './publish/author-count.ts'
import { takeEvent, takeKeyPackage } from './publish/publishing.ts'
import { type PublishContext, senderOf } from './publish/sender.ts'
import { StoreUrl } from './publish/store-url.ts'
import { Recorder } from './recorder.ts'
import { policyOf } from './request/plan.ts'
import { ReleasedClaims } from './request/released-claims.ts'
import type { SessionContext } from './request/request.ts'
import { SeenSlots } from './request/seen-slots.ts'
import { Turns } from './request/turns.ts'
import { Watchers } from './request/watchers.ts'
import { Session } from './session.ts'
import { alone, type Siblings } from './siblings.ts'
import type { AccessRule, ChangedInformation, InformationField, KeyPackageStore, Removal } from './store.ts'
import { Verification, type VerificationLoad, type VerifyEvent } from './verification.ts'

/** The options, and the dependencies that the gateway needs from outside. */
export interface GatewaySettings extends OptionsInput {
  readonly store: KeyPackageStore
  /** Milliseconds since the epoch; `Date.now` by default. */
  readonly clock?: () => number
  /**
   * Whether an event's id and signature are valid; nostr-tools' JavaScript verifier, in this thread, by default. One that
   * returns a promise is given several events at a time: that of `signaturePool()` uses other threads.
   */
  readonly verifyEvent?: VerifyEvent
  /**
   * Whether an author of key packages knows a requester, besides those they follow: members of the same team, say. Called only
   * when a stranger would get no fresh package. No answer within 200 ms, or an error, means no.
   */
  readonly isKnown?: IsKnown
  /** The other processes of the same server, on the same store. None by default. */
  readonly siblings?: Siblings
  /** A signal that is aborted after that many milliseconds; `AbortSignal.timeout` by default. */
  readonly deadline?: (ms: number) => AbortSignal
  /** Silent by default. An error that it throws is ignored. */
  readonly log?: Logger
  /** Writes the audit log; there is none by default. It must not block. An error that it throws is logged. */
  readonly audit?: (record: AuditRecord) => void
  /** Counts what happens, for metrics; there is none by default. It must not block. An error that it throws is logged. */
  readonly observer?: Observer
}

/** What a gateway has to do at the moment. */
export interface GatewayActivity extends VerificationLoad {
  /** Clients that are connected. */
  readonly sessions: number
}

/** One per relay: creates a session for each client, and accepts events that arrive without a session. */
export class KeyPackageGateway {
  /** The options in effect, with the defaults and the profile applied. */
  readonly options: Options
  readonly #context: SessionContext
  readonly #requesters: KnownRequesters
  readonly #storeUrl: StoreUrl
  readonly #information: OperatorInformation
  readonly #sessions = new Set<GatewaySession>()
  readonly #stopListening: readonly (() => void)[]

  /** @throws SettingsError naming each option that is wrong or unknown */
  constructor(settings: GatewaySettings) {
    const { store, clock = Date.now, verifyEvent = verify, log: operatorsLog, audit, ...others } = settings
    const { observer, isKnown, siblings = alone, deadline = AbortSignal.timeout, ...options } = others
    const log = unfailing(operatorsLog ?? silent)
    this.options = resolveOptions(options)
    const now = () => Math.floor(clock() / 1000)
    const { publicUrl } = this.options
    const storeUrl = new StoreUrl({ store, log, publicUrl, now })
    this.#storeUrl = storeUrl
    const verification = new Verification(verifyEvent)
    const followLists = new LearnedFollowLists({ store, log })
    const requesters = new KnownRequesters({
      store,
      log,
      now,
      verifyEvent: (event) => verification.event(event, {}),
      learner: followLists,
      deadline,
      isKnown,
    })
    this.#requesters = requesters
    this.#information = new OperatorInformation({ store, log, now, deadline })
    const context: GatewayContext = {
      options: this.options,
      policy: policyOf(this.options),
      store,
      log,
      recorder: new Recorder({ options: this.options, audit, observer, log, now }),
      access: new Access({ options: this.options, store, log, now }),
      authors: new AuthorCount({ options: this.options, store, now }),
      released: new ReleasedClaims(siblings),
      seen: new SeenSlots(siblings),
      slotWear: new SlotWear({ options: this.options, store, log, now, siblings }),
      followLists,
      knownAs: (author, authenticated) => requesters.knownAs(author, authenticated),
      verification,
      rankOf: (event) => storeUrl.rankOf(event),
      now,
    }
    const replenisher = new Replenisher(context, siblings)
    this.#context = { ...context, replenisher, watchers: new Watchers(), turns: new Turns() }
    this.#stopListening = [
      store.onLowStock((author) => replenisher.ranLow(author)),
      store.onRotationDue((author, slot) => replenisher.rotationDue(author, slot)),
      store.onRemoved((removals) => this.#removed(removals)),
      store.onPublished((author, id) => this.#published(author, id)),
      store.onAccessChanged(() => context.access.changed()),
    ]
    void storeUrl.settle()
  }

  /** Accepts one key package event that arrives without a connection, such as from an import. Never rejects. */
  publish(event: SignedEvent, context: PublishContext = {}): Promise<AnsweredPublication> {
    return takeKeyPackage(this.#context, event, senderOf(context, this.options))
  }

  /** Handles any EVENT that arrives without a connection, as a session would. A relay's plugin calls it. Never rejects. */
  async accept(event: SignedEvent, context: PublishContext = {}): Promise<Publication> {
    const publication = await takeEvent(this.#context, event, senderOf(context, this.options))
    if (publication.outcome === 'forward') await this.#context.followLists.learn(event)
    return publication
  }

  /** Starts a session for a client. If the relay does not implement NIP-42 itself, `send` gets a challenge immediately. */
  session(connection: Connection): GatewaySession {
    const session = new Session(connection, this.#context, () => this.#sessions.delete(session))
    this.#sessions.add(session)
    return session
  }

  /**
   * Has `source` asked for an author's follow lists, `followListFilters(author)`, that have not passed here: when they publish
   * their first package, and for a claim, which waits up to 200 ms. There is one source: the relay behind. Returns a function
   * that stops it.
   */
  askForFollowLists(source: FollowListSource): () => void {
    return this.#requesters.askFrom(source)
  }

  /**
   * Why somebody may not query key packages now, their own included (`access`): text that begins with a NIP-01 prefix. Undefined if
   * they may. For those who ask without a session, which checks it itself. Never rejects.
   */
  async refusalToQuery({ authenticated = [], address }: PublishContext): Promise<string | undefined> {
    const asker = { authenticated: new Set(authenticated), networkAddress: address }
    return (await this.#context.access.refusalToClaim(asker))?.message
  }

  /** An author's packages in the stock, newest first, for the author or the operator. Spends nothing. Rejects when the store does. */
  ownPackages(author: Pubkey): Promise<OwnPackage[]> {
    return ownPackagesOf(this.#context, author)
  }

  /**
   * Removes packages of an author, as if they had deleted them: by their ids, or everything created until now. They are spent, and
   * what is removed is refused when it arrives again, or for the first time (I3). Whoever calls it has checked that it is the author,
   * or the operator, who asks. Rejects when the store does, and has then removed nothing.
   */
  remove(author: Pubkey, which: PackagesToRemove, by?: RemovedBy): Promise<OwnRemoval> {
    return removeOwn(this.#context, author, which, by)
  }

  /** Removes expired packages and those due to retire. Resolves to how many were removed; rejects when the store does. */
  sweep(): Promise<number> {
    void this.#storeUrl.settle()
    return this.#context.store.sweep(this.#context.now(), this.options.stock.retireAfterSeconds)
  }

  /**
   * Bans a pubkey (hex or npub), an address or a network from publishing and claiming key packages: everywhere on this store,
   * and kept there. Other kinds of events are not affected. A `reason` is for the operator alone.
   * @throws SettingsError for text that is none of these. Rejects when the store does.
   */
  ban(subject: string, reason?: string): Promise<AccessRule> {
    return this.#context.access.add('ban', subject, reason)
  }

  /** Lifts a ban that was imposed at run time. Throws and rejects as `ban` does. */
  unban(subject: string): Promise<RuleRemoval> {
    return this.#context.access.remove('ban', subject)
  }

  /** Adds to those who alone may publish and claim where `access.mode` is `allow-listed`. Throws and rejects as `ban` does. */
  allow(subject: string, reason?: string): Promise<AccessRule> {
    return this.#context.access.add('allow', subject, reason)
  }

  /** Removes what `allow` has added. Throws and rejects as `ban` does. */
  unallow(subject: string): Promise<RuleRemoval> {
    return this.#context.access.remove('allow', subject)
  }

  /** Who is banned and who is allowed, by the settings or at run time. Rejects when the store does. */
  accessRules(): Promise<ListedAccessRule[]> {
    return this.#context.access.rules()
  }

  /**
   * Counts the stock of every author, in small steps that let other work pass: who is low, and how many have how many fresh
   * packages. It takes long where there are many authors, and spends nothing. Rejects when the store does.
   */
  surveyStock(settings: SurveySettings = {}): Promise<StockSurvey> {
    const { store, now } = this.#context
    return surveyStock({ store, now, low: this.options.stock.low }, settings)
  }

  /** What is going on now: it costs nothing to ask. */
  activity(): GatewayActivity {
    return { sessions: this.#sessions.size, ...this.#context.verification.load() }
  }

  /** What to add to the relay information document (NIP-11). */
  relayInformation(): RelayInformation {
    return informationOf(this.options)
  }

  /**
   * What operators have changed at run time of what the relay says about itself (NIP-11), on every gateway of this store, within a
   * second. Never rejects: without the store, what was known last.
   */
  changedInformation(): Promise<ChangedInformation> {
    return this.#information.current()
  }

  /** Changes it. An empty `value` is as if it had never been changed. Rejects when the store does. */
  changeInformation(field: InformationField, value: string): Promise<void> {
    return this.#information.change(field, value)
  }

  /** Ends every session. The caller closes the store. */
  close(): void {
    this.#storeUrl.stop()
    for (const stop of this.#stopListening) stop()
    for (const session of [...this.#sessions]) session.close()
  }

  #published(author: Pubkey, id: EventId): void {
    const { store, access, log, now, replenisher, watchers } = this.#context
    replenisher.gained(author)
    void this.#requesters.published(author)
    watchers.tell({ store, access }, author, id, now()).catch((error: unknown) => {
      log.error({ err: error }, 'failed to show a new key package to those who watch its author')
    })
  }

  #removed(removals: readonly Removal[]): void {
    this.#context.recorder.removed(removals)
    this.#context.replenisher.lost(removals)
  }
}

/** Verifies a copy: nostr-tools caches the result on the event, and trusts the cache even after the event was changed. */
function verify({ id, pubkey, created_at, kind, tags, content, sig }: SignedEvent): boolean {
  return verifyInJavaScript({ id, pubkey, created_at, kind, tags, content, sig })
}
