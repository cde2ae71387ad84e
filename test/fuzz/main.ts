/**
 * `npm run fuzz [-- --target NAME,...] [-- --minutes N] [-- --seed N]`: explores each target in a process of its own, and prints
 * what it reached and found. `-- --target NAME --replay FILE` runs one input again.
 */

import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { startProcess } from '../support/processes.ts'
import type { TargetReport } from './run-target.ts'
import { openTarget, TARGET_NAMES } from './targets.ts'

const { values } = parseArgs({
  options: {
    target: { type: 'string', default: TARGET_NAMES.join(',') },
    // For all of them together.
    minutes: { type: 'string', default: '6' },
    seed: { type: 'string', default: `${Date.now() % 2 ** 31}` },
    replay: { type: 'string' },
  },
})
const names = values.target.split(',')

if (values.replay === undefined) await exploreAll(Number(values.minutes), values.seed)
else await replay(names[0] ?? '', values.replay)
process.exit()

async function replay(name: string, file: string): Promise<void> {
  const target = await openTarget(name)
  await target.run(readFileSync(file))
  console.log(`${name}: nothing is broken`)
}

async function exploreAll(minutes: number, seed: string): Promise<void> {
  const seconds = (minutes * 60) / names.length
  console.log(`${names.length} targets, ${Math.round(seconds)} s each, seed ${seed}`)
  for (const name of names) {
    const report = await exploreOne(name, seconds, seed)
    if (report === undefined || report.findings.length > 0) process.exitCode = 1
  }
  console.log(process.exitCode === 1 ? 'there are findings' : 'no findings')
}

/** Undefined where the process did not live to report. */
async function exploreOne(name: string, seconds: number, seed: string): Promise<TargetReport | undefined> {
  const here = (file: string) => fileURLToPath(new URL(file, import.meta.url))
  const args = ['--disable-warning=ExperimentalWarning', '--import', here('instrument.js')]
  const child = startProcess(process.execPath, [...args, here('run-target.js'), name, `${seconds}`, seed], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [printed] = await Promise.all([text(child.stdout), once(child, 'exit')])
  if (printed === '') {
    console.log(`${name}: the process ended with ${child.signalCode ?? child.exitCode}`)
    return undefined
  }
  const report = JSON.parse(printed) as TargetReport
  const { executions, corpus, branches, findings } = report
  const perSecond = Math.round(executions / seconds)
  console.log(
    `${name.padEnd(20)} ${executions} executions (${perSecond}/s), branches ${branches.seeds} by seeds, ` +
      `${branches.taken} now, of ${branches.all}; corpus ${corpus}`,
  )
  for (const { summary, file } of findings)
    console.log(`  ${summary}\n    npm run fuzz -- --target ${name} --replay ${file}`)
  return report
}
