/** The thread that watches a target: where one input takes too long, it writes that down as a finding and ends the process. */

import { workerData } from 'node:worker_threads'
import { writeFinding } from './finding-files.ts'

interface Watched {
  readonly name: string
  /** How many inputs have begun, and the length of the last. */
  readonly state: SharedArrayBuffer
  readonly bytes: SharedArrayBuffer
  readonly hangingMs: number
}

const { name, state, bytes, hangingMs } = workerData as Watched
const header = new Int32Array(state)
let before = -1

setInterval(() => {
  const begun = Atomics.load(header, 0)
  if (begun === before && begun > 0) {
    const error = new Error(`hangs: not done within ${hangingMs} ms`)
    const file = writeFinding(name, Buffer.from(Buffer.from(bytes, 0, header[1])), error)
    process.stderr.write(`${name} hangs: ${file}\n`)
    process.kill(process.pid, 'SIGKILL')
  }
  before = begun
}, hangingMs)
