/** One process of the operator's write policy, from its start to its end. */

import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Readable, Writable } from 'node:stream'
import type { Logger } from '../../../plugin/context.ts'
import { eachLine } from './lines.ts'
import { type Decision, LONGEST_ANSWER, type Question, readAnswer } from './protocol.ts'

/** How long it may take to end once it is told to. */
const FAREWELL_MS = 2000

/** The event that was asked about, and who waits for the answer. */
interface Pending {
  readonly id: string
  readonly resolve: (decision: Decision | undefined) => void
}

export class OperatorProcess {
  readonly #process: ChildProcessByStdio<Writable, Readable, null>
  readonly #log: Logger
  readonly #over = new AbortController()
  #pending: Pending | undefined

  constructor([program, ...args]: readonly [program: string, ...args: string[]], log: Logger) {
    this.#log = log
    // What it says on stderr is for strfry's log, as without us.
    this.#process = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] })
    this.#process.on('error', (error) => this.#end({ err: error }, 'COMMAND cannot be run'))
    this.#process.on('close', (code, signal) => this.#end({ code, signal }, 'COMMAND has ended'))
    // Writing fails when it has ended, and that is told above.
    this.#process.stdin.on('error', () => {})
    void this.#listen()
  }

  get isOver(): boolean {
    return this.#over.signal.aborted
  }

  /** Undefined where there is no answer in time, or none that strfry would take. */
  async ask({ line, id }: Question, patienceMs: number): Promise<Decision | undefined> {
    if (this.isOver) return undefined
    const answer = new Promise<Decision | undefined>((resolve) => {
      this.#pending = { id, resolve }
    })
    const timer = setTimeout(() => this.#answer(undefined), patienceMs)
    this.#process.stdin.write(`${line}\n`)
    try {
      return await answer
    } finally {
      clearTimeout(timer)
    }
  }

  /** Ends it as strfry would, and after a while by force. */
  async stop(): Promise<void> {
    if (this.isOver) return
    this.#process.stdin.end()
    this.#process.kill('SIGTERM')
    const timer = setTimeout(() => this.kill(), FAREWELL_MS)
    await once(this.#over.signal, 'abort')
    clearTimeout(timer)
  }

  kill(): void {
    this.#process.kill('SIGKILL')
    this.#end({}, 'COMMAND was killed')
  }

  #end(fields: object, message: string): void {
    if (this.isOver) return
    this.#log.info(fields, message)
    this.#over.abort()
    this.#answer(undefined)
  }

  async #listen(): Promise<void> {
    try {
      await eachLine(this.#process.stdout, (line) => this.#hear(line), LONGEST_ANSWER)
    } catch (error) {
      this.#log.error({ err: error }, 'COMMAND cannot be heard')
      this.kill()
    }
  }

  /** Skips, as strfry does, what is no answer; logs nothing of it, because it may hold a key package (I4). */
  #hear(line: string): undefined {
    const { id, decision } = readAnswer(line)
    if (id !== undefined && id === this.#pending?.id) this.#answer(decision)
    else this.#log.warn({ characters: line.length }, 'COMMAND printed a line that is no answer')
  }

  #answer(decision: Decision | undefined): void {
    this.#pending?.resolve(decision)
    this.#pending = undefined
  }
}
