/** Standard output, where results go, and what becomes of a command that cannot write there. */

import { reasonOf } from './plain-words.ts'

/** What a shell reports for a program that SIGPIPE has ended, as it ends `cat` and `git`. */
const READER_GONE = 141
const CANNOT_WRITE = 1

/** Why nothing more can be written; undefined while it can be. */
let fault: NodeJS.ErrnoException | undefined

/**
 * A reader that has seen enough (`export | head`) ends a command quietly; anything else, such as a full disk, is reported.
 * A command that changes a store goes on to its end, and its own exit code counts for more.
 */
export function watchOutput(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (fault !== undefined) return
    fault = error
    process.exitCode ||= isReaderGone(error) ? READER_GONE : CANNOT_WRITE
    if (!isReaderGone(error)) process.stderr.write(`error: cannot write the result: ${reasonOf(error)}\n`)
  })
  // There is nowhere to say that nothing can be said.
  process.stderr.on('error', () => {})
}

/** What a terminal acts on besides the escapes that JSON has anyway: 8-bit control sequences, and turning the text around. */
const ACTED_ON = /[\u0080-\u009f\p{Bidi_Control}]/gu

/**
 * Writes a line of the result. In JSON, what others wrote stays the same text: it is escaped.
 * @throws the error of an earlier line that could not be written, which has been dealt with
 */
export function print(line: string): void {
  if (fault !== undefined) throw fault
  process.stdout.write(`${line.replace(ACTED_ON, escaped)}\n`)
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}

/** Whether an error is one of standard output, which has been dealt with. */
export function isOutputFault(error: unknown): boolean {
  return error !== undefined && error === fault
}

function isReaderGone({ code }: NodeJS.ErrnoException): boolean {
  return code === 'EPIPE' || code === 'ECONNRESET' || code === 'ERR_STREAM_PREMATURE_CLOSE'
}
