/** The worker processes of a server: starts them, starts others in place of those that end, and stops them all. */

import cluster, { type Worker } from 'node:cluster'
import type { Logger } from 'pino'
import { Ledgers } from './ledgers.ts'
import { type Line, lineTo } from './line.ts'
import type { Questions, WorkerStart } from './topics.ts'

/** Tells a process that it is a worker of this server, and not of another program's cluster. */
export const WORKER_VARIABLE = 'KEYPACKAGE_GATEWAY_WORKER'

/** A worker that has served so long ended for a new reason. */
const STEADY_MS = 60_000
const FIRST_DELAY_MS = 250
const MAX_DELAY_MS = 30_000
/** How much longer than its clients may take a worker has to stop; then it is killed. */
const STOP_MS = 10_000
/** Who does not answer by then is not ready. */
const PATIENCE_MS = 2_500

export interface CrewSettings {
  readonly size: number
  readonly log: Logger
  readonly startOf: (number: number) => WorkerStart
  readonly drainSeconds: number
}

interface Member {
  readonly worker: Worker
  readonly line: Line
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

export class Crew {
  readonly #settings: CrewSettings
  readonly #ledgers = new Ledgers()
  readonly #members = new Map<number, Member>()
  readonly #restarts = new Set<NodeJS.Timeout>()
  /** How often each place was taken by a worker that ended soon. */
  readonly #failures = new Map<number, number>()
  #state: 'starting' | 'serving' | 'stopping' = 'starting'
  #serving: (url: string) => void = () => {}
  #empty: () => void = () => {}
  #fail: (error: Error) => void = () => {}
  /** Rejects when a worker cannot serve as it is configured. Never resolves. */
  readonly failed: Promise<never>

  constructor(settings: CrewSettings) {
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
  ask<Topic extends 'readiness'>(topic: Topic): Promise<(Questions[Topic]['answer'] | undefined)[]> {
    const serving = [...this.#members.values()].filter(({ servesSince }) => servesSince !== undefined)
    return Promise.all(serving.map(({ line }) => line.askWithin(PATIENCE_MS, topic, null)))
  }

  hangUp(): void {
    for (const { line } of this.#members.values()) void line.tell('hang up', null)
  }

  /** Resolves when all have ended. */
  async stop(): Promise<void> {
    this.#state = 'stopping'
    for (const restart of this.#restarts) clearTimeout(restart)
    if (this.#members.size === 0) return
    const empty = new Promise<void>((resolve) => {
      this.#empty = resolve
    })
    for (const { line } of this.#members.values()) void line.tell('stop', null)
    const deadline = setTimeout(
      () => {
        for (const { worker } of this.#members.values()) worker.process.kill('SIGKILL')
      },
      this.#settings.drainSeconds * 1000 + STOP_MS,
    )
    await empty
    clearTimeout(deadline)
  }

  #fork(number: number): void {
    const worker = cluster.fork({ [WORKER_VARIABLE]: String(number) })
    const line = lineTo(worker)
    const member: Member = { worker, line, servesSince: undefined }
    this.#members.set(number, member)
    const giveBack = this.#ledgers.serve(line)
    line.onQuestion('start', () => this.#settings.startOf(number))
    line.onStatement('serving', ({ url }) => this.#serves(member, url))
    line.onStatement('failed', ({ message, code }) => this.#fail(new WorkerFailed(message, code)))
    line.onStatement('news', (news) => {
      for (const other of this.#members.values()) if (other !== member) other.line.tellIfRead('news', news)
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
      if (this.#members.size === 0) this.#empty()
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
