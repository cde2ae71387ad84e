/** A client of the gateway, and of any other relay: publishes key packages, asks for others', hears when they run low. */

import type { EventTemplate, NostrEvent, VerifiedEvent } from 'nostr-tools/core'
import type { Signer } from 'nostr-tools/signer'
import { bytesToHex } from 'nostr-tools/utils'
import { KEY_PACKAGE_KIND } from '../../plugin/key-package/kinds.ts'
import { Asking, type Retrying } from './asking.ts'
import { Connections } from './connections.ts'
import { type Discovery, discover } from './discover.ts'
import { createDeleteKeyPackageEvent, createKeyPackageEvent } from './events.ts'
import { calculateKeyPackageRef, type KeyPackageLike } from './mls.ts'
import { countOwn, listOwn, type OwnSettings, type Stock, type StockCount } from './own.ts'
import { Pauses } from './pauses.ts'
import { type Publication, type PublishSettings, publishEverywhere, publishOnce } from './publish.ts'
import type { KeyPackageAnswer } from './query.ts'
import { createKeyPackageRelayListEvent } from './relay-lists.ts'
import type { Replenish } from './replenishing.ts'
import { addresses, checkPatience, type KeyPackageClientSettings } from './settings.ts'
import type { Statistics } from './statistics.ts'
import { StockWatch } from './stock-watch.ts'
import { systemTime, type Time } from './time.ts'

/** Relays other than the client's own. */
export interface At {
  readonly relays?: readonly string[]
}

/** A package to publish; with a slot it becomes a kind 30443 event. */
export type NewKeyPackage = KeyPackageLike | { readonly keyPackage: KeyPackageLike; readonly slot: string }

/** What became of a package at the relays, and its name. */
export interface PublishedKeyPackage extends Publication {
  /** The KeyPackageRef in lower-case hex: by it the private part is to be kept. */
  readonly ref: string
}

/** Somebody's key packages, and those of others, at some relays. To be closed when it is done with. */
export class KeyPackageClient {
  readonly #settings: KeyPackageClientSettings
  readonly #relays: readonly string[]
  readonly #time: Time
  readonly #attempts: number
  readonly #connections: Connections
  readonly #watch: StockWatch
  readonly #asking: Asking
  readonly #own: OwnSettings
  readonly #pauses: Pauses

  /** Connects to nobody yet. @throws Error where an address or a number is none, or the platform has no WebSocket */
  constructor(settings: KeyPackageClientSettings) {
    const { signer, WebSocket, encoding, kinds = [KEY_PACKAGE_KIND] } = settings
    const { time = systemTime, attempts = 3, patienceSeconds = 10 } = settings
    checkPatience(attempts, patienceSeconds)
    const patience = { time, patienceMs: patienceSeconds * 1000 }
    this.#settings = settings
    this.#relays = addresses(settings.relays)
    this.#time = time
    this.#attempts = attempts
    const connections = new Connections({
      ...patience,
      signer,
      WebSocket,
      onIntroduction: (relay, url, pubkey) => this.#watch.hear(relay, url, pubkey),
    })
    const connect = (relay: string) => connections.own(relay)
    this.#connections = connections
    this.#watch = new StockWatch({ relays: this.#relays, connect, time })
    const pauses = new Pauses(time)
    this.#pauses = pauses
    this.#asking = new Asking({ connections, kinds, encoding, attempts, time, pauses })
    this.#own = { ...patience, connections, kinds }
  }

  /** What came of the queries so far, by author. */
  get statistics(): Statistics {
    return this.#asking.statistics
  }

  /**
   * Publishes each package at one of the relays, by turns, so that no two of them hand out the same; slots at all of
   * them. Resolves in the order of the packages. What belongs to them has to be kept before: a relay may hand one out
   * whose answer never came.
   * @throws Error where one is no key package, nobody signs, or an address is none; nothing is published then
   */
  async publishKeyPackages(
    packages: readonly NewKeyPackage[],
    { relays, tags = [] }: At & { readonly tags?: readonly string[][] } = {},
  ): Promise<PublishedKeyPackage[]> {
    const to = this.#at(relays)
    const signed = await Promise.all(packages.map((pkg) => this.#keyPackageEvent(pkg, tags)))
    return Promise.all(
      signed.map(async ({ event, ref }, index) => {
        const turn = index % to.length
        const publication =
          event.kind === KEY_PACKAGE_KIND
            ? await publishOnce(event, [...to.slice(turn), ...to.slice(0, turn)], this.#publishing)
            : await publishEverywhere(event, to, this.#publishing)
        return { ...publication, ref }
      }),
    )
  }

  /**
   * Deletes own packages, given by event id or as events, at every relay. What is deleted counts as used.
   * @throws Error where nobody signs, or an address is none
   */
  deleteKeyPackages(packages: readonly (string | NostrEvent)[], { relays }: At = {}): Promise<Publication> {
    return this.#publishEverywhere(createDeleteKeyPackageEvent(packages, '', this.#now()), relays)
  }

  /**
   * Says, at every relay, that one's packages are at those in `list`: the client's own by default.
   * @throws Error where nobody signs, or an address is none
   */
  publishRelayList(list: readonly string[] = this.#relays, { relays }: At = {}): Promise<Publication> {
    return this.#publishEverywhere(createKeyPackageRelayListEvent(list, this.#now()), relays)
  }

  /**
   * Asks for a package of each author, at the first relay that has one. What comes is used up for everybody else: ask
   * when you add somebody, and not before. What goes wrong at a relay is in the answer.
   * @throws Error where an author is no pubkey, or an address is none
   */
  async queryKeyPackages(authors: readonly string[], { relays }: At = {}): Promise<KeyPackageAnswer> {
    return this.#asking.once(authors, this.#at(relays))
  }

  /**
   * The same, and then again for those of whom there was nothing, after a while, and for those who are limited, after as
   * long as the relay says.
   * @throws Error where an author is no pubkey, or an address is none
   */
  async queryWithRetry(authors: readonly string[], settings: At & Retrying = {}): Promise<KeyPackageAnswer> {
    return this.#asking.repeatedly(authors, this.#at(settings.relays), settings)
  }

  /**
   * Where somebody's packages are: by their kind 10051 event, else where they write (kind 10002).
   * @throws Error where the author is no pubkey
   */
  async discover(author: string, { relays }: At = {}): Promise<Discovery> {
    return discover(author, this.#at(relays), (relay, filters) => this.#connections.lookUp(relay, filters))
  }

  /**
   * Calls `replenish` when one of the client's relays asks for more packages: at most once in 300 s for each relay, and
   * again where it rejects. Stays connected, and connects again, until the returned function is called.
   * @throws Error where there is no signer, or somebody listens already
   */
  onLowStock(replenish: Replenish): () => void {
    this.#signer()
    this.#watch.start(replenish)
    return () => this.#watch.stop()
  }

  /** How many packages of the signer's each of the client's relays has left. @throws Error where there is no signer */
  async countKeyPackages(): Promise<StockCount[]> {
    const signer = this.#signer()
    return Promise.all(this.#relays.map((relay) => countOwn(relay, signer, this.#own)))
  }

  /**
   * Which packages of the signer's each of the client's relays has left, and which of them were handed out already.
   * @throws Error where there is no signer
   */
  async listKeyPackages(): Promise<Stock[]> {
    const signer = this.#signer()
    return Promise.all(this.#relays.map((relay) => listOwn(relay, signer, this.#own)))
  }

  /** Closes every connection, for good. What is under way ends, with what came of it so far. */
  close(): void {
    this.#pauses.end()
    this.#watch.stop()
    this.#connections.close()
  }

  async #keyPackageEvent(
    pkg: NewKeyPackage,
    tags: readonly string[][],
  ): Promise<{ event: VerifiedEvent; ref: string }> {
    const { keyPackage, slot } = 'keyPackage' in pkg ? pkg : { keyPackage: pkg, slot: undefined }
    const { name } = this.#settings
    const ref = await calculateKeyPackageRef(keyPackage)
    const template = createKeyPackageEvent({
      keyPackage,
      ref,
      tags,
      relays: this.#relays,
      createdAt: this.#now(),
      ...(slot !== undefined && { slot }),
      ...(name !== undefined && { client: name }),
    })
    return { event: await this.#signer().signEvent(template), ref: bytesToHex(ref) }
  }

  async #publishEverywhere(
    template: EventTemplate,
    relays: readonly string[] | undefined,
  ): Promise<Publication> {
    const event = await this.#signer().signEvent(template)
    return publishEverywhere(event, this.#at(relays), this.#publishing)
  }

  get #publishing(): PublishSettings {
    return {
      publishAt: (relay, event) => this.#connections.publish(relay, event),
      attempts: this.#attempts,
      time: this.#time,
      pauses: this.#pauses,
    }
  }

  #at(relays: readonly string[] = this.#relays): readonly string[] {
    return addresses(relays)
  }

  #signer(): Signer {
    const { signer } = this.#settings
    if (signer === undefined) throw new Error('a client without a signer can only ask')
    return signer
  }

  #now(): number {
    return Math.floor(this.#time.now() / 1000)
  }
}
