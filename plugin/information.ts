/** The relay information document (NIP-11): what the gateway adds to it, and what operators have changed of it at run time. */

import type { Logger } from './context.ts'
import { SLOT_KIND } from './key-package/kinds.ts'
import type { Options } from './options.ts'
import type { ChangedInformation, InformationField, KeyPackageStore } from './store.ts'

/** What to add to the relay information document (NIP-11). */
export interface RelayInformation {
  /** The numbers of the Marmot Implementation Proposals that the relay supports; absent if there are none. */
  readonly supported_mips?: readonly number[]
  readonly key_packages: KeyPackagesInformation
}

/** What the relay information document says under `key_packages` (NIP-11). */
export interface KeyPackagesInformation {
  readonly kinds: readonly number[]
  /** Maximum one-time packages of one author in one claim. */
  readonly per_query: number
  /** Maximum authors in one REQ. */
  readonly max_authors: number
  /** Maximum claims of one author by one requester; `window` is in seconds. */
  readonly rate_limit: { readonly max: number; readonly window: number }
  /** Maximum one-time packages stored for one author, and likewise slots. */
  readonly max_stored: number
  /** The allowed values of `#f`. */
  readonly encodings: readonly string[]
  /** The encoding when a filter has no `#f`; `as-published` is what each author chose. */
  readonly default_encoding: string
  /** Whether a key package with a `-` tag is accepted from its authenticated author alone (NIP-70), and kept by the gateway alone. */
  readonly protected: boolean
  /** Whether clients must authenticate (NIP-42) to query key packages, unless their address is on the list of those allowed. */
  readonly auth_required: boolean
}

/** MIP-00: key packages in slots (kind 30443). The other proposals concern a relay only by events it stores like any other. */
const KEY_PACKAGES_MIP = 0

export function informationOf(options: Options): RelayInformation {
  const { kinds, access, claim, quota, stock, delivery, requester, custody } = options
  return {
    ...(kinds.includes(SLOT_KIND) && { supported_mips: [KEY_PACKAGES_MIP] }),
    key_packages: {
      kinds,
      per_query: claim.perAuthor,
      max_authors: claim.maxAuthors,
      rate_limit: { max: quota.perAuthor.max, window: quota.perAuthor.windowSeconds },
      max_stored: stock.max,
      encodings: ['hex', 'base64'],
      default_encoding: delivery.encoding,
      protected: custody === 'gateway',
      auth_required: requester === 'auth' || access.mode === 'allow-listed',
    },
  }
}

/** How long a request for the document waits for the store. After that it is answered with what was known last. */
const MAX_WAIT_MS = 200

export interface OperatorInformationSettings {
  readonly store: Pick<KeyPackageStore, 'information' | 'putInformation'>
  readonly log: Pick<Logger, 'error'>
  /** Seconds since the epoch. */
  readonly now: () => number
  /** A signal that is aborted after that many milliseconds. */
  readonly deadline: (ms: number) => AbortSignal
}

/** What operators have changed, kept in the store and read about once a second. */
export class OperatorInformation {
  readonly #settings: OperatorInformationSettings
  #known: ChangedInformation = {}
  #readAt = Number.NEGATIVE_INFINITY
  #reading: Promise<void> | undefined
  /** How often it was changed here; a reading that began before the last change is not used. */
  #version = 0
  #isFailing = false

  constructor(settings: OperatorInformationSettings) {
    this.#settings = settings
  }

  /** The fields that were changed, without those that are empty. Never rejects: without the store, what was known last. */
  async current(): Promise<ChangedInformation> {
    if (this.#readAt !== this.#settings.now()) {
      this.#reading ??= this.#read().finally(() => {
        this.#reading = undefined
      })
      await Promise.race([this.#reading, aborted(this.#settings.deadline(MAX_WAIT_MS))])
    }
    return Object.fromEntries(Object.entries(this.#known).filter(([, value]) => value !== ''))
  }

  /** An empty `value`: as the settings say. Rejects when the store does. */
  async change(field: InformationField, value: string): Promise<void> {
    await this.#settings.store.putInformation(field, value)
    this.#version += 1
    this.#known = { ...this.#known, [field]: value }
  }

  async #read(): Promise<void> {
    const { store, log, now } = this.#settings
    const version = this.#version
    const at = now()
    try {
      const known = await store.information()
      if (version === this.#version) this.#known = known
      this.#readAt = at
      this.#isFailing = false
    } catch (error) {
      // Everybody may ask for the document, and again and again.
      if (!this.#isFailing)
        log.error({ err: error }, 'the store failed to say what operators changed of the NIP-11 document')
      this.#isFailing = true
    }
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
}
