/** One process of the operator's write-policy plugin, from its start to its exit. */

import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Readable, Writable } from 'node:stream'
import type { Logger } from '../../../plugin/context.ts'
import { forEachLine } from './line-reader.ts'
import { type Decision, MAX_ANSWER_BYTES, type Question, readAnswer } from './protocol.ts'

/** How long it may take to exit after SIGTERM, before it is killed. */
const STOP_TIMEOUT_MS = 2000

/**
 * Why there is no answer.
 * - `not started`: the program does not exist, for example, or is not executable.
 * - `exited`: it ended.
 * - `silent`: there was no answer in time, or not one that strfry would accept.
 */
export type Failure = 'not started' | 'exited' | 'silent'

/** The event that was asked about, and how to pass on the answer. */
interface Pending {
  readonly id: string
  readonly resolve: (answer: Decision | Failure) => void
}

type Child = ChildProcessByStdio<Writable, Readable, null>

export class OperatorProcess {
  /** Undefined where it cannot be started. */
  readonly #process: Child | undefined
  readonly #log: Logger
  readonly #exited = new AbortController()
  #pending: Pending | undefined
  #failure: Failure = 'exited'

  constructor(command: readonly [program: string, ...args: string[]], log: Logger) {
    this.#log = log
    this.#process = this.#start(command)
    if (this.#process !== undefined) void this.#listen(this.#process)
  }

  get hasExited(): boolean {
    return this.#exited.signal.aborted
  }

  async ask({ line, id }: Question, timeoutMs: number): Promise<Decision | Failure> {
    if (this.#process === undefined || this.hasExited) return this.#failure
    const answer = new Promise<Decision | Failure>((resolve) => {
      this.#pending = { id, resolve }
    })
    const timer = setTimeout(() => this.#answer('silent'), timeoutMs)
    this.#process.stdin.write(`${line}\n`)
    try {
      return await answer
    } finally {
      clearTimeout(timer)
    }
  }

  /** Ends it as strfry would, with EOF and SIGTERM, then with SIGKILL. */
  async stop(): Promise<void> {
    if (this.#process === undefined || this.hasExited) return
    this.#process.stdin.end()
    this.#process.kill('SIGTERM')
    const timer = setTimeout(() => this.kill(), STOP_TIMEOUT_MS)
    await once(this.#exited.signal, 'abort')
    clearTimeout(timer)
  }

  kill(): void {
    this.#process?.kill('SIGKILL')
    this.#end({}, 'COMMAND was killed')
  }

  #start([program, ...args]: readonly [program: string, ...args: string[]]): Child | undefined {
    try {
      // Its stderr goes to strfry's log, as it would without the gateway.
      const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] })
      child.on('error', (error) => {
        if (child.pid === undefined) this.#cannotStart(error)
        else this.#end({ err: error }, 'COMMAND cannot be controlled')
      })
      child.on('close', (code, signal) => this.#end({ code, signal }, 'COMMAND has exited'))
      // Writing fails after it has exited, which is logged above.
      child.stdin.on('error', () => {})
      return child
    } catch (error) {
      // Some errors are thrown: an empty name, a file as part of the path, too many open files.
      this.#cannotStart(error)
      return undefined
    }
  }

  #cannotStart(error: unknown): void {
    this.#failure = 'not started'
    this.#end({ err: error }, 'cannot start COMMAND')
  }

  #end(fields: object, message: string): void {
    if (this.hasExited) return
    this.#log.info(fields, message)
    this.#exited.abort()
    this.#answer(this.#failure)
  }

  async #listen({ stdout }: Child): Promise<void> {
    try {
      await forEachLine(stdout, (line) => this.#receive(line), MAX_ANSWER_BYTES)
    } catch (error) {
      this.#log.error({ err: error }, 'cannot read the output of COMMAND')
      this.kill()
    }
  }

  /** Skips lines that are not answers, as strfry does. Logs none of their content, which may be a key package (I4). */
  #receive(line: string): undefined {
    const { id, decision } = readAnswer(line)
    if (id !== undefined && id === this.#pending?.id) this.#answer(decision ?? 'silent')
    else this.#log.warn({ characters: line.length }, 'skipped a line from COMMAND that is not an answer')
  }

  #answer(answer: Decision | Failure): void {
    this.#pending?.resolve(answer)
    this.#pending = undefined
  }
}
