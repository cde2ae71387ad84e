/** One process of the operator's write-policy plugin, from its start to its exit. */

import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Readable, Writable } from 'node:stream'
import type { Logger } from '../../../plugin/context.ts'
import { forEachLine } from './line-reader.ts'
import { type Decision, MAX_ANSWER_BYTES, type Question, readAnswer } from './protocol.ts'

/** How long it may take to exit after SIGTERM, before it is killed. */
const STOP_TIMEOUT_MS = 2000

/** The event that was asked about, and how to pass on the answer. */
interface Pending {
  readonly id: string
  readonly resolve: (decision: Decision | undefined) => void
}

export class OperatorProcess {
  readonly #process: ChildProcessByStdio<Writable, Readable, null>
  readonly #log: Logger
  readonly #exited = new AbortController()
  #pending: Pending | undefined

  constructor([program, ...args]: readonly [program: string, ...args: string[]], log: Logger) {
    this.#log = log
    // Its stderr goes to strfry's log, as it would without the gateway.
    this.#process = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] })
    this.#process.on('error', (error) => this.#end({ err: error }, 'cannot run COMMAND'))
    this.#process.on('close', (code, signal) => this.#end({ code, signal }, 'COMMAND has exited'))
    // Writing fails after it has exited, which is logged above.
    this.#process.stdin.on('error', () => {})
    void this.#listen()
  }

  get hasExited(): boolean {
    return this.#exited.signal.aborted
  }

  /** Undefined where there is no answer in time, or not one that strfry would accept. */
  async ask({ line, id }: Question, timeoutMs: number): Promise<Decision | undefined> {
    if (this.hasExited) return undefined
    const answer = new Promise<Decision | undefined>((resolve) => {
      this.#pending = { id, resolve }
    })
    const timer = setTimeout(() => this.#answer(undefined), timeoutMs)
    this.#process.stdin.write(`${line}\n`)
    try {
      return await answer
    } finally {
      clearTimeout(timer)
    }
  }

  /** Ends it as strfry would, with EOF and SIGTERM, then with SIGKILL. */
  async stop(): Promise<void> {
    if (this.hasExited) return
    this.#process.stdin.end()
    this.#process.kill('SIGTERM')
    const timer = setTimeout(() => this.kill(), STOP_TIMEOUT_MS)
    await once(this.#exited.signal, 'abort')
    clearTimeout(timer)
  }

  kill(): void {
    this.#process.kill('SIGKILL')
    this.#end({}, 'COMMAND was killed')
  }

  #end(fields: object, message: string): void {
    if (this.hasExited) return
    this.#log.info(fields, message)
    this.#exited.abort()
    this.#answer(undefined)
  }

  async #listen(): Promise<void> {
    try {
      await forEachLine(this.#process.stdout, (line) => this.#receive(line), MAX_ANSWER_BYTES)
    } catch (error) {
      this.#log.error({ err: error }, 'cannot read the output of COMMAND')
      this.kill()
    }
  }

  /** Skips lines that are not answers, as strfry does. Logs none of their content, which may be a key package (I4). */
  #receive(line: string): undefined {
    const { id, decision } = readAnswer(line)
    if (id !== undefined && id === this.#pending?.id) this.#answer(decision)
    else this.#log.warn({ characters: line.length }, 'skipped a line from COMMAND that is not an answer')
  }

  #answer(decision: Decision | undefined): void {
    this.#pending?.resolve(decision)
    this.#pending = undefined
  }
}
