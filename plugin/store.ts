/** The contract of a store: what it keeps, and what each outcome means. The rules are in `stock/`. */

import type { KeyPackageRef } from './key-package/decode.ts'
import type { StoredEvent } from './key-package/encoding.ts'
import type { Following, FollowList, FollowListDeletion, FollowListOutcome } from './lifecycle/follow-list.ts'
import type { KnownRelayList, RelayListOutcome } from './lifecycle/known-relay-lists.ts'
import type { EventId, Pubkey, SignedEvent } from './nostr/messages.ts'

/** A package as the rules see it: what choosing and spending need, without the event. Times are seconds since the epoch. */
export interface StockedPackage {
  readonly id: EventId
  readonly ref: KeyPackageRef
  readonly kind: number
  readonly createdAt: number
  readonly expiresAt: number
  /**
   * Until when the KeyPackage can be used, if its event expires before that (`expiration` tag). `put` remembers it for so long,
   * and keeps it out of the stock's packages.
   */
  readonly keyPackageExpiresAt?: number
  /** Whether the KeyPackage has the last_resort extension. Such packages are delivered after all others. */
  readonly lastResort: boolean
  /** The `d` tag of a kind 30443 event. A slot holds one package, and delivery never spends it. */
  readonly slot?: string
  /**
   * Set by the rules on a kind 443 event whose KeyPackage is in a slot as well. It is no one-time package: delivery does not
   * spend it, it leaves the stock with its slot's package, and nothing counts it.
   */
  readonly alias?: true
  /**
   * Where the package is in the order in which this gateway delivers: lower texts first (`plugin/publish/home.ts`). Packages
   * without one come last. A store need not return it with claimed packages.
   */
  readonly rank?: string
  /**
   * When a store first received the package, in seconds since the epoch; it keeps it when it moves to another store. `put` sets it
   * if it is missing.
   */
  readonly receivedAt?: number
  /** The event's single-letter tags, which filters can match (NIP-01). */
  readonly tags: readonly (readonly [letter: string, value: string])[]
  /** Set once the package was delivered and kept in the stock, as the author's shared package. */
  readonly exposure?: Exposure
}

/** How often a shared package was delivered. */
export interface Exposure {
  /** The first time, in seconds since the epoch. */
  readonly since: number
  /** The number of requests it was delivered to. */
  readonly count: number
}

/** A package with its event, as a store accepts and delivers it. */
export interface StoredKeyPackage extends StockedPackage, StoredEvent {
  readonly author: Pubkey
}

/** A package in a list. Its event is read on demand: a list with all events may not fit in memory (I9). */
export interface ListedPackage extends StockedPackage {
  readonly author: Pubkey
  /** Reads its event; undefined if the package has left the stock and the store has deleted the event. */
  readonly read: () => Promise<StoredEvent | undefined>
}

/** Limits on what an author may keep and publish. */
export interface StockLimits {
  /** Maximum one-time packages per author, and likewise maximum slots. */
  readonly max: number
  readonly overflow: 'reject' | 'evict-oldest'
  readonly retireAfterSeconds: number
  /**
   * How many packages of one author may be `stored` or `replaced`; other outcomes are not counted. Without it there is
   * no limit.
   */
  readonly publish?: Quota
  /** The outcome of an author whom the store does not know is `unheard`. */
  readonly newAuthors?: 'report'
  /**
   * What `publish` counts besides those. `stale too`: only the author can have sent the package, so nobody else can use up
   * their quota with events that they once signed; and what is `stale` is remembered, so it must have a limit (I9).
   */
  readonly counts?: 'stale too'
}

/**
 * The outcome of `put`.
 * - `stored`: it is in the stock, durably. In a full stock of slots, the oldest slot has made room.
 * - `replaced`: the same, and the older package in its slot is spent.
 * - `duplicate`: its id is already in the stock, or its KeyPackageRef in an event of the same kind.
 * - `spent`: the same, but it has left the stock; it never comes back (I3).
 * - `stale`: its slot holds a newer package. It is spent, as if it had arrived before that one (I3).
 * - `deleted`: its author has deleted it, before it arrived (I3).
 * - `full`: the author's stock is at its maximum.
 * - `limited`: it would have been `stored` or `replaced` (or `stale`, where that counts), but the author's publish quota is
 *   used up; nothing changed.
 * - `unheard`, with `StockLimits.newAuthors` alone: it would be `stored`, but the store does not know the author (`count`);
 *   nothing changed.
 */
export type PutOutcome =
  | 'stored'
  | 'replaced'
  | 'duplicate'
  | 'spent'
  | 'stale'
  | 'deleted'
  | 'full'
  | 'limited'
  | 'unheard'

/** At most `max` in any `windowSeconds`. */
export interface Quota {
  readonly max: number
  readonly windowSeconds: number
}

/** How much was granted, and in how many seconds there is room for one more; 0 if everything was granted. */
export interface QuotaOutcome {
  readonly granted: number
  readonly retryAfterSeconds: number
}

/** One requester asking for packages of one author. */
export interface Claim {
  readonly author: Pubkey
  /** Who the quota per author is counted for: a pubkey, else an address. */
  readonly requester: string
  /** The network address of the request, regardless of authentication. */
  readonly address: string
  /** The network that the address is in, if quotas count that as well (the /48 of an IPv6 address). */
  readonly network?: string
  /**
   * Whether the author knows the requester, if that was looked up. A claim without it is never given a stranger's answer: its
   * outcome is then `needs-known`.
   */
  readonly standing?: Standing
  /** Maximum one-time packages to deliver. They are delivered only if no slot matches. */
  readonly maximum: number
  /** Maximum slots to deliver, newest first; all if undefined. */
  readonly maxSlots?: number
  /** Only packages that match one of these are candidates. */
  readonly narrowings: readonly Narrowing[]
  /**
   * Slots that this requester was delivered before. A claim that delivers nothing else is not counted, and is answered even
   * if a quota is used up.
   */
  readonly seen?: readonly EventId[]
  /** The outcome unless only `seen` is delivered: a quota over all authors is used up. */
  readonly limited?: LimitedClaim
  /**
   * Who a delivery can be repeated to, if that is not `requester`: for a client without a pubkey, a name of its connection,
   * because others may share its address.
   */
  readonly recipient?: string
  /** A former `recipient`, to whom deliveries are repeated as well. */
  readonly formerly?: string
}

/** A requester whom the author does not know; or the pubkey by which the author knows them. */
export type Standing = 'stranger' | { readonly knownAs: Pubkey }

/** What a claim of somebody unauthenticated has counted, for `KeyPackageStore.release` to give it back. */
export interface CountedClaim extends Pick<Claim, 'requester' | 'address' | 'network'> {
  readonly policy: ClaimPolicy
  /** `freshTaken` of its outcome. */
  readonly freshTaken: number
  /** The `now` of the claim. */
  readonly at: number
}

/** The conditions of a NIP-01 filter except its authors; all must hold. */
export interface Narrowing {
  readonly kinds: readonly number[]
  readonly ids?: readonly string[]
  /** Seconds since the epoch, inclusive. */
  readonly since?: number
  /** Seconds since the epoch, inclusive. */
  readonly until?: number
  readonly tags?: readonly (readonly [letter: string, values: readonly string[]])[]
}

/** The limits for every claim of a batch. A store may combine batches that pass the same object. */
export interface ClaimPolicy {
  readonly perAuthor: Quota
  readonly perAddress: Quota
  /** The fresh packages of one author that strangers take, all together; undefined: any number. */
  readonly strangers?: Quota
  /** The fresh packages of one author that strangers at one address take; undefined: any number. */
  readonly freshPerAddress?: Quota
  /** How many fresh packages of an author are for known requesters alone. */
  readonly keep: number
  readonly redeliverySeconds: number
  readonly retireAfterSeconds: number
  /** `onLowStock` listeners are called for an author with fewer fresh packages than this left. */
  readonly low: number
}

/**
 * The outcome of a claim, from the rules, which know packages without their events, to the wire.
 * - `delivered`: these packages, as they were before the claim. All are now spent, except slots, their aliases, and the
 *   author's shared one.
 * - `none`: the author has no matching package.
 * - `needs-known`: a stranger would not get a fresh package, somebody whom the author knows would. Nothing changed: look it up, and
 *   claim again with `Claim.standing`.
 * - `limited`: the named quota is used up (`LimitedClaim`).
 * - `unavailable`: the part of the store that holds this author did not answer; nothing was delivered.
 */
export type ClaimOutcome<Package extends StockedPackage = StoredKeyPackage> =
  | {
      readonly outcome: 'delivered'
      readonly packages: readonly Package[]
      /** How many fresh packages the author has left. */
      readonly remaining: number
      /** Whether the author's shared package is among them; if so, it comes last in `packages`. */
      readonly sharedUsed: boolean
      /** How many of the packages were fresh until now. */
      readonly freshTaken: number
      /** Whether quotas count it; false if it delivers only what the requester has seen (`Claim.seen`). */
      readonly counted: boolean
    }
  | { readonly outcome: 'none' }
  | { readonly outcome: 'needs-known' }
  | LimitedClaim
  | { readonly outcome: 'unavailable' }

/** A quota is used up; nothing was delivered and nothing changed. */
export interface LimitedClaim {
  readonly outcome: 'limited'
  /** Quotas other than `perAuthor` and `perAddress` count over all authors; the gateway asks for them before it claims (`hit`). */
  readonly by:
    | 'perAuthor'
    | 'perAddress'
    | 'perRequester'
    | 'perAddressTotal'
    | 'slotsPerRequester'
    | 'slotsPerAddress'
  readonly retryAfterSeconds: number
}

/**
 * What an author deletes (NIP-09, NIP-62). Packages in the stock are spent. Packages that arrive later are not stored (I3): a
 * deletion is remembered until `keptUntil`.
 */
export interface Deletion {
  /** Event ids, whenever the events were created. */
  readonly ids?: readonly string[]
  /** Slots: their events that were created until `createdUntil`. */
  readonly slots?: readonly string[]
  /** Whether it deletes everything that was created until `createdUntil`. */
  readonly everything?: boolean
  /** When the deletion was created, in seconds since the epoch. */
  readonly createdUntil: number
  /** Seconds since the epoch; a time that has passed: it is not remembered. */
  readonly keptUntil: number
}

/**
 * The outcome of `drop`.
 * - `deleted`: that many packages left the stock, and the deletion is remembered.
 * - `full`: it cannot be remembered, because too many deletions of the author are (`MAX_DELETED_IDS`, `MAX_DELETED_SLOTS`);
 *   nothing changed.
 */
export type DropOutcome =
  | { readonly outcome: 'deleted'; readonly count: number }
  | { readonly outcome: 'full' }

/** Called when a claim has left an author with fewer than `ClaimPolicy.low` fresh packages. */
export type LowStockListener = (author: Pubkey, remaining: number) => void

/** Called when an author should rotate the slot with this KeyPackage: it was claimed from many addresses. */
export type RotationDueListener = (author: Pubkey, slot: KeyPackageRef) => void

/** Called when `put` returned `stored` or `replaced`. */
export type PublishedListener = (author: Pubkey, id: EventId) => void

/**
 * A package that left its author's stock other than by a claim, and why. It is spent (I3). An alias leaves with its slot.
 * - `expired`: its lifetime ended.
 * - `retired`: it was exposed for `retireAfterSeconds`, and two fresh packages had arrived since its exposure.
 * - `replaced`: a newer package took its slot.
 * - `evicted`: the stock was full, and it was the oldest. A slot that was evicted is not spent, and may come back.
 * - `deleted`: its author deleted it, or an import listed it as spent.
 */
export interface Removal {
  readonly author: Pubkey
  readonly id: EventId
  readonly ref: KeyPackageRef
  readonly kind: number
  readonly why: 'expired' | 'retired' | 'replaced' | 'evicted' | 'deleted'
}

/** Called when an access rule was added, changed or removed. */
export type AccessListener = () => void

/** Called with the packages that one change removed: at least one, and each package once. */
export type RemovedListener = (removals: readonly Removal[]) => void

/** Who may not publish and claim key packages (`ban`), or with `access.mode: allow-listed` alone may (`allow`). */
export type AccessList = 'ban' | 'allow'

/** An access rule that was added at run time; those of the settings are in no store. */
export interface AccessRule {
  readonly list: AccessList
  /** A pubkey in hex, an IP address, or a network such as `203.0.113.0/24`; each written in one way (`gateway.ban`). */
  readonly subject: string
  readonly reason?: string
  /** When it was added, in seconds since the epoch. */
  readonly at: number
}

/**
 * What operators have changed at run time of what the relay says about itself (NIP-11). A field that is absent, or empty, is as
 * the settings say.
 */
export interface ChangedInformation {
  readonly name?: string
  readonly description?: string
  /** A URL. */
  readonly icon?: string
}

export const INFORMATION_FIELDS = ['name', 'description', 'icon'] as const satisfies InformationField[]

export type InformationField = keyof ChangedInformation

/** The fields that have a value, from the values in the order of `INFORMATION_FIELDS`. */
export function changedInformation(values: readonly unknown[]): ChangedInformation {
  const fields = INFORMATION_FIELDS.map((field, index) => [field, values[index]] as const)
  return Object.fromEntries(fields.filter(([, value]) => typeof value === 'string'))
}

/** How many authors have packages, and how many KeyPackages there are. */
export interface StoreStats {
  readonly authors: number
  readonly packages: number
}

/**
 * Where key packages are kept. Each method is atomic per author, also with concurrent calls in this or another process. It
 * rejects, changing nothing, when the store cannot answer. A store takes the time only from `now`, in seconds since the
 * epoch. A listener that throws affects neither outcomes nor other listeners.
 */
export interface KeyPackageStore {
  /** Whether a resolved promise means that the change survives a crash (I6). */
  readonly durable: boolean
  /** Stores a package, with its exposure if it has one, and remembers its id and ref until it would have expired. */
  put(pkg: StoredKeyPackage, limits: StockLimits, now: number): Promise<PutOutcome>
  /**
   * Checks the quotas, chooses and spends for each claim in one step. A batch is one round trip. Outcomes are in the
   * order of the claims.
   */
  claim(claims: readonly Claim[], policy: ClaimPolicy, now: number): Promise<ClaimOutcome[]>
  /** An author's packages, in no particular order, without the events. Spends nothing. */
  list(author: Pubkey, now: number): Promise<ListedPackage[]>
  /** How many KeyPackages each of the authors has; undefined for an author the store does not know, or no longer knows. */
  count(authors: readonly Pubkey[], now: number): Promise<(number | undefined)[]>
  /** Deletes packages of an author, and remembers the deletion, also for an author the store does not know. */
  drop(author: Pubkey, deletion: Deletion, now: number): Promise<DropOutcome>
  /**
   * Undoes a recent claim: the packages are as before it. The claim still counts for the quotas, unless `counted` says what
   * to give back.
   */
  release(author: Pubkey, ids: readonly string[], now: number, counted?: CountedClaim): Promise<void>
  /**
   * Removes expired packages, packages due to retire, old bookkeeping, and the relay lists of authors without packages after
   * `RELAY_LISTS_KEPT_SECONDS`. Resolves to how many packages were removed.
   */
  sweep(now: number, retireAfterSeconds: number): Promise<number>
  /** Records `cost` in the sliding window `key`, or as much of it as the quota has room for. */
  hit(key: string, cost: number, quota: Quota, now: number): Promise<QuotaOutcome>
  /**
   * Gives back up to `cost` of what `hit` recorded in the window `key`, if not all of it was used. `now` is that of the
   * `hit`: later records stay, and of the rest the newest goes first. Never gives back more than the window holds. When it
   * rejects, what was recorded stays counted.
   */
  refund(key: string, cost: number, quota: Quota, now: number): Promise<void>
  /** Stores a relay list (kind 10002, 10050 or 10051). The newest of its author and kind is kept (lowest id on a tie). */
  putRelayList(event: SignedEvent, now: number, newAuthors?: 'report'): Promise<RelayListOutcome>
  /** The relay lists of these kinds by these authors (each named once), in no particular order. A call is one round trip. */
  getRelayLists(authors: readonly Pubkey[], kinds: readonly number[]): Promise<SignedEvent[]>
  /**
   * Deletes an author's relay lists of these kinds unless they are newer than `createdUntil`. Older ones are refused from then on,
   * for `RELAY_LISTS_DELETED_SECONDS` after that, or as long as the author has packages.
   */
  dropRelayLists(author: Pubkey, kinds: readonly number[], createdUntil: number): Promise<void>
  /** Adds an access rule, or replaces the one of its list and subject. */
  putAccessRule(rule: AccessRule): Promise<void>
  /** Removes the access rule of that list and subject. */
  dropAccessRule(list: AccessList, subject: string): Promise<'removed' | 'missing'>
  /** Every access rule, in no particular order. */
  accessRules(): Promise<AccessRule[]>
  /**
   * Calls `listener` when access rules have changed, or may have: by this process, or within a second by another if the store
   * carries such signals. Returns a function that stops it.
   */
  onAccessChanged(listener: AccessListener): () => void
  /** Keeps a field of what the relay says about itself; the last one put counts. */
  putInformation(field: InformationField, value: string): Promise<void>
  /** Every field that was put. */
  information(): Promise<ChangedInformation>
  /**
   * Keeps whom an author follows, if they have packages: of each kind the newest list (lowest id on a tie), until a sweep finds
   * that the author has none any more. Pubkeys are not kept as they are (`known-follow-lists.ts`).
   */
  putFollowList(list: FollowList): Promise<FollowListOutcome>
  /** Whether an author follows one of these pubkeys. */
  follows(author: Pubkey, pubkeys: readonly Pubkey[]): Promise<Following>
  /** Deletes follow lists of an author. Those created until then are refused for as long as the author has packages. */
  dropFollowLists(author: Pubkey, deletion: FollowListDeletion): Promise<void>
  /**
   * Calls `listener` when a claim leaves an author low: in this process, or in another if the store carries such
   * signals. Returns a function that stops it.
   */
  onLowStock(listener: LowStockListener): () => void
  /** Calls the `onRotationDue` listeners of every process. Nothing is kept of it. */
  tellRotationDue(author: Pubkey, slot: KeyPackageRef): Promise<void>
  /**
   * Calls `listener` for each `tellRotationDue`: of this process, or of another if the store carries such signals. Returns a
   * function that stops it.
   */
  onRotationDue(listener: RotationDueListener): () => void
  /**
   * Calls `listener` once for each package stored: by this process, or by another if the store carries such signals.
   * Returns a function that stops it.
   */
  onPublished(listener: PublishedListener): () => void
  /**
   * Calls `listener` in the process that made the change, once it is committed. Expired packages are removed by the next
   * change to the stock, or by a sweep. Returns a function that stops it.
   */
  onRemoved(listener: RemovedListener): () => void
  /**
   * How many authors the store keeps anything of: the larger of those it knows (`count`) and those of whose relay lists it knows.
   * It need not be exact, but must be cheap.
   */
  countAuthors(): Promise<number>
  /** Counts what is stored, including expired packages that are not swept yet. */
  stats(): Promise<StoreStats>
  /**
   * The store's URL, from which its order of delivery follows (`StockedPackage.rank`). If it has none, it keeps `ifNone`, so that
   * all who share the store get the same.
   */
  keepUrl(ifNone: string): Promise<string>
  /** Replaces the store's URL. */
  changeUrl(url: string): Promise<void>
  /** Gives the packages of an author with these ids another `rank`. Changes nothing else; other ids are ignored. */
  rank(author: Pubkey, ranks: ReadonlyMap<EventId, string>, now: number): Promise<void>
  /**
   * Every author with a stored package, or of whom something is remembered, in no particular order. It works in small steps that
   * do not block other operations, and may yield an author twice if something changes meanwhile.
   */
  authors(): AsyncIterable<Pubkey>
  /**
   * The clock of the store's own machine, in milliseconds since the epoch; absent if it has none of its own. Callers with
   * another time in `now` would count quotas wrongly, so servers compare it with theirs.
   */
  clock?(): Promise<number>
  /** Finishes pending operations and releases all resources. Later calls reject. */
  close(): Promise<void>
}

/**
 * Why a store does not work.
 * - `temporary`: it may work later, as it is.
 * - `configuration`: only the operator can change it: a wrong address or password, or data that this version cannot read.
 */
export type StoreFault = 'temporary' | 'configuration'

/**
 * Thrown when a store cannot be opened, is closed, or could not commit. The message tells the operator what to do. `cause`
 * is the driver's error.
 */
export class StoreError extends Error {
  override readonly name = 'StoreError'
  readonly code = 'KPG_STORE'
  /** `temporary` unless it says otherwise. */
  readonly fault: StoreFault

  constructor(
    message: string,
    { fault = 'temporary', ...options }: ErrorOptions & { fault?: StoreFault } = {},
  ) {
    super(message, options)
    this.fault = fault
  }
}

/**
 * The name of a package that is or was in the stock, and until when it is remembered, in seconds since the epoch (I3). The name
 * is an event id, or a KeyPackageRef after the kind of its event and a colon. A KeyPackageRef alone, as earlier versions
 * remember it, stands for an event of either kind.
 */
export interface KnownName {
  readonly name: EventId | KeyPackageRef
  readonly expiresAt: number
}

/** Deletions that are remembered, each until `keptUntil`. Times are seconds since the epoch. */
export interface Deletions {
  readonly ids: readonly (readonly [id: string, keptUntil: number])[]
  readonly slots: readonly (readonly [slot: string, createdUntil: number, keptUntil: number])[]
  /** Everything created until then. */
  readonly everything?: readonly [createdUntil: number, keptUntil: number]
}

/** What a store remembers of an author besides the packages in the stock. */
export interface Remembered {
  /** The names of the packages, in stock or spent. */
  readonly names: readonly KnownName[]
  readonly deletions: Deletions
}

/** What a store remembers about an author's relay list of one kind. */
export interface AuthorRelayList extends KnownRelayList {
  readonly author: Pubkey
  readonly kind: number
}

/**
 * A store whose contents can be listed and moved to another store (`store-records.ts`). Iterating works like
 * `authors`: in small steps, and an entry may come twice.
 */
export interface MovableStore extends KeyPackageStore {
  remembered(author: Pubkey, now: number): Promise<Remembered>
  /** Remembers these names as spent, and these deletions, and removes the packages from the stock that they name. */
  remember(author: Pubkey, remembered: Remembered, now: number): Promise<void>
  /** What is remembered about every relay list, in no particular order. */
  relayLists(): AsyncIterable<AuthorRelayList>
}
