/** The operator's own write policy: a plugin that is asked as strfry would ask it, and started again when it dies. */

import type { Logger } from '../../../plugin/context.ts'
import { OperatorProcess } from './operator-process.ts'
import type { Decision, Question } from './protocol.ts'

/** How long an answer may take: with what comes after it, strfry's ten seconds have to do. */
const PATIENCE_MS = 5000
const SHORTEST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 30_000

const UNAVAILABLE: Decision = {
  action: 'reject',
  message: "error: this relay's write policy is unavailable, try again",
}

export interface OperatorPolicySettings {
  /** The program and its arguments. */
  readonly command: readonly [program: string, ...args: string[]]
  readonly log: Logger
  readonly patienceMs?: number
  /** Milliseconds that only ever grow; the process's own by default. */
  readonly clock?: () => number
}

export class OperatorPolicy {
  readonly #settings: Required<OperatorPolicySettings>
  #process: OperatorProcess | undefined
  /** How often in a row it gave no answer. */
  #failures = 0
  #pausedUntil = 0

  constructor(settings: OperatorPolicySettings) {
    this.#settings = { patienceMs: PATIENCE_MS, clock: () => performance.now(), ...settings }
  }

  /** Asks one question; ask the next one after. While there is no answer to be had, events are refused. Never rejects. */
  async decide(question: Question): Promise<Decision> {
    const process = this.#running()
    if (process === undefined) return UNAVAILABLE
    const decision = await process.ask(question, this.#settings.patienceMs)
    if (decision === undefined) return this.#giveUp(process)
    this.#failures = 0
    return decision
  }

  /** Resolves when the command has ended, one way or another. */
  async close(): Promise<void> {
    await this.#process?.stop()
  }

  #running(): OperatorProcess | undefined {
    if (this.#process?.isOver === false) return this.#process
    const { command, log, clock } = this.#settings
    if (clock() < this.#pausedUntil) return undefined
    this.#process = new OperatorProcess(command, log)
    return this.#process
  }

  #giveUp(process: OperatorProcess): Decision {
    const pauseMs = Math.min(SHORTEST_PAUSE_MS * 2 ** this.#failures, LONGEST_PAUSE_MS)
    this.#failures += 1
    this.#pausedUntil = this.#settings.clock() + pauseMs
    this.#settings.log.error({ pauseMs }, 'COMMAND gave no answer; it is started again after a pause')
    process.kill()
    return UNAVAILABLE
  }
}
