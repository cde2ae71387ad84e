/** The process of one target (`node --import .../instrument.js run-target.js NAME SECONDS SEED`): explores it, and prints what came of it. */

import { Worker } from 'node:worker_threads'
import { seededRandom } from '../support/random.ts'
import { branches, feedback } from './coverage.ts'
import { explore, type Finding, shrunk, summaryOf } from './exploration.ts'
import { writeFinding } from './finding-files.ts'
import { openTarget } from './targets.ts'

const MAX_INPUT = 1 << 20

/** What the process prints: one line of JSON. */
export interface TargetReport {
  readonly executions: number
  readonly corpus: number
  /** Branches of the gateway's code: taken by the seeds, taken in the end, and in all modules that the target loads. */
  readonly branches: { readonly seeds: number; readonly taken: number; readonly all: number }
  readonly findings: readonly { readonly summary: string; readonly file: string }[]
}

const [name = '', seconds = '', seed = ''] = process.argv.slice(2)
const target = await openTarget(name)
const watched = watch()
const end = performance.now() + Number(seconds) * 1000
let reachedBySeeds = 0
const { executions, corpus, findings } = await explore(target, {
  random: seededRandom(Number(seed)),
  feedback,
  goesOn: (count) => {
    if (count === target.seeds.length) reachedBySeeds = branches().taken
    return performance.now() < end
  },
  onInput: watched.begin,
})
await watched.stop()
const report: TargetReport = {
  executions,
  corpus,
  branches: { seeds: reachedBySeeds, ...branches() },
  findings: await Promise.all(findings.map(written)),
}
await target.close?.()
process.stdout.write(`${JSON.stringify(report)}\n`)
process.exit(0)

async function written(finding: Finding) {
  const file = writeFinding(name, await shrunk(target, finding), finding.error)
  return { summary: summaryOf(finding.error), file }
}

/** Watches the main thread from another: an input that is not done in time is written down, and the process ends. */
function watch(): { readonly begin: (input: Buffer) => void; readonly stop: () => Promise<unknown> } {
  const state = new SharedArrayBuffer(8)
  const bytes = new SharedArrayBuffer(MAX_INPUT)
  const [header, shared] = [new Int32Array(state), Buffer.from(bytes)]
  const worker = new Worker(new URL('./hang-watch.js', import.meta.url), {
    workerData: { name, state, bytes },
    execArgv: [],
  })
  worker.unref()
  return {
    begin: (input) => {
      header[1] = input.copy(shared)
      Atomics.add(header, 0, 1)
    },
    stop: () => worker.terminate(),
  }
}
