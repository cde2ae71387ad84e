/** What operators have changed at run time of what the relay says about itself (NIP-11): kept in the store, and read about once a second. */

import type { Logger } from './context.ts'
import type { ChangedInformation, InformationField, KeyPackageStore } from './store.ts'

/** How long a request for the document waits for the store. After that it is answered with what was known last. */
const MAX_WAIT_MS = 200

export interface OwnInformationSettings {
  readonly store: Pick<KeyPackageStore, 'information' | 'putInformation'>
  readonly log: Pick<Logger, 'error'>
  /** Seconds since the epoch. */
  readonly now: () => number
  /** A signal that is aborted after that many milliseconds. */
  readonly deadline: (ms: number) => AbortSignal
}

export class OwnInformation {
  readonly #settings: OwnInformationSettings
  #known: ChangedInformation = {}
  #readAt = Number.NEGATIVE_INFINITY
  #reading: Promise<void> | undefined
  /** How often it was changed here; a reading that began before the last change is not used. */
  #version = 0
  #isFailing = false

  constructor(settings: OwnInformationSettings) {
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
