/** The worker processes of a server: starts them, starts others in place of those that end, and stops them all. */

import cluster, { type Worker } from 'node:cluster'
import type { Logger } from 'pino'
import type { Readiness } from '../../http/health.ts'
import { type Ipc, ipcWith } from './ipc.ts'
import { SharedLimits } from './shared-limits.ts'
import type { WorkerStart } from './topics.ts'

/** Tells a process that it is a worker of this server, and not of another program's cluster. */
export const WORKER_VARIABLE = 'KEYPACKAGE_GATEWAY_WORKER'

/** A worker that served this long is replaced at once, as if none had ended before it. */
const STEADY_MS = 60_000
const FIRST_DELAY_MS = 250
const MAX_DELAY_MS = 30_000
/** A worker that has not stopped so long after `server.drainSeconds` is killed. */
const STOP_MS = 10_000
/** A worker that does not answer by then is not ready. */
const PATIENCE_MS = 2_500

export interface WorkerPoolSettings {
  readonly size: number
  readonly log: Logger
  readonly startOf: (number: number) => WorkerStart
  readonly drainSeconds: number
}

interface Member {
  readonly worker: Worker
  readonly ipc: Ipc
  servesSince: number | undefined
}

interface End {
  readonly code: number | null
  readonly signal: string | null
}

/** A worker cannot serve as it is configured, or ended before the first time that all of them served. */
class WorkerFailed extends Error {
  readonly code: unknown

  constructor(message: string, code: unknown) {
    super(message)
    this.code = code
  }
}

export class WorkerPool {
  readonly #settings: WorkerPoolSettings
  readonly #limits = new SharedLimits()
  readonly #members = new Map<number, Member>()
  readonly #restarts = new Set<NodeJS.Timeout>()
  /** How often in a row the worker of each number ended soon. */
  readonly #failures = new Map<number, number>()
  #state: 'starting' | 'serving' | 'stopping' = 'starting'
  #serving: (url: string) => void = () => {}
  #allEnded: () => void = () => {}
  #fail: (error: Error) => void = () => {}
  /** Rejects when a worker cannot serve as it is configured. Never resolves. */
  readonly failed: Promise<never>

  constructor(settings: WorkerPoolSettings) {
    this.#settings = settings
    this.failed = new Promise((_, reject) => {
      this.#fail = reject
    })
    this.failed.catch(() => undefined)
  }

  /** Resolves with the address of all workers once each of them serves. Rejects when one cannot. */
  start(): Promise<string> {
    cluster.setupPrimary({ args: ['serve'] })
    const serving = new Promise<string>((resolve) => {
      this.#serving = resolve
    })
    for (let number = 1; number <= this.#settings.size; number += 1) this.#fork(number)
    return Promise.race([serving, this.failed])
  }

  /** Asks all workers that serve; undefined for each that does not answer. */
  readiness(): Promise<(Readiness | undefined)[]> {
    const serving = [...this.#members.values()].filter(({ servesSince }) => servesSince !== undefined)
    return Promise.all(serving.map(({ ipc }) => ipc.askWithin(PATIENCE_MS, 'readiness', null)))
  }

  hangUp(): void {
    for (const { ipc } of this.#members.values()) void ipc.tell('hang up', null)
  }

  /** Resolves when all have ended. */
  async stop(): Promise<void> {
    this.#state = 'stopping'
    for (const restart of this.#restarts) clearTimeout(restart)
    if (this.#members.size === 0) return
    const allEnded = new Promise<void>((resolve) => {
      this.#allEnded = resolve
    })
    for (const { ipc } of this.#members.values()) void ipc.tell('stop', null)
    const deadline = setTimeout(
      () => {
        for (const { worker } of this.#members.values()) worker.process.kill('SIGKILL')
      },
      this.#settings.drainSeconds * 1000 + STOP_MS,
    )
    await allEnded
    clearTimeout(deadline)
  }

  #fork(number: number): void {
    const worker = cluster.fork({ [WORKER_VARIABLE]: String(number) })
    const ipc = ipcWith(worker)
    const member: Member = { worker, ipc, servesSince: undefined }
    this.#members.set(number, member)
    const giveBack = this.#limits.serve(ipc)
    ipc.onQuestion('start', () => this.#settings.startOf(number))
    ipc.onStatement('serving', ({ url }) => this.#serves(member, url))
    ipc.onStatement('failed', ({ message, code }) => this.#fail(new WorkerFailed(message, code)))
    ipc.onStatement('news', (news) => {
      for (const other of this.#members.values()) if (other !== member) other.ipc.tellIfRead('news', news)
    })
    worker.on('error', (err) => this.#settings.log.error({ err, worker: number }, 'cannot reach a worker'))
    void endOf(worker).then((end) => {
      giveBack()
      this.#ended(number, member, end)
    })
  }

  #serves(member: Member, url: string): void {
    member.servesSince = performance.now()
    const all = [...this.#members.values()]
    if (this.#state !== 'starting' || all.some(({ servesSince }) => servesSince === undefined)) return
    this.#state = 'serving'
    this.#serving(url)
  }

  #ended(number: number, { servesSince }: Member, end: End): void {
    this.#members.delete(number)
    if (this.#state === 'stopping') {
      if (this.#members.size === 0) this.#allEnded()
      return
    }
    if (this.#state === 'starting') {
      const reason = end.signal ?? `exit code ${end.code}`
      this.#fail(new WorkerFailed(`worker ${number} ended before it served (${reason})`, 'KPG_WORKER'))
      return
    }
    const isSteady = servesSince !== undefined && performance.now() - servesSince > STEADY_MS
    const failures = isSteady ? 0 : (this.#failures.get(number) ?? 0)
    this.#failures.set(number, failures + 1)
    const delayMs = Math.min(MAX_DELAY_MS, failures === 0 ? 0 : FIRST_DELAY_MS * 2 ** failures)
    this.#settings.log.error(
      { worker: number, ...end, delayMs },
      'a worker has ended, and its clients are disconnected; another one takes its place',
    )
    const restart = setTimeout(() => {
      this.#restarts.delete(restart)
      this.#fork(number)
    }, delayMs)
    this.#restarts.add(restart)
  }
}

/** Once nothing that it has said is still under way. */
async function endOf(worker: Worker): Promise<End> {
  const exited = new Promise<End>((resolve) => {
    worker.once('exit', (code: number | null, signal: string | null) => resolve({ code, signal }))
  })
  await new Promise((resolve) => worker.once('disconnect', resolve))
  return exited
}
