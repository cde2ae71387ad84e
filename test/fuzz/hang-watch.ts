/** The thread that watches a target: where one input takes too long, it writes that down as a finding and ends the process. */

import { workerData } from 'node:worker_threads'
import { writeFinding } from './finding-files.ts'

interface Watched {
  readonly name: string
  /** How many inputs have begun, and the length of the last. */
  readonly state: SharedArrayBuffer
  readonly bytes: SharedArrayBuffer
}

/** One input takes milliseconds. On a busy machine the process may get none for a while, so its own time counts. */
const HANGING_CPU_MS = 5000
/** What waits without end uses no time. */
const WAITING_MS = 120_000
const STEP_MS = 2000

const { name, state, bytes } = workerData as Watched
const header = new Int32Array(state)
let last = { begun: 0, at: performance.now(), cpuMs: cpuMs() }

setInterval(() => {
  const begun = Atomics.load(header, 0)
  if (begun !== last.begun) {
    last = { begun, at: performance.now(), cpuMs: cpuMs() }
    return
  }
  const isHanging = cpuMs() - last.cpuMs > HANGING_CPU_MS || performance.now() - last.at > WAITING_MS
  if (begun === 0 || !isHanging) return
  const file = writeFinding(name, Buffer.from(Buffer.from(bytes, 0, header[1])), new Error('hangs'))
  process.stderr.write(`${name} hangs: ${file}\n`)
  process.kill(process.pid, 'SIGKILL')
}, STEP_MS)

/** Of the whole process. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}
