/** A file that lines are added to. Each is with the operating system before anything else happens, so no signal loses it. */

import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Logger } from '../../plugin/context.ts'

export interface AuditFileSettings {
  readonly path: string
  /** Where it is said that the file cannot be written, and that it can be again. */
  readonly log: Logger
  /** The line that tells a reader of the file how many are missing before it. */
  readonly gap: (missed: number) => string
}

export class AuditFile {
  readonly #settings: AuditFileSettings
  #file: number
  /** How many lines could not be written. */
  #missed = 0
  /** Whether the file may end in the middle of a line. */
  #isTorn = false

  /** @throws the error of Node's fs where the file cannot be opened */
  constructor(settings: AuditFileSettings) {
    this.#settings = settings
    this.#file = open(settings.path)
  }

  /** Never throws: a full disk stops nobody from publishing or claiming. */
  write(line: string): void {
    const { log, gap } = this.#settings
    const missed = this.#missed
    try {
      this.#append(missed === 0 ? line : `${gap(missed)}\n${line}`)
      this.#missed = 0
      if (missed > 0) log.info({ missed }, 'the audit log is written again; so many records are missing')
    } catch (error) {
      this.#missed += 1
      if (missed === 0) log.error({ err: error }, 'the audit log cannot be written; records go missing')
    }
  }

  /** Goes on in a new file of the same path: the old one was moved away. Where there can be none, in the old one. */
  reopen(): void {
    const { path, log } = this.#settings
    try {
      const old = this.#file
      this.#file = open(path)
      this.#isTorn = false
      closeSync(old)
      log.info({}, 'the audit log was opened anew')
    } catch (error) {
      log.error({ err: error }, 'the audit log could not be opened anew; it goes on in the old file')
    }
  }

  /** What is written later is counted as missing. */
  close(): void {
    closeSync(this.#file)
    this.#file = -1
  }

  #append(text: string): void {
    const bytes = Buffer.from(`${this.#isTorn ? '\n' : ''}${text}\n`)
    for (let written = 0; written < bytes.length; this.#isTorn = written < bytes.length)
      written += writeSync(this.#file, bytes, written)
  }
}

/** Nobody but its owner may read it. */
function open(path: string): number {
  mkdirSync(dirname(path), { recursive: true })
  return openSync(path, 'a', 0o600)
}
