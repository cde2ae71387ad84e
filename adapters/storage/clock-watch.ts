/** Compares the clock of this process with the store's: with a wrong one, quotas and lifetimes are counted wrongly (I5). */

import type { Logger } from '../../plugin/context.ts'
import { StoreError } from '../../plugin/store.ts'

/** Clocks that are further apart than this must not share a store: a quota's window lasts minutes. */
const FAIL_SECONDS = 60
/** Clocks that are set by NTP are within a second; from this on the operator is told. */
const WARN_SECONDS = 5

export interface ClockWatchSettings {
  /** The clock of this process, in milliseconds since the epoch. */
  readonly own: () => number
  readonly log: Logger
  /** How often the clocks are compared. */
  readonly everyMs: number
}

type Verdict = 'the same' | 'a little off' | 'too far apart'

export class ClockWatch {
  readonly #settings: ClockWatchSettings
  #timer: NodeJS.Timeout | undefined
  #verdict: Verdict = 'the same'
  #aheadSeconds = 0

  constructor(settings: ClockWatchSettings) {
    this.#settings = settings
  }

  /** Compares now, and again and again until `stop`. Never rejects: a store that does not answer says nothing of its clock. */
  async start(read: () => Promise<number>): Promise<void> {
    await this.#compare(read)
    this.#timer = setInterval(() => this.#compare(read), this.#settings.everyMs).unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  /** @throws StoreError while the clocks are too far apart */
  requireSame(): void {
    if (this.#verdict === 'too far apart') throw new StoreError(this.#sentence())
  }

  async #compare(read: () => Promise<number>): Promise<void> {
    const { own } = this.#settings
    try {
      const began = performance.now()
      const theirs = await read()
      const took = performance.now() - began
      // The store read its clock at some time in between, so that much is not known.
      const ahead = own() - took / 2 - theirs
      this.#note(Math.sign(ahead) * Math.max(0, Math.abs(ahead) - took / 2))
    } catch {
      // What is known stays. Calls to the store report what is wrong with it (I7).
    }
  }

  #note(aheadMs: number): void {
    const before = this.#verdict
    this.#aheadSeconds = Math.round(aheadMs / 1000)
    this.#verdict = verdictOn(Math.abs(aheadMs) / 1000)
    if (this.#verdict === before) return
    const { log } = this.#settings
    const fields = { aheadSeconds: this.#aheadSeconds }
    const again = before === 'too far apart' ? 'key packages are available again: ' : ''
    if (this.#verdict === 'too far apart')
      log.error(fields, `key packages are unavailable: ${this.#sentence()}`)
    else if (this.#verdict === 'a little off')
      log.warn(fields, `${again}${this.#sentence()}; quotas and lifetimes are as much off`)
    else log.info(fields, `${again}the clocks of this machine and the store agree`)
  }

  #sentence(): string {
    const seconds = Math.abs(this.#aheadSeconds)
    const way = this.#aheadSeconds > 0 ? 'ahead of' : 'behind'
    return `the clock of this machine is ${seconds} s ${way} the store's: set both by NTP`
  }
}

function verdictOn(seconds: number): Verdict {
  if (seconds > FAIL_SECONDS) return 'too far apart'
  return seconds > WARN_SECONDS ? 'a little off' : 'the same'
}
