/** Surveys the stock of all authors again and again, slowly enough not to delay clients (I9), and keeps the last survey. */

import { setTimeout as wait } from 'node:timers/promises'
import type { KeyPackageGateway } from '../../plugin/gateway.ts'
import type { StockSurvey } from '../../plugin/lifecycle/stock-survey.ts'

export interface StockWatchSettings {
  readonly gateway: Pick<KeyPackageGateway, 'surveyStock'>
  readonly log: { warn(fields: object, message: string): void }
  /** Between the end of one survey and the beginning of the next; 60,000 by default. */
  readonly everyMs?: number
}

/** How many low authors are named. */
const NAMED = 100
const EVERY_MS = 60_000
/** After a step, this many times as long as it took is left to others: a survey takes at most a fifth of the process. */
const REST_FACTOR = 4

export class StockWatch {
  readonly #settings: StockWatchSettings
  readonly #ending = new AbortController()
  #last: StockSurvey | undefined
  #hasFailed = false

  constructor(settings: StockWatchSettings) {
    this.#settings = settings
  }

  /** The last survey that ended; undefined before the first. */
  get last(): StockSurvey | undefined {
    return this.#last
  }

  /** Begins at once, and goes on until `stop`. Its timers do not keep the process running. Never rejects. */
  async start(): Promise<void> {
    const { everyMs = EVERY_MS } = this.#settings
    const { signal } = this.#ending
    while (!signal.aborted) {
      await this.#survey(signal)
      await wait(everyMs, undefined, { signal, ref: false }).catch(() => undefined)
    }
  }

  stop(): void {
    this.#ending.abort()
  }

  /** While the store fails, the last survey stays; the log says it once. */
  async #survey(signal: AbortSignal): Promise<void> {
    const { gateway, log } = this.#settings
    try {
      this.#last = await gateway.surveyStock({ lowest: NAMED, signal, pause: restingPause(signal) })
      this.#hasFailed = false
    } catch (error) {
      if (signal.aborted || this.#hasFailed) return
      this.#hasFailed = true
      log.warn({ err: error }, 'cannot count the stock of key packages; trying again every minute')
    }
  }
}

/** Waits in proportion to the time since the pause before. */
function restingPause(signal: AbortSignal): () => Promise<void> {
  let began = performance.now()
  return async () => {
    const took = performance.now() - began
    await wait(took * REST_FACTOR, undefined, { signal, ref: false })
    began = performance.now()
  }
}
