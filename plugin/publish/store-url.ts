/**
 * The URL of the gateway's store, by which packages get their place in the order of delivery (home.ts); and the new order when the
 * gateway's `publicUrl` is not what the store has.
 */

import type { Logger } from '../context.ts'
import type { EventId, Pubkey, SignedEvent } from '../nostr/messages.ts'
import { isSlot } from '../stock/selection.ts'
import type { KeyPackageStore, ListedPackage } from '../store.ts'
import { inBatches } from '../store-records.ts'
import { newStoreUrl, rankOf } from './home.ts'

/** How many authors are sorted again at once. */
const BATCH_SIZE = 20
/** Another process may have changed the store's URL: after so many seconds it is read again. */
const READ_AGAIN_SECONDS = 60

export interface StoreUrlSettings {
  readonly store: KeyPackageStore
  readonly log: Logger
  readonly publicUrl: string | undefined
  /** Seconds since the epoch. */
  now(): number
}

export class StoreUrl {
  readonly #settings: StoreUrlSettings
  /** The gateway's own. It is what the store gets if it has none, and what counts while the store does not answer. */
  readonly #own: string
  /** The store's, as it was read last. */
  #known: { readonly url: string; readonly readAt: number } | undefined
  #reading: Promise<string> | undefined
  #isSettled = false
  #isSorting = false
  #isStopped = false

  constructor(settings: StoreUrlSettings) {
    this.#settings = settings
    this.#own = newStoreUrl(settings.publicUrl)
  }

  /** The rank of a package that is published now, by what is known if the store does not answer. Never rejects. */
  async rankOf(event: SignedEvent): Promise<string> {
    return rankOf(event, await this.#current())
  }

  /**
   * Sorts every author's packages again if `publicUrl` is not the store's URL. That is recorded at the end, so that a walk that was
   * interrupted begins again, with the next call or the next start. What another process publishes meanwhile, by the URL that it
   * has read, keeps its place. Never rejects.
   */
  async settle(): Promise<void> {
    const { publicUrl, store, log } = this.#settings
    if (publicUrl === undefined || this.#isSettled || this.#isSorting) return
    this.#isSorting = true
    try {
      const kept = await store.keepUrl(this.#own)
      if (kept !== this.#own) await this.#sortAgain()
      this.#isSettled = true
    } catch (error) {
      if (!this.#isStopped)
        log.warn({ err: error }, 'failed to sort key packages for this URL; trying again later')
    } finally {
      this.#isSorting = false
    }
  }

  /** Ends a walk. The store can be closed then. */
  stop(): void {
    this.#isStopped = true
  }

  /** The gateway's own URL if it has one: the store gets that. */
  async #current(): Promise<string> {
    const { publicUrl, now } = this.#settings
    if (publicUrl !== undefined) return this.#own
    const known = this.#known
    const isRecent = known !== undefined && Math.abs(now() - known.readAt) < READ_AGAIN_SECONDS
    if (isRecent) return known.url
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined
    })
    return this.#reading
  }

  async #read(): Promise<string> {
    const { store, now } = this.#settings
    try {
      const url = await store.keepUrl(this.#own)
      this.#known = { url, readAt: now() }
      return url
    } catch {
      // The store reports what is wrong with it where the package is put.
      return this.#known?.url ?? this.#own
    }
  }

  async #sortAgain(): Promise<void> {
    const { store, log } = this.#settings
    const url = this.#own
    log.info({ url }, 'sorting the key packages of all authors for a new URL')
    for await (const authors of inBatches(store.authors(), BATCH_SIZE)) {
      if (this.#isStopped) throw new Error('the gateway was closed')
      await Promise.all(authors.map((author) => this.#sortAuthor(author)))
    }
    await store.changeUrl(url)
    log.info({ url }, 'sorted the key packages of all authors')
  }

  async #sortAuthor(author: Pubkey): Promise<void> {
    const { store, now } = this.#settings
    const packages = (await store.list(author, now())).filter((pkg) => !isSlot(pkg))
    const ranks = await Promise.all(packages.map((pkg) => rankListed(pkg, this.#own)))
    await store.rank(author, new Map(ranks.flat()), now())
  }
}

/** Nothing if the package has left meanwhile. */
async function rankListed({ id, read }: ListedPackage, url: string): Promise<[id: EventId, rank: string][]> {
  const stored = await read()
  if (stored === undefined) return []
  const { tags } = JSON.parse(stored.event) as SignedEvent
  return [[id, rankOf({ id, tags }, url)]]
}
