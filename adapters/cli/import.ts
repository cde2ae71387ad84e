/** `import`: takes the lines of a file into a store, and says what became of them. */

import { Command } from 'commander'
import { inBatches } from '../../plugin/batches.ts'
import { Refusal } from '../../plugin/nostr/refusal.ts'
import { StoreError } from '../../plugin/store-error.ts'
import { addSettings, readSettings } from './flags.ts'
import { ImportReport, type LineResult } from './import-report.ts'
import { type ImportTarget, importRecord } from './importing.ts'
import { type Input, openInput } from './input.ts'
import { linesOf } from './lines.ts'
import { createProgress } from './progress.ts'
import { readRecord } from './record-line.ts'
import type { Settings } from './settings-schema.ts'
import { openStore } from './store-url.ts'
import { createVerifier } from './verify-event.ts'
import { STORE_SETTINGS, secondsNow, withAuditedStore } from './with-store.ts'

interface ImportFlags {
  readonly json?: true
  readonly dryRun?: true
}

const REFUSED = 1
const DRY_RUN = 'dry run: every line was checked, nothing was written, and no store was asked'
/** How many lines are under way at once. Checking so many takes far less time than a store is given to answer. */
const BATCH = 100

/** Where the lines of a dry run end. */
const nowhere: ImportTarget['store'] = {
  put: async () => 'stored',
  spend: async () => {},
  putRelayList: async () => 'stored',
  dropRelayList: async () => {},
}

export function importCommand(): Command {
  const command = new Command('import')
    .argument('<file>', 'lines of JSON, each a record of `export` or an event; - reads standard input')
    .option('--dry-run', 'check every line, and neither open nor change the store')
    .option('--json', 'print one JSON object')
  addSettings(command, [...STORE_SETTINGS, 'profile', 'kinds', 'validation', 'stock', 'audit'])
  return command.action(async (file: string, { json, dryRun }: ImportFlags) => {
    const settings = readSettings(command, process.env)
    const input = await openInput(file)
    const report = dryRun ? await tryOut(input, settings) : await takeIn(input, settings)
    if (dryRun && !json) process.stdout.write(`${DRY_RUN}\n`)
    process.stdout.write(`${json ? JSON.stringify(report) : report}\n`)
    if (report.hasRefusals) process.exitCode = REFUSED
  })
}

async function takeIn(input: Input, settings: Settings): Promise<ImportReport> {
  const rules = await rulesOf(settings)
  return withAuditedStore(settings, openStore, (store, audit) =>
    importLines(input, { ...rules, store, audit }),
  )
}

async function tryOut(input: Input, settings: Settings): Promise<ImportReport> {
  return importLines(input, { ...(await rulesOf(settings)), store: nowhere, audit: () => {} })
}

async function rulesOf({
  kinds,
  validation,
  stock,
}: Settings): Promise<Omit<ImportTarget, 'store' | 'audit'>> {
  return { kinds, validation, stock, verifyEvent: await createVerifier() }
}

async function importLines(input: Input, target: ImportTarget): Promise<ImportReport> {
  const report = new ImportReport()
  const progress = createProgress(process.stderr, 'lines')
  let count = 0
  try {
    for await (const lines of inBatches(linesOf(input.text), BATCH)) {
      const results = await Promise.all(lines.map((line) => importLine(target, line)))
      for (const result of results) report.add(++count, result)
      progress.show(count, input.fractionRead())
    }
  } catch (error) {
    if (!(error instanceof StoreError)) throw error
    throw new StoreError(
      `${error.message}\nafter line ${count}; import again, what is stored counts as duplicate`,
    )
  } finally {
    progress.end()
  }
  return report
}

/** @throws StoreError */
async function importLine(target: ImportTarget, line: string): Promise<LineResult> {
  if (line.trim() === '') return 'empty'
  try {
    return await importRecord(target, readRecord(line), secondsNow())
  } catch (error) {
    if (error instanceof Refusal) return error
    throw error
  }
}
