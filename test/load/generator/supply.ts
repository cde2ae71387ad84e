/**
 * Key package events in large numbers, as each real client writes them, made before a run begins. An author's leaf is made once, by
 * ts-mls; each further package has the same leaf and a new init key, and is signed anew, which takes a tenth of the time.
 */

import { createHash, createPrivateKey, type KeyObject, sign } from 'node:crypto'
import { keyPackageRef } from '../../../plugin/key-package/decode.ts'
import { vectorHeader } from '../../../plugin/key-package/tls-reader.ts'
import type { EventId, Pubkey, SignedEvent } from '../../../plugin/nostr/messages.ts'
import {
  amethystEvent,
  bareKeyPackage,
  loxationEvent,
  marmotKeyPackage,
  marmotTsEvent,
  mdkEvent,
  mipKeyPackage,
  type PublishableKeyPackage,
  paytacaEvent,
  pikaEvent,
  type SlotSettings,
  whitenoiseTwins,
} from '../../support/generations.ts'
import type { KeyPackageSettings, MadeKeyPackage } from '../../support/key-packages.ts'
import type { Person } from '../../support/people.ts'

/** An event that is ready to be sent. */
export interface Supplied {
  readonly id: EventId
  readonly author: Pubkey
  readonly kind: number
  readonly ref: string
  /** `d`, of a slot and of its twin. */
  readonly slot?: string
  readonly isTwin?: boolean
  /** Seconds since the epoch. */
  readonly createdAt: number
  /** The whole EVENT message. */
  readonly frame: string
}

type Client = (author: Person, settings: SlotSettings) => Promise<readonly SignedEvent[]>
type FirstPackage = (author: Person, now: number, changes: KeyPackageSettings) => Promise<MadeKeyPackage>

interface ClientKind {
  readonly publishes: 'one-time packages' | 'slots'
  readonly first: FirstPackage
  readonly events: Client
}

const mip: FirstPackage = (author, now, changes) => mipKeyPackage(author, now, undefined, changes)
const one =
  (event: (author: Person, settings: SlotSettings) => Promise<SignedEvent>): Client =>
  async (author, settings) => [await event(author, settings)]

/** The clients of CLIENTS, each with what it publishes. */
export const CLIENTS = {
  loxation: { publishes: 'one-time packages', first: bareKeyPackage, events: one(loxationEvent) },
  pika: { publishes: 'one-time packages', first: mip, events: one(pikaEvent) },
  paytaca: { publishes: 'one-time packages', first: bareKeyPackage, events: one(paytacaEvent) },
  whitenoise: { publishes: 'slots', first: mip, events: whitenoiseTwins },
  'marmot-ts': { publishes: 'slots', first: mip, events: one(marmotTsEvent) },
  amethyst: { publishes: 'slots', first: mip, events: one(amethystEvent) },
  mdk: { publishes: 'slots', first: marmotKeyPackage, events: one(mdkEvent) },
} as const satisfies Record<string, ClientKind>

export type ClientName = keyof typeof CLIENTS

const HOUR = 3600

/** An author's leaf, in the first KeyPackage that was made with it. */
interface Leaf {
  readonly first: MadeKeyPackage
  readonly key: KeyObject
  /** Seconds since the epoch. */
  readonly madeAt: number
}

/** Makes the packages of one author, one after the other. */
export class Supply {
  readonly #author: Person
  readonly #client: ClientKind
  /** How long a package can be used, in seconds; without it, as long as the client has it. */
  readonly #lifetimeSeconds: number | undefined
  #leaf: Leaf | undefined
  #made = 0

  constructor(author: Person, client: ClientName, lifetimeSeconds?: number) {
    this.#author = author
    this.#client = CLIENTS[client]
    this.#lifetimeSeconds = lifetimeSeconds
  }

  /**
   * The events of one new KeyPackage: one, or twins.
   * @param createdAt seconds since the epoch
   */
  async next(createdAt: number): Promise<readonly Supplied[]> {
    const keyPackage = this.#nextKeyPackage(await this.#leafAt(createdAt))
    const events = await this.#client.events(this.#author, { createdAt, keyPackage })
    const ref = keyPackageRef(keyPackage.bytes, keyPackage.ciphersuite)
    const slot = events.flatMap(({ tags }) => tags.find(([name]) => name === 'd')?.[1] ?? [])[0]
    return events.map((event) => {
      const { id, pubkey: author, kind } = event
      const inSlot = slot === undefined ? {} : { slot, isTwin: events.length > 1 && kind === 443 }
      return { id, author, kind, ref, ...inSlot, createdAt, frame: JSON.stringify(['EVENT', event]) }
    })
  }

  /** The lifetime is part of the leaf, which is made anew when half of it is over. */
  async #leafAt(now: number): Promise<Leaf> {
    const seconds = this.#lifetimeSeconds
    const leaf = this.#leaf
    if (leaf !== undefined && (seconds === undefined || now < leaf.madeAt + seconds / 2)) return leaf
    const first = await this.#client.first(this.#author, now, {
      seed: `${this.#author.pubkey} ${this.#made}`,
      ...(seconds !== undefined && { lifetime: { notBefore: now - HOUR, notAfter: now + seconds } }),
    })
    const der = Buffer.from(first.privatePackage.signaturePrivateKey)
    this.#leaf = { first, key: createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }), madeAt: now }
    return this.#leaf
  }

  /** Any 32 bytes are an X25519 public key. */
  #nextKeyPackage({ first, key }: Leaf): PublishableKeyPackage {
    const { bytes, message, ciphersuite } = first
    const initKey = createHash('sha256')
      .update(`${this.#author.pubkey} ${this.#made++}`)
      .digest()
    const signed = Buffer.from(bytes.subarray(0, bytes.length - SIGNATURE.length))
    initKey.copy(signed, INIT_KEY_OFFSET)
    const signature = sign(null, signedContent(signed), key)
    const changed = Buffer.concat([signed, vectorHeader(signature.length), signature])
    const wireFormat = message.subarray(0, message.length - bytes.length)
    return { bytes: changed, message: Buffer.concat([wireFormat, changed]), ciphersuite }
  }
}

/** After the version, the ciphersuite and the length of the key (RFC 9420 section 10). */
const INIT_KEY_OFFSET = 2 + 2 + 1
/** The last field: 64 bytes, and two that say so. */
const SIGNATURE = { length: 2 + 64 }
const LABEL = Buffer.from('MLS 1.0 KeyPackageTBS')

/** What SignWithLabel signs (RFC 9420 section 5.1.2). */
function signedContent(content: Uint8Array): Buffer {
  return Buffer.concat([vectorHeader(LABEL.length), LABEL, vectorHeader(content.length), content])
}
