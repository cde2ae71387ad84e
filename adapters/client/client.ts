/** KeyPackageClient: publishes key packages, queries those of others, and hears when its own run low. */

import type { EventTemplate, NostrEvent } from 'nostr-tools/core'
import type { Signer } from 'nostr-tools/signer'
import { bytesToHex } from 'nostr-tools/utils'
import { KEY_PACKAGE_KIND } from '../../plugin/key-package/kinds.ts'
import { Connections } from './connections.ts'
import { createDeleteKeyPackageEvent, createKeyPackageEvent } from './events.ts'
import { calculateKeyPackageRef, type KeyPackageLike } from './mls.ts'
import { countStock, listStock, type OwnerSettings, type Stock, type StockCount } from './owner.ts'
import { ProtectableEvent } from './protection.ts'
import { type Publication, type PublishSettings, publishToAll } from './publish.ts'
import { type KeyPackageAnswer, KeyPackageQueries, type Question, type RetrySettings } from './query.ts'
import { createKeyPackageRelayListEvent, type Discovery, discover } from './relay-lists.ts'
import { LowStockWatch, type Replenish } from './replenish.ts'
import { type Ask, checkAttempts, type KeyPackageClientSettings, normalizeRelays } from './settings.ts'
import { Statistics } from './statistics.ts'
import { Pauses, systemTime, type Time } from './time.ts'

/** Relays to use for one call instead of the client's own. */
export interface RelayOverride {
  readonly relays?: readonly string[]
}

/** How to query, where it is not as the client's settings say. */
export interface QueryOverride extends RelayOverride {
  readonly ask?: Ask
}

/**
 * A package to publish as kind 443, used once; with a slot (the `d` tag) as kind 30443, used until the next one is
 * published in the same slot. Each device has one slot of its own: `createSlotId()`, once, kept beside the private keys.
 */
export type NewKeyPackage = KeyPackageLike | { readonly keyPackage: KeyPackageLike; readonly slot: string }

/** What each relay answered to a package. */
export interface PublishedKeyPackage extends Publication {
  /** The KeyPackageRef (RFC 9420 section 5.2) in lower-case hex: a good key to store the private keys under. */
  readonly ref: string
}

/** Publishes and queries key packages at some relays. Close it when it is no longer needed. */
export class KeyPackageClient {
  /** How the queries so far ended, by author. */
  readonly statistics = new Statistics()
  readonly #settings: KeyPackageClientSettings
  readonly #relays: readonly string[]
  readonly #time: Time
  readonly #attempts: number
  readonly #connections: Connections
  readonly #watch: LowStockWatch
  readonly #queries: KeyPackageQueries
  readonly #owner: OwnerSettings
  readonly #pauses: Pauses

  /**
   * Does not connect yet.
   * @throws Error if an address or a number is not valid, or the platform has no WebSocket
   */
  constructor(settings: KeyPackageClientSettings) {
    const { signer, WebSocket, encoding } = settings
    const { time = systemTime, attempts = 3, timeoutSeconds = 10 } = settings
    checkAttempts(attempts, timeoutSeconds)
    const timeout = { time, timeoutMs: timeoutSeconds * 1000 }
    this.#settings = settings
    this.#relays = normalizeRelays(settings.relays)
    this.#time = time
    this.#attempts = attempts
    const connections = new Connections({
      ...timeout,
      signer,
      WebSocket,
      onAuthenticating: (relay, url, pubkey) => this.#watch.listen(relay, url, pubkey),
    })
    const connect = (relay: string) => connections.connectAuthenticated(relay)
    this.#connections = connections
    this.#watch = new LowStockWatch({ relays: this.#relays, connect, time })
    const pauses = new Pauses(time)
    this.#pauses = pauses
    const onAnswer = (answer: KeyPackageAnswer) => this.statistics.record(answer)
    this.#queries = new KeyPackageQueries({ connections, encoding, attempts, time, pauses, onAnswer })
    this.#owner = { ...timeout, connections }
  }

  /**
   * Publishes each one-time package to one of the relays, in turn, so that no two relays hand out the same one, and with a `-` tag
   * where that relay supports it, so that nobody else can publish it anywhere (NIP-70); and each slot to all of them. Resolves to the results in the order of the packages. Store the private keys before you call
   * this: a relay may hand out a package although its answer never arrived.
   * @throws Error if one is not a KeyPackage of the client's generation, a slot or an address is not valid, or there is
   *   no signer; then nothing is published
   */
  async publishKeyPackages(
    packages: readonly NewKeyPackage[],
    { relays, tags = [] }: RelayOverride & { readonly tags?: readonly string[][] } = {},
  ): Promise<PublishedKeyPackage[]> {
    const targets = this.#relaysOr(relays)
    const made = await Promise.all(packages.map((pkg) => this.#createEvent(pkg, tags)))
    const signed = await Promise.all(
      made.map(async ({ template, ref }, index) => {
        const turn = index % targets.length
        const inTurn = [...targets.slice(turn), ...targets.slice(0, turn)]
        return { publish: await this.#sign(template, inTurn), ref }
      }),
    )
    return Promise.all(signed.map(async ({ publish, ref }) => ({ ...(await publish()), ref })))
  }

  /**
   * Deletes the signer's packages at every relay (NIP-09). A deleted package counts as used: it cannot be published
   * again.
   * @param packages ids of kind 443 events, or the events
   * @throws Error if there is no signer, or an address is not valid
   */
  deleteKeyPackages(
    packages: readonly (string | NostrEvent)[],
    { relays }: RelayOverride = {},
  ): Promise<Publication> {
    return this.#signAndPublish(createDeleteKeyPackageEvent(packages, '', this.#now()), relays)
  }

  /**
   * Publishes, to every relay, the list of relays that have the signer's packages (kind 10051). Newer Marmot clients look
   * at the author's kind 10002 list (NIP-65) alone, which belongs to all of the author's apps: it should name them too.
   * @param list the client's own relays by default
   * @throws Error if there is no signer, or an address is not valid
   */
  publishRelayList(
    list: readonly string[] = this.#relays,
    { relays }: RelayOverride = {},
  ): Promise<Publication> {
    return this.#signAndPublish(createKeyPackageRelayListEvent(list, this.#now()), relays)
  }

  /**
   * Claims a package of each author, at the first relay that has one. A claimed package is spent for everybody else, so
   * call this only when you are about to add the author to a group. Failures of relays are part of the answer.
   * @throws Error if an author is not a pubkey, or an address is not valid
   */
  async queryKeyPackages(
    authors: readonly string[],
    override: QueryOverride = {},
  ): Promise<KeyPackageAnswer> {
    return this.#queries.query(authors, this.#question(override))
  }

  /**
   * Like `queryKeyPackages`, and queries again for the authors without a package: after growing pauses, or once the rate
   * limit of those who are limited has passed.
   * @throws Error if an author is not a pubkey, or an address is not valid
   */
  async queryWithRetry(
    authors: readonly string[],
    settings: QueryOverride & RetrySettings = {},
  ): Promise<KeyPackageAnswer> {
    return this.#queries.queryWithRetry(authors, this.#question(settings), settings)
  }

  /**
   * Finds the relays that have an author's packages, by the kind 10051 and 10002 events, and those where the author
   * receives messages (kind 10050).
   * @throws Error if the author is not a pubkey, or an address is not valid
   */
  async discover(author: string, { relays }: RelayOverride = {}): Promise<Discovery> {
    return discover(author, this.#relaysOr(relays), (relay, filters) =>
      this.#connections.lookUp(relay, filters),
    )
  }

  /**
   * Calls `replenish` when one of the client's relays asks for more packages: at most once in 300 s for each relay, and
   * again after a pause if it rejects. Keeps the connections open, and reconnects, until the returned function is called.
   * @throws Error if there is no signer, or an earlier callback is still active
   */
  onLowStock(replenish: Replenish): () => void {
    this.#signer()
    this.#watch.start(replenish)
    return () => this.#watch.stop()
  }

  /** How many of the signer's packages each of the client's relays has left. @throws Error if there is no signer */
  async countKeyPackages(): Promise<StockCount[]> {
    const signer = this.#signer()
    return Promise.all(this.#relays.map((relay) => countStock(relay, signer, this.#owner)))
  }

  /**
   * Which of the signer's packages each of the client's relays has left, and which of them were delivered already as the
   * shared one.
   * @throws Error if there is no signer
   */
  async listKeyPackages(): Promise<Stock[]> {
    const signer = this.#signer()
    return Promise.all(this.#relays.map((relay) => listStock(relay, signer, this.#owner)))
  }

  /** Closes all connections for good. Calls under way end with what they have so far. */
  close(): void {
    this.#pauses.close()
    this.#watch.stop()
    this.#connections.close()
  }

  async #createEvent(
    pkg: NewKeyPackage,
    tags: readonly string[][],
  ): Promise<{ template: EventTemplate; ref: string }> {
    const { keyPackage, slot } = 'keyPackage' in pkg ? pkg : { keyPackage: pkg, slot: undefined }
    const { name, generation } = this.#settings
    const ref = await calculateKeyPackageRef(keyPackage)
    const template = await createKeyPackageEvent({
      keyPackage,
      tags,
      relays: this.#relays,
      createdAt: this.#now(),
      ...(generation !== undefined && { generation }),
      ...(slot !== undefined && { slot }),
      ...(name !== undefined && { client: name }),
    })
    return { template, ref: bytesToHex(ref) }
  }

  /** Resolves to what publishes the signed event. */
  async #sign(template: EventTemplate, relays: readonly string[]): Promise<() => Promise<Publication>> {
    const signer = this.#signer()
    if (template.kind !== KEY_PACKAGE_KIND) {
      const event = await signer.signEvent(template)
      return () => publishToAll(event, relays, this.#publishing)
    }
    const event = new ProtectableEvent(template, {
      protects: (relay) => this.#connections.protects(relay),
      sign: (version) => signer.signEvent(version),
    })
    await event.signedFor(relays[0] ?? '')
    return () => event.publish(relays, this.#publishing)
  }

  async #signAndPublish(
    template: EventTemplate,
    relays: readonly string[] | undefined,
  ): Promise<Publication> {
    const event = await this.#signer().signEvent(template)
    return publishToAll(event, this.#relaysOr(relays), this.#publishing)
  }

  get #publishing(): PublishSettings {
    return {
      publish: (relay, event) => this.#connections.publish(relay, event),
      attempts: this.#attempts,
      time: this.#time,
      pauses: this.#pauses,
    }
  }

  #question({ relays, ask = this.#settings.ask ?? 'one-time-first' }: QueryOverride): Question {
    return { relays: this.#relaysOr(relays), ask }
  }

  #relaysOr(relays: readonly string[] = this.#relays): readonly string[] {
    return normalizeRelays(relays)
  }

  #signer(): Signer {
    const { signer } = this.#settings
    if (signer === undefined) throw new Error('this needs a signer; a client without one can only query')
    return signer
  }

  #now(): number {
    return Math.floor(this.#time.now() / 1000)
  }
}
