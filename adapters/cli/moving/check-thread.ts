/** A thread that checks lines of an import. */

import { parentPort, workerData } from 'node:worker_threads'
import { createVerifier } from '../../node/verify-event.ts'
import { type CheckedLine, type CheckRules, checkLine } from './check-line.ts'

/** Lines to check, with the number by which the answer is known. */
export interface Lines {
  readonly number: number
  readonly lines: readonly string[]
}

export interface CheckedLines {
  readonly number: number
  readonly checked: readonly CheckedLine[]
}

const port = parentPort
if (port === null) throw new Error('this file is the program of a worker thread')
const rules = workerData as CheckRules
const verify = await createVerifier()
port.on('message', ({ number, lines }: Lines) => {
  const now = Math.floor(Date.now() / 1000)
  const checked = lines.map((line) => checkLine(line, rules, verify, now))
  port.postMessage({ number, checked } satisfies CheckedLines)
})
