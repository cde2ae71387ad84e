/** Whether this process can serve: does its store answer, and can the relay behind it be reached? */

import type { KeyPackageStore } from '../../plugin/store.ts'

/** What is not ready says why. */
export type PartState = { readonly ready: true } | { readonly ready: false; readonly reason: string }

export interface Readiness {
  readonly ready: boolean
  readonly store: PartState
  /** Absent where there is no relay behind. */
  readonly relay?: PartState
  /** Whether processes serve, and all of those answer; absent where there is one process. */
  readonly workers?: PartState
}

export interface HealthSettings {
  readonly store: Pick<KeyPackageStore, 'hit'>
  /** Whether the relay behind can be reached now; never rejects. Absent if there is none. */
  readonly relay?: (() => Promise<'reachable' | 'unreachable'>) | undefined
  /** Seconds since the epoch. */
  readonly now: () => number
  /** Puts an error into words that may be shown to the operator, without passwords. */
  readonly reasonOf: (error: unknown) => string
}

/** An answer is given again for so long, so that many probes cost the store no more than one. */
const KEPT_MS = 1_000
/** The store has to write to answer: one that can only read can deliver nothing. */
const PROBE = { key: 'health', quota: { max: 1_000_000, windowSeconds: 1 } } as const

export class Health {
  readonly #settings: HealthSettings
  #last: { readonly at: number; readonly readiness: Promise<Readiness> } | undefined

  constructor(settings: HealthSettings) {
    this.#settings = settings
  }

  /** Never rejects. */
  readiness(): Promise<Readiness> {
    const at = performance.now()
    if (this.#last === undefined || at - this.#last.at > KEPT_MS)
      this.#last = { at, readiness: this.#probe() }
    return this.#last.readiness
  }

  async #probe(): Promise<Readiness> {
    const [store, relay] = await Promise.all([this.#probeStore(), this.#probeRelay()])
    return { ready: store.ready && relay?.ready !== false, store, ...(relay && { relay }) }
  }

  async #probeStore(): Promise<PartState> {
    const { store, now, reasonOf } = this.#settings
    try {
      await store.hit(PROBE.key, 1, PROBE.quota, now())
      return { ready: true }
    } catch (error) {
      return { ready: false, reason: reasonOf(error) }
    }
  }

  async #probeRelay(): Promise<PartState | undefined> {
    const { relay } = this.#settings
    if (relay === undefined) return undefined
    if ((await relay()) === 'reachable') return { ready: true }
    return { ready: false, reason: 'the relay behind the gateway cannot be reached' }
  }
}
