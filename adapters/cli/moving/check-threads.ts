/** Checks the lines of an import on all processors: in this thread while there are few, else in worker threads. */

import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { createVerifier } from '../../node/verify-event.ts'
import { secondsNow } from '../open-store.ts'
import { type CheckedLine, type CheckRules, checkLine } from './check-line.ts'
import type { CheckedLines, Lines } from './check-thread.ts'

/** A thread takes a while to start, in which this one checks about so many. */
const LINES_BEFORE_THREADS = 500
const MAX_THREADS = 8

export interface CheckThreadsSettings {
  readonly rules: CheckRules
  /** How many; by default as many as there are processors, up to 8. 0: this thread checks. */
  readonly threads?: number
}

export class CheckThreads {
  readonly #rules: CheckRules
  readonly #size: number
  #threads: CheckThread[] | undefined
  #count = 0
  #verify: Promise<Parameters<typeof checkLine>[2]> | undefined

  constructor({ rules, threads }: CheckThreadsSettings) {
    this.#rules = rules
    const processors = availableParallelism()
    this.#size = threads ?? (processors > 1 ? Math.min(MAX_THREADS, processors) : 0)
  }

  /** How many calls of `check` keep all threads busy. */
  get lanes(): number {
    return 2 * Math.max(1, this.#size)
  }

  /** In the order of the lines. */
  async check(lines: readonly string[]): Promise<readonly CheckedLine[]> {
    this.#count += lines.length
    if (this.#count <= LINES_BEFORE_THREADS || this.#size === 0) return this.#checkHere(lines)
    this.#threads ??= Array.from({ length: this.#size }, () => new CheckThread(this.#rules))
    const [first, ...others] = this.#threads.filter(({ hasEnded }) => !hasEnded)
    if (first === undefined) return this.#checkHere(lines)
    const thread = others.reduce((free, one) => (one.load < free.load ? one : free), first)
    // What a thread leaves undone when it ends is done here.
    return (await thread.check(lines)) ?? this.#checkHere(lines)
  }

  async close(): Promise<void> {
    await Promise.all((this.#threads ?? []).map((thread) => thread.close()))
  }

  async #checkHere(lines: readonly string[]): Promise<readonly CheckedLine[]> {
    this.#verify ??= createVerifier()
    const verify = await this.#verify
    const now = secondsNow()
    return lines.map((line) => checkLine(line, this.#rules, verify, now))
  }
}

type Answer = readonly CheckedLine[] | undefined

class CheckThread {
  readonly #worker: Worker
  readonly #waiting = new Map<number, (answer: Answer) => void>()
  #next = 0
  #hasEnded = false

  constructor(rules: CheckRules) {
    // Neither the options of this process nor its environment: NODE_OPTIONS may load programs that are not for a thread.
    const options = { env: {}, execArgv: [], workerData: rules }
    this.#worker = new Worker(new URL('./check-thread.js', import.meta.url), options)
    this.#worker.on('message', ({ number, checked }: CheckedLines) => this.#answer(number, checked))
    this.#worker.on('error', () => this.#end())
    this.#worker.on('exit', () => this.#end())
  }

  get hasEnded(): boolean {
    return this.#hasEnded
  }

  get load(): number {
    return this.#waiting.size
  }

  /** Undefined if the thread has ended instead. */
  check(lines: readonly string[]): Promise<Answer> {
    const number = this.#next++
    return new Promise((resolve) => {
      if (this.#hasEnded) return resolve(undefined)
      this.#waiting.set(number, resolve)
      this.#worker.postMessage({ number, lines } satisfies Lines)
    })
  }

  async close(): Promise<void> {
    await this.#worker.terminate()
  }

  #answer(number: number, answer: Answer): void {
    this.#waiting.get(number)?.(answer)
    this.#waiting.delete(number)
  }

  #end(): void {
    this.#hasEnded = true
    for (const number of [...this.#waiting.keys()]) this.#answer(number, undefined)
  }
}
