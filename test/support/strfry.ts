/** Asks a write-policy plugin as strfry does: through /bin/sh and a pipe, one event at a time (its PluginEventSifter.h). */

import type { ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import type { Readable, Writable } from 'node:stream'
import { MAIN } from './cli.ts'
import { noteLogged } from './every-log.ts'
import { startProcess } from './processes.ts'

const MAX_LINE_BYTES = 8192
const TIMEOUT_MS = 10_000

export interface QuestionSettings {
  readonly sourceType?: 'IP4' | 'IP6' | 'Import' | 'Stream' | 'Sync' | 'Stored' | '?'
  /** Whom strfry has the event from; an address of its own for clients, and for relays, by default. */
  readonly sourceInfo?: string
  readonly authed?: string
}

/** The line that asks about an event. */
export function questionAbout(
  event: unknown,
  {
    sourceType = 'IP4',
    sourceInfo = sourceType.startsWith('IP') ? '192.0.2.1' : 'wss://other.example.com',
    authed,
  }: QuestionSettings = {},
): string {
  const request = { type: 'new', event, receivedAt: 1_700_000_000, sourceType, sourceInfo }
  return `${JSON.stringify(authed === undefined ? request : { ...request, authed })}\n`
}

/** What strfry reads in an answer. */
export interface StrfryAnswer {
  readonly id: string
  readonly action: string
  readonly msg?: string
}

/** The plugin as it was built, as a shell command. */
export function pluginCommand(...args: readonly string[]): string {
  return [process.execPath, MAIN, 'strfry', ...args].map((word) => `'${word}'`).join(' ')
}

export class Plugin {
  readonly #process: ChildProcessByStdio<Writable, Readable, Readable>
  /** Everything it wrote on stdout. */
  stdout = ''
  stderr = ''
  #read = 0
  #wake = () => {}
  /** Resolves with its exit code; a shell that is killed has none. */
  readonly ended: Promise<number | null>

  constructor(command: string, env: Readonly<Record<string, string>> = {}) {
    this.#process = startProcess('/bin/sh', ['-c', command], { env: { ...process.env, ...env } })
    this.#process.stdin.on('error', () => {})
    this.#process.stdout.setEncoding('utf8').on('data', (text) => {
      this.stdout += text
      this.#wake()
    })
    this.#process.stderr.setEncoding('utf8').on('data', (text) => {
      this.stderr += text
    })
    this.ended = once(this.#process, 'close').then(([code]) => {
      noteLogged(this.stderr)
      this.#wake()
      return code
    })
  }

  /** Asks about one event; rejects if strfry would give up. */
  ask(event: unknown, settings?: QuestionSettings): Promise<StrfryAnswer> {
    this.write(questionAbout(event, settings))
    return this.answer()
  }

  write(text: string): void {
    this.#process.stdin.write(text)
  }

  async answer(): Promise<StrfryAnswer> {
    const deadline = performance.now() + TIMEOUT_MS
    for (;;) {
      const end = this.stdout.indexOf('\n', this.#read)
      if (end >= 0) return this.#take(end)
      if (this.#process.exitCode !== null) throw new Error(`it has ended: ${this.stderr}`)
      await this.#more(deadline - performance.now())
    }
  }

  /** Resolves with its exit code once it has ended by itself. */
  async end(how: 'EOF' | 'SIGTERM' = 'EOF'): Promise<number | null> {
    if (how === 'EOF') this.#process.stdin.end()
    else this.#process.kill(how)
    return this.ended
  }

  kill(signal: NodeJS.Signals = 'SIGKILL'): void {
    this.#process.kill(signal)
  }

  #take(end: number): StrfryAnswer {
    const line = this.stdout.slice(this.#read, end)
    this.#read = end + 1
    if (Buffer.byteLength(line) > MAX_LINE_BYTES) throw new Error(`a line of ${line.length} characters`)
    return JSON.parse(line) as StrfryAnswer
  }

  #more(withinMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no answer in time: ${this.stderr}`)), withinMs)
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}
