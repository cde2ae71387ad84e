/** `import`: adds the records or events in a file to a store, and reports what became of each line. */

import type { Command } from 'commander'
import { Refusal } from '../../../plugin/nostr/refusal.ts'
import { newStoreUrl } from '../../../plugin/publish/home.ts'
import { StoreError } from '../../../plugin/store.ts'
import { inBatches } from '../../../plugin/store-records.ts'
import { createVerifier } from '../../node/verify-event.ts'
import { type Input, linesOf, openInput } from '../input.ts'
import { openStore, STORE_SETTINGS, secondsNow, withAuditedStore } from '../open-store.ts'
import { print } from '../output.ts'
import { addSettings, readSettings } from '../settings.ts'
import type { Settings } from '../settings-schema.ts'
import { createProgress, formatTable } from '../terminal.ts'
import { type ImportOutcome, type ImportTarget, importRecord, parseRecord } from './import-line.ts'

interface ImportFlags {
  readonly json?: true
  readonly dryRun?: true
}

const EXIT_REFUSED = 1
const DRY_RUN = 'dry run: all lines were checked; the store was neither opened nor changed'
/** How many lines are processed at once. Checking them takes far less time than a store may take to answer. */
const BATCH = 100
/** How many refused lines are listed in the report. */
const MAX_LISTED = 20

const meanings: Readonly<Record<ImportOutcome | 'invalid', string>> = {
  stored: 'key packages added to the stock',
  replaced: 'key packages added, each replacing an older one in its slot',
  duplicate: 'already in the store',
  spent: 'already used, so not added again',
  stale: 'older than what is in the store',
  deleted: 'deleted by their authors, so not added',
  expired: 'valid when published, but expired now',
  relayList: 'relay lists added',
  remembered: 'records of used or deleted key packages, now recorded here',
  access: 'who is banned or allowed',
  information: 'what the relay says about itself',
  ignored: 'events of other kinds',
  full: 'refused: the author already has stock.max key packages',
  invalid: 'refused',
}

/** What became of a line. */
type LineResult = ImportOutcome | Refusal | 'empty'

/** The target of a dry run: it accepts everything and keeps nothing. */
const discard: ImportTarget['store'] = {
  put: async () => 'stored',
  remember: async () => {},
  drop: async () => ({ outcome: 'deleted', count: 0 }),
  putRelayList: async () => 'stored',
  getRelayLists: async () => [],
  dropRelayLists: async () => {},
  dropFollowLists: async () => {},
  putAccessRule: async () => {},
  putInformation: async () => {},
}

export function defineImport(command: Command): Command {
  command
    .argument('<file>', 'JSON lines, each a record printed by `export` or an event; - reads standard input')
    .option('--dry-run', 'check every line without opening the store')
    .option('--json', 'print one JSON object')
  addSettings(command, [
    ...STORE_SETTINGS,
    'profile',
    'kinds',
    'publicUrl',
    'validation',
    'stock',
    'audit',
    'metrics',
  ])
  return command.action(async (file: string, { json, dryRun }: ImportFlags) => {
    const settings = readSettings(command, process.env)
    const input = await openInput(file)
    const report = dryRun ? await checkOnly(input, settings) : await importInto(input, settings)
    if (dryRun && !json) print(DRY_RUN)
    print(json ? JSON.stringify(report) : report.toString())
    if (report.hasRefusals) process.exitCode = EXIT_REFUSED
  })
}

async function importInto(input: Input, settings: Settings): Promise<ImportReport> {
  const rules = await rulesOf(settings)
  return withAuditedStore(settings, openStore, async (store, audit) => {
    const storeUrl = await store.keepUrl(newStoreUrl(settings.publicUrl))
    return importLines(input, { ...rules, store, storeUrl, audit })
  })
}

async function checkOnly(input: Input, settings: Settings): Promise<ImportReport> {
  return importLines(input, { ...(await rulesOf(settings)), store: discard, storeUrl: '', audit: () => {} })
}

async function rulesOf({
  kinds,
  validation,
  stock,
  publicUrl,
}: Settings): Promise<Omit<ImportTarget, 'store' | 'storeUrl' | 'audit'>> {
  return {
    kinds,
    validation,
    stock,
    ...(publicUrl !== undefined && { publicUrl }),
    verifyEvent: await createVerifier(),
  }
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
      `${error.message}\nstopped after line ${count}; run the import again: stored lines count as duplicate`,
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
    return await importRecord(target, parseRecord(line), secondsNow())
  } catch (error) {
    if (error instanceof Refusal) return error
    throw error
  }
}

/** Counts lines by outcome, and lists the first ones that were refused. */
class ImportReport {
  readonly #counts = new Map<keyof typeof meanings, number>()
  readonly #refused: { readonly line: number; readonly reason: string }[] = []

  /** @param line its number; lines are added in order */
  add(line: number, result: LineResult): void {
    if (result instanceof Refusal) this.#refuse(line, result)
    else if (result !== 'empty') this.#count(result)
  }

  get hasRefusals(): boolean {
    return this.#counts.has('invalid') || this.#counts.has('full')
  }

  toJSON(): object {
    return { ...Object.fromEntries(this.#counts), refused: this.#refused }
  }

  toString(): string {
    const outcomes = Object.entries(meanings) as [keyof typeof meanings, string][]
    const rows = outcomes.flatMap(([outcome, meaning]) => {
      const count = this.#counts.get(outcome)
      return count === undefined ? [] : [[outcome, String(count), meaning]]
    })
    const more = (this.#counts.get('invalid') ?? 0) - this.#refused.length
    return formatTable([
      ...(rows.length === 0 ? [['nothing to import']] : rows),
      ...this.#refused.map(({ line, reason }) => [`line ${line}: ${reason}`]),
      ...(more > 0 ? [[`and ${more} more`]] : []),
    ])
  }

  #refuse(line: number, { reason }: Refusal): void {
    this.#count('invalid')
    if (this.#refused.length < MAX_LISTED) this.#refused.push({ line, reason })
  }

  #count(outcome: keyof typeof meanings): void {
    this.#counts.set(outcome, (this.#counts.get(outcome) ?? 0) + 1)
  }
}
