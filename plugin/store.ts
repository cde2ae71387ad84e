/** The contract of a store: what it keeps, and what each outcome means. `stock/` decides. */

import type { StoredEvent } from './key-package/encoding.ts'
import type { KeyPackageRef } from './key-package/mls.ts'
import type { KnownRelayList } from './lifecycle/known-relay-list.ts'
import type { EventId, Pubkey, SignedEvent } from './nostr/messages.ts'

/** A package as the rules see it: all that choosing and spending need, without the event itself. Times are seconds since the epoch. */
export interface StockedPackage {
  readonly id: EventId
  readonly ref: KeyPackageRef
  readonly kind: number
  readonly createdAt: number
  readonly expiresAt: number
  /** Whether the KeyPackage carries the last_resort extension: those are kept for last. */
  readonly lastResort: boolean
  /** The `d` tag of a kind 30443 event. A slot holds one package, and delivering never spends it. */
  readonly slot?: string
  /** The event's single-letter tags, which a filter may narrow by (NIP-01). */
  readonly tags: readonly (readonly [letter: string, value: string])[]
  /** Set once the package was delivered as the author's last and stayed. */
  readonly exposure?: Exposure
}

/** How often a last package was delivered. */
export interface Exposure {
  /** The first time, in seconds since the epoch. */
  readonly since: number
  /** To so many requests. */
  readonly count: number
}

/** A package with its event: what a store takes in and hands out. */
export interface StoredKeyPackage extends StockedPackage, StoredEvent {
  readonly author: Pubkey
}

/** A package in a list. Its event is read when it is needed: a list with every event may be too much for a process (I9). */
export interface ListedPackage extends StockedPackage {
  readonly author: Pubkey
  /** Its event; undefined where the package has left the stock since, and the store has let go of the event. */
  readonly read: () => Promise<StoredEvent | undefined>
}

/** What an author may keep, and publish. */
export interface StockLimits {
  /** Most packages without a slot, and most slots, one author may keep. */
  readonly max: number
  readonly overflow: 'reject' | 'evict-oldest'
  readonly retireAfterSeconds: number
  /** How many packages of one author may be `stored` or `replaced`; nothing else is counted. Without it nothing is. */
  readonly publish?: Quota
}

/**
 * What became of a package that was offered.
 * - `stored`: it is in the stock, durably.
 * - `replaced`: so it is, and the older one in its slot is spent.
 * - `duplicate`: its id or KeyPackageRef is in the stock already.
 * - `spent`: its id or KeyPackageRef was in the stock once; it never comes back (I3).
 * - `stale`: a newer package is in its slot; it is spent, as if it had come before that one (I3).
 * - `full`: the author's stock is at its maximum.
 * - `limited`: it would have been `stored` or `replaced`, but the author's publish quota is used up; nothing changed.
 */
export type PutOutcome = 'stored' | 'replaced' | 'duplicate' | 'spent' | 'stale' | 'full' | 'limited'

/** At most `max` in any `windowSeconds`. */
export interface Quota {
  readonly max: number
  readonly windowSeconds: number
}

/** `granted` of what was asked; `retryAfterSeconds` until there is room for one more, 0 where all was granted. */
export interface QuotaOutcome {
  readonly granted: number
  readonly retryAfterSeconds: number
}

/** One requester asking for packages of one author. */
export interface Claim {
  readonly author: Pubkey
  /** Whom the quota per author counts: a pubkey, else an address. */
  readonly requester: string
  /** The network address the request came from, whoever authenticated there. */
  readonly address: string
  /** Most packages without a slot to hand out; slots are all handed out. */
  readonly maximum: number
  /** Only packages that meet one of these are candidates. */
  readonly narrowings: readonly Narrowing[]
}

/** What a NIP-01 filter says beside its authors; all of it must hold. */
export interface Narrowing {
  readonly kinds: readonly number[]
  readonly ids?: readonly string[]
  /** Seconds since the epoch; a package created at that very second fits. */
  readonly since?: number
  /** The same. */
  readonly until?: number
  readonly tags?: readonly (readonly [letter: string, values: readonly string[]])[]
}

/** The limits in force for every claim of a batch. Batches under one and the same object may go together. */
export interface ClaimPolicy {
  readonly perAuthor: Quota
  readonly perAddress: Quota
  readonly redeliverySeconds: number
  readonly retireAfterSeconds: number
  /** `onLowStock` listeners hear of an author who has fewer packages than this left. */
  readonly low: number
}

/**
 * What became of a claim.
 * - `delivered`: these packages, of which all but a last one and slots are spent now.
 * - `none`: the author has no package that fits.
 * - `limited`: the named quota is used up; nothing was handed out and nothing changed.
 * - `unavailable`: the part of the store that keeps this author did not answer; nothing was handed out.
 */
export type ClaimOutcome =
  | {
      readonly outcome: 'delivered'
      readonly packages: readonly StoredKeyPackage[]
      /** Packages the author has left, the exposed last one included. */
      readonly remaining: number
      /** Whether the author's last package is among them; it is the last of them, then. */
      readonly lastUsed: boolean
    }
  | { readonly outcome: 'none' }
  | {
      readonly outcome: 'limited'
      readonly by: 'perAuthor' | 'perAddress'
      readonly retryAfterSeconds: number
    }
  | { readonly outcome: 'unavailable' }

/** Which of an author's packages a deletion names. `createdUntil` leaves alone what is newer than the deletion. */
export type Selector =
  | { readonly by: 'id'; readonly ids: readonly string[] }
  | { readonly by: 'slot'; readonly slots: readonly string[]; readonly createdUntil: number }
  | { readonly by: 'author'; readonly createdUntil: number }

/** Told when a claim left an author with fewer than `ClaimPolicy.low` packages. */
export type LowStockListener = (author: Pubkey, remaining: number) => void

/** Told when a package was put and is `stored` or `replaced`. */
export type PublishedListener = (author: Pubkey, id: EventId) => void

/**
 * A package that left its author's stock otherwise than by a claim, and why. It is spent (I3).
 * - `expired`: its time was over.
 * - `retired`: it was exposed for long enough, and two fresh ones stood beside it.
 * - `replaced`: a newer package took its slot.
 * - `evicted`: it was the oldest of one too many (`StockLimits.overflow`).
 * - `deleted`: its author deleted it, or an import said that it is spent.
 */
export interface Removal {
  readonly author: Pubkey
  readonly id: EventId
  readonly ref: KeyPackageRef
  readonly kind: number
  readonly why: 'expired' | 'retired' | 'replaced' | 'evicted' | 'deleted'
}

/** Told of what one change removed: never nothing, and each package once. */
export type RemovedListener = (removals: readonly Removal[]) => void

/** How many authors have packages, and how many there are. */
export interface StoreStats {
  readonly authors: number
  readonly packages: number
}

/**
 * Where key packages are kept. A listener that throws changes no outcome and keeps no other from hearing. Each method is atomic for each author, whatever else runs beside it in this
 * or another process, and rejects (changing nothing) when the store cannot answer. Only `now`, in seconds
 * since the epoch, tells a store the time.
 */
export interface KeyPackageStore {
  /** Whether a resolved promise means that the change survives a crash (I6). */
  readonly durable: boolean
  /** Takes a package in, exposed as it may be, and remembers its id and ref until it would have expired. */
  put(pkg: StoredKeyPackage, limits: StockLimits, now: number): Promise<PutOutcome>
  /** Quota, choice and spending of each claim in one step; a batch is one round trip. Outcomes are in the order of the claims. */
  claim(claims: readonly Claim[], policy: ClaimPolicy, now: number): Promise<ClaimOutcome[]>
  /** What an author has, in no particular order, without the events; nothing is consumed. */
  list(author: Pubkey, now: number): Promise<ListedPackage[]>
  /** How many packages each of the authors has; undefined for one the store has never heard of, or has forgotten. */
  count(authors: readonly Pubkey[], now: number): Promise<(number | undefined)[]>
  /** Deletes packages of an author; they are spent. Resolves to how many there were. */
  drop(author: Pubkey, which: Selector, now: number): Promise<number>
  /** Undoes a recent claim of which not a byte was sent: the packages are as before it. The quota tick stays. */
  release(author: Pubkey, ids: readonly string[], now: number): Promise<void>
  /** Removes what expired, what may retire, and old bookkeeping. Resolves to how many packages went. */
  sweep(now: number, retireAfterSeconds: number): Promise<number>
  /** Records up to `cost` in the sliding window `key`, as much as the quota has room for. */
  hit(key: string, cost: number, quota: Quota, now: number): Promise<QuotaOutcome>
  /**
   * Gives back up to `cost` of what `hit` recorded in the window `key`, where not all of it was used. `now` is that of the
   * `hit`: what was recorded later stays, and of the rest the newest goes first. Never gives back more than the window
   * holds; what has slid out of it is left alone. When it rejects, what was recorded stays counted.
   */
  refund(key: string, cost: number, quota: Quota, now: number): Promise<void>
  /** Remembers an author's kind 10051 event; of two the newest stays (lowest id on a tie). `stale`: a newer one, or a deletion, is known. */
  putRelayList(event: SignedEvent): Promise<'stored' | 'duplicate' | 'stale'>
  /** The kind 10051 event of each author, in order. */
  getRelayLists(authors: readonly Pubkey[]): Promise<(SignedEvent | undefined)[]>
  /** Deletes an author's relay list unless it is newer than `createdUntil`; an older one does not come back. */
  dropRelayList(author: Pubkey, createdUntil: number): Promise<void>
  /** Calls `listener` when a claim, in this process or another that shares the store and can tell, leaves an author low. Returns how to stop. */
  onLowStock(listener: LowStockListener): () => void
  /** Calls `listener` when a package comes in, by this process or another that shares the store and can tell; once for each. Returns how to stop. */
  onPublished(listener: PublishedListener): () => void
  /**
   * Calls `listener` in the process that made the change, once it is committed. What expired is removed when something
   * else is done to the stock, or by a sweep. Returns how to stop.
   */
  onRemoved(listener: RemovedListener): () => void
  /** What is stored, expired packages not yet swept included. */
  stats(): Promise<StoreStats>
  /** Finishes what is under way and lets go of the resources. Calls after it reject. */
  close(): Promise<void>
}

/** An event id or a KeyPackageRef, and until when it is known, in seconds since the epoch (I3). */
export interface KnownName {
  readonly name: EventId | KeyPackageRef
  readonly expiresAt: number
}

/** What is known of an author's relay list. */
export interface AuthorRelayList extends KnownRelayList {
  readonly author: Pubkey
}

/**
 * A store whose contents can be looked through and moved to another (`records.ts`). What goes through all of it works
 * in small steps, keeps nobody waiting, and may show twice what changes meanwhile.
 */
export interface MovableStore extends KeyPackageStore {
  /** Everyone of whom a package is stored or remembered, in no particular order. */
  authors(): AsyncIterable<Pubkey>
  /** The names of an author's packages, in the stock or spent. */
  known(author: Pubkey, now: number): Promise<KnownName[]>
  /** Remembers packages by these names as spent; those in the stock are taken out of it. */
  spend(author: Pubkey, names: readonly KnownName[], now: number): Promise<void>
  /** What is known of every relay list, in no particular order. */
  relayLists(): AsyncIterable<AuthorRelayList>
}
