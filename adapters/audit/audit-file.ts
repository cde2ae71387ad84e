/** A file to which lines are appended. Each line is written (not fsynced) synchronously, so no signal loses it. */

import { closeSync, existsSync, mkdirSync, openSync, statSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Logger } from '../../plugin/context.ts'

export interface AuditFileSettings {
  readonly path: string
  /** Gets a line when the file cannot be written, and when it can be again. */
  readonly log: Logger
  /** The line in the file that says how many lines before it are missing. */
  readonly gap: (missed: number) => string
}

export class AuditFile {
  readonly #settings: AuditFileSettings
  #file: number
  /** How many lines could not be written since the last one that was. */
  #missed = 0
  /** Whether the file may end with part of a line. */
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
      if (missed > 0) log.info({ missed }, 'audit log writable again; records are missing')
    } catch (error) {
      this.#missed += 1
      if (missed === 0) log.error({ err: error }, 'cannot write the audit log; records are lost')
    }
  }

  /** Opens the path again, after the old file was moved away. If that fails, the old file stays in use. */
  reopen(): void {
    const { path, log } = this.#settings
    try {
      const old = this.#file
      this.#file = open(path)
      this.#isTorn = false
      closeSync(old)
      log.info({}, 'audit log reopened')
    } catch (error) {
      log.error({ err: error }, 'cannot reopen the audit log; still writing to the old file')
    }
  }

  /** Lines written after this are counted as missing. */
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

/**
 * Only the owner of the file may read it.
 * @throws for a pipe: its reader could hold up every client, because lines are written before they get their answers
 */
function open(path: string): number {
  makeFolder(dirname(path))
  const found = statSync(path, { throwIfNoEntry: false })
  if (found?.isFIFO() || found?.isSocket())
    throw new Error('it is a pipe, not a file (audit.to log writes to stderr)')
  return openSync(path, 'a', 0o600)
}

/** With those above it. Node's own `recursive` tries for ever where none can be made, as in /proc. */
function makeFolder(path: string): void {
  if (existsSync(path)) return
  makeFolder(dirname(path))
  try {
    mkdirSync(path)
  } catch (error) {
    // Another process was faster.
    if (!existsSync(path)) throw error
  }
}
