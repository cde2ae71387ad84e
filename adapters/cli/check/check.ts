/** `check`: looks at everything a server needs, says in plain words what is wrong, and changes nothing. */

import type { Command } from 'commander'
import { SettingsError } from '../../../plugin/settings.ts'
import { print } from '../output.ts'
import { addSettings, readSettings } from '../settings.ts'
import type { Settings } from '../settings-schema.ts'
import { checkCombinations, remarksOn } from '../startup.ts'
import { coloured, type Mood, signOf, widthOf } from '../style.ts'
import { wrap } from '../terminal.ts'
import { readVersion } from '../version.ts'
import { counted, type Finding } from './finding.ts'
import { checkClock, checkFiles, checkPorts, checkWorkers, type OtherClock } from './machine-check.ts'
import { checkPublicUrl, checkRelay } from './relay-check.ts'
import { checkStore } from './store-check.ts'

const EXIT_FAILED = 1

const moods: Readonly<Record<Finding['outcome'], Mood>> = {
  ok: 'good',
  warning: 'warning',
  failed: 'bad',
  skipped: 'quiet',
}

export function defineCheck(command: Command): Command {
  command.option('--json', 'print one JSON object')
  addSettings(command)
  return command.action(async ({ json }: { json?: true }) => {
    const findings = await findAll(() => readSettings(command, process.env))
    const hasFailed = findings.some(({ outcome }) => outcome === 'failed')
    if (json) print(JSON.stringify({ ok: !hasFailed, findings }))
    else printFindings(findings)
    if (hasFailed) process.exitCode = EXIT_FAILED
  })
}

/** Without settings, nothing else can be looked at. */
async function findAll(read: () => Settings): Promise<Finding[]> {
  try {
    const settings = read()
    checkCombinations(settings)
    return [...settingsFindings(settings), ...(await findWith(settings))]
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error
    return error.problems.map((text) => ({ topic: 'settings', outcome: 'failed', text }))
  }
}

function settingsFindings(settings: Settings): Finding[] {
  const text = `keypackage-gateway ${readVersion()}, Node.js ${process.versions.node}, profile ${settings.profile}`
  const remarks = remarksOn(settings).map(
    (text): Finding => ({ topic: 'settings', outcome: 'warning', text }),
  )
  return [{ topic: 'settings', outcome: 'ok', text }, ...remarks]
}

async function findWith(settings: Settings): Promise<Finding[]> {
  const [store, relay, address, ports, files] = await Promise.all([
    checkStore(settings),
    checkRelay(settings),
    checkPublicUrl(settings),
    checkPorts(settings),
    checkFiles(settings),
  ])
  const clocks: OtherClock[] = [
    ...(store.aheadMs === undefined ? [] : [{ whose: "the store's", aheadMs: store.aheadMs }]),
    ...(relay.aheadMs === undefined ? [] : [{ whose: "the relay's", aheadMs: relay.aheadMs }]),
  ]
  const clock = checkClock(clocks, Date.now())
  return [
    ...store.findings,
    ...relay.findings,
    ...address,
    ...clock,
    ...ports,
    ...files,
    ...checkWorkers(settings),
  ]
}

function printFindings(findings: readonly Finding[]): void {
  const topicWidth = Math.max(...findings.map(({ topic }) => topic.length))
  const signWidth = process.stdout.isTTY ? 1 : 'skipped'.length
  const indent = signWidth + topicWidth + 4
  for (const { topic, outcome, text, advice } of findings) {
    const lines = text.split('\n').flatMap((line) => wrap(line, widthOf() - indent))
    const more = advice === undefined ? [] : wrap(`-> ${advice}`, widthOf() - indent)
    const [first = '', ...others] = [...lines, ...more]
    print(`${signOf(moods[outcome])}  ${topic.padEnd(topicWidth)}  ${first}`)
    for (const line of others) print(`${' '.repeat(indent)}${line}`)
  }
  print('')
  print(summaryOf(findings))
}

function summaryOf(findings: readonly Finding[]): string {
  const count = (wanted: Finding['outcome']) => findings.filter(({ outcome }) => outcome === wanted).length
  const [failed, warnings] = [count('failed'), count('warning')]
  if (failed > 0) return coloured(`${counted(failed, 'thing')} to mend`, 'bad')
  if (warnings > 0) return coloured(`ready to serve; ${counted(warnings, 'thing')} to know`, 'warning')
  return coloured('ready to serve', 'good')
}
