/** Verifies the signatures of events in worker threads, so that they do not delay other clients (I9). */

import { availableParallelism } from 'node:os'
import type { Logger } from '../../plugin/context.ts'
import type { SignedEvent } from '../../plugin/nostr/messages.ts'
import { SignatureThread, type Task } from './signature-thread.ts'

export interface SignaturePoolSettings {
  /** Silent by default. */
  readonly log?: Pick<Logger, 'warn'>
  /** How many threads verify events; by default one fewer than the machine has processors, from 1 to 4; 0: this one. */
  readonly threads?: number
  /** How many events are verified in this thread before others start, as starting them takes a while; 0 by default. */
  readonly startAfter?: number
  /** What the threads run; for tests. */
  readonly program?: URL
}

/** Worker threads that verify events. Its `verifyEvent` is for the gateway. */
export interface SignaturePool {
  /** Whether an event's id and signature are valid. Until the threads are ready, this thread verifies. */
  readonly verifyEvent: (event: SignedEvent) => Promise<boolean>
  /** Starts the threads, which `verifyEvent` does otherwise. */
  start(): void
  /** Ends the threads. What they have not verified by then is verified in this thread. */
  close(): Promise<void>
}

const MAX_THREADS = 4
/** An event whose threads have ended so often is verified in this one. */
const MAX_FAILURES = 2

/** The threads start with the first event. They do not keep the process running, unless they have something to verify. */
export function signaturePool(settings: SignaturePoolSettings = {}): SignaturePool {
  const pool = new Pool(settings)
  return {
    verifyEvent: (event) => pool.verify(event),
    start: () => pool.start(),
    close: () => pool.close(),
  }
}

class Pool {
  readonly #log: Pick<Logger, 'warn'>
  readonly #size: number
  readonly #startAfter: number
  readonly #program: URL
  readonly #threads = new Set<SignatureThread>()
  #count = 0
  #state: 'open' | 'without threads' | 'closed' = 'open'
  /** Loaded when it is first needed, which may be never. */
  #here: Promise<(event: SignedEvent) => boolean> | undefined

  constructor({ log = { warn() {} }, threads, startAfter = 0, program }: SignaturePoolSettings) {
    this.#log = log
    this.#size = threads ?? Math.min(MAX_THREADS, Math.max(1, availableParallelism() - 1))
    this.#startAfter = startAfter
    this.#program = program ?? new URL('./signature-worker.js', import.meta.url)
  }

  verify({ id, pubkey, created_at, kind, tags, content, sig }: SignedEvent): Promise<boolean> {
    this.#count += 1
    if (this.#count > this.#startAfter) this.start()
    // A client may add any other property, which would be copied to the thread as well.
    const event = { id, pubkey, created_at, kind, tags, content, sig }
    return new Promise((resolve) => this.#give({ event, resolve, failures: 0 }))
  }

  start(): void {
    while (this.#state === 'open' && this.#threads.size < this.#size) this.#startThread()
  }

  async close(): Promise<void> {
    this.#state = 'closed'
    await Promise.all([...this.#threads].map((thread) => thread.end()))
  }

  #give(task: Task): void {
    const [first, ...others] = [...this.#threads].filter(({ isReady }) => isReady)
    if (first === undefined || task.failures >= MAX_FAILURES || this.#state === 'closed') {
      task.resolve(this.#verifyHere(task.event))
      return
    }
    others.reduce((free, thread) => (thread.load < free.load ? thread : free), first).give(task)
  }

  async #verifyHere(event: SignedEvent): Promise<boolean> {
    this.#here ??= import('./verify-event.ts').then(({ createVerifier }) => createVerifier())
    const verify = await this.#here
    return verify(event)
  }

  #startThread(): void {
    let wasReady = false
    try {
      const thread: SignatureThread = new SignatureThread({
        program: this.#program,
        onReady: () => {
          wasReady = true
        },
        onEnd: (error, unfinished) => {
          this.#threads.delete(thread)
          this.#ended(error, wasReady ? 'at work' : 'starting')
          for (const task of unfinished) this.#give({ ...task, failures: task.failures + 1 })
        },
      })
      this.#threads.add(thread)
    } catch (error) {
      this.#ended(error, 'starting')
    }
  }

  /** The next event starts another in its place, unless it did not even start. */
  #ended(error: unknown, when: 'starting' | 'at work'): void {
    if (this.#state !== 'open') return
    if (when === 'at work') {
      this.#log.warn({ err: error }, 'a thread that verifies signatures has ended; its work is done again')
      return
    }
    this.#state = 'without threads'
    this.#log.warn({ err: error }, 'cannot start threads that verify signatures; the main thread does it')
  }
}
