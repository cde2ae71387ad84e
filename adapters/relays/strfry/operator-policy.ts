/** The operator's own write-policy plugin: asked as strfry would ask it, and restarted when it fails. */

import type { Logger } from '../../../plugin/context.ts'
import { type Failure, OperatorProcess } from './operator-process.ts'
import type { Decision, Question } from './protocol.ts'

/** For one answer. Together with the gateway's own work it must stay within strfry's ten seconds. */
const ANSWER_TIMEOUT_MS = 5000
const MIN_PAUSE_MS = 100
const MAX_PAUSE_MS = 30_000

/** What the client is told; the log has the details. */
const reasons: Readonly<Record<Failure, string>> = {
  'not started': 'it cannot be started',
  exited: 'it has ended',
  silent: 'it gave no valid answer in time',
}

export interface OperatorPolicySettings {
  /** The program and its arguments. */
  readonly command: readonly [program: string, ...args: string[]]
  readonly log: Logger
  /** How long an answer may take. */
  readonly timeoutMs?: number
  /** A monotonic clock in milliseconds; `performance.now` by default. */
  readonly clock?: () => number
}

export class OperatorPolicy {
  readonly #settings: Required<OperatorPolicySettings>
  #process: OperatorProcess | undefined
  #lastFailure: Failure = 'not started'
  /** How many times in a row it has failed to answer. */
  #failures = 0
  #pausedUntil = 0

  constructor(settings: OperatorPolicySettings) {
    this.#settings = { timeoutMs: ANSWER_TIMEOUT_MS, clock: () => performance.now(), ...settings }
  }

  /**
   * Asks one question at a time. While the policy cannot answer, events of every kind are rejected, as it may not want them,
   * and it is started again after longer and longer pauses. Never rejects.
   */
  async decide(question: Question): Promise<Decision> {
    const process = this.#running()
    if (process === undefined) return this.#unavailable()
    const answer = await process.ask(question, this.#settings.timeoutMs)
    if (typeof answer === 'string') return this.#restartLater(process, answer)
    this.#failures = 0
    return answer
  }

  /** Resolves when the process has exited, by itself or by force. */
  async close(): Promise<void> {
    await this.#process?.stop()
  }

  #running(): OperatorProcess | undefined {
    if (this.#process?.hasExited === false) return this.#process
    const { command, log, clock } = this.#settings
    if (clock() < this.#pausedUntil) return undefined
    this.#process = new OperatorProcess(command, log)
    return this.#process
  }

  #restartLater(process: OperatorProcess, failure: Failure): Decision {
    const pauseMs = Math.min(MIN_PAUSE_MS * 2 ** this.#failures, MAX_PAUSE_MS)
    this.#failures += 1
    this.#pausedUntil = this.#settings.clock() + pauseMs
    this.#lastFailure = failure
    const { command, log } = this.#settings
    log.error(
      { command: command[0], pauseMs },
      `COMMAND is unavailable: ${reasons[failure]}; events are refused, and it is started again after a pause`,
    )
    process.kill()
    return this.#unavailable()
  }

  #unavailable(): Decision {
    const why = reasons[this.#lastFailure]
    return {
      action: 'reject',
      message: `error: this relay's write policy is unavailable (${why}), try again later`,
    }
  }
}
