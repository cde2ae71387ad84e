/** One worker thread of the signature pool, and the events that it is verifying. */

import { Worker } from 'node:worker_threads'
import type { SignedEvent } from '../../plugin/nostr/messages.ts'
import type { Questions, Results } from './signature-worker.ts'

/** An event to verify, and who waits for the result. */
export interface Task {
  readonly event: SignedEvent
  readonly resolve: (isValid: boolean | Promise<boolean>) => void
  /** How many threads have ended while they had it. */
  readonly failures: number
}

export interface ThreadSettings {
  readonly program: URL
  readonly onReady: () => void
  /** Called once, with the reason if there is one, and what it has not verified. */
  readonly onEnd: (error: unknown, unfinished: readonly Task[]) => void
}

export class SignatureThread {
  readonly #worker: Worker
  readonly #tasks = new Map<number, Task>()
  #next = 0
  #isReady = false
  #batch: [number: number, event: SignedEvent][] = []
  #error: unknown

  constructor({ program, onReady, onEnd }: ThreadSettings) {
    // Neither the options of this process nor its environment: NODE_OPTIONS may load programs that are not for a thread.
    this.#worker = new Worker(program, { env: {}, execArgv: [] })
    this.#worker.on('message', (results: Results) => {
      if (results === 'ready') this.#isReady = true
      if (results === 'ready') onReady()
      else this.#finish(results)
    })
    this.#worker.on('error', (error) => {
      this.#error = error
    })
    this.#worker.on('exit', () => {
      this.#isReady = false
      const unfinished = [...this.#tasks.values()]
      this.#tasks.clear()
      onEnd(this.#error, unfinished)
    })
    // After its listeners: they keep the process running.
    this.#worker.unref()
  }

  get isReady(): boolean {
    return this.#isReady
  }

  /** How many events it has to verify. */
  get load(): number {
    return this.#tasks.size
  }

  /** What it is given in one turn of the event loop leaves in one message. */
  give(task: Task): void {
    if (this.#tasks.size === 0) this.#worker.ref()
    const number = this.#next++
    this.#tasks.set(number, task)
    if (this.#batch.length === 0) process.nextTick(() => this.#send())
    this.#batch.push([number, task.event])
  }

  async end(): Promise<void> {
    await this.#worker.terminate()
  }

  #send(): void {
    const questions: Questions = this.#batch
    this.#batch = []
    this.#worker.postMessage(questions)
  }

  #finish(results: readonly (readonly [number: number, isValid: boolean])[]): void {
    for (const [number, isValid] of results) {
      this.#tasks.get(number)?.resolve(isValid)
      this.#tasks.delete(number)
    }
    if (this.#tasks.size === 0) this.#worker.unref()
  }
}
