/** `import`: adds the records or events in a file to a store, and reports what became of each line. */

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import { newStoreUrl } from '../../../plugin/publish/home.ts'
import { type MovableStore, StoreError } from '../../../plugin/store.ts'
import { type Input, InputError, linesOf, openInput } from '../input.ts'
import { openStore, STORE_SETTINGS, secondsNow, withAuditedStore, withStore } from '../open-store.ts'
import { print } from '../output.ts'
import { addSettings, readSettings } from '../settings.ts'
import type { Settings } from '../settings-schema.ts'
import { createProgress } from '../terminal.ts'
import type { CheckedLine } from './check-line.ts'
import { CheckThreads } from './check-threads.ts'
import { ImportReport } from './import-report.ts'
import { rehearsalStore } from './rehearsal.ts'
import { type ImportTarget, storeLine } from './store-line.ts'
import { TakenFile } from './taken.ts'

interface ImportFlags {
  readonly json?: true
  readonly dryRun?: true
  readonly taken?: string
}

const EXIT_REFUSED = 1
const DRY_RUN = 'dry run: this is what would become of the lines; nothing was changed'
const LMDB = 'lmdb:'
/** Lines that are checked and stored together. */
const MAX_BATCH_LINES = 200
const MAX_BATCH_CHARACTERS = 1_000_000

export function defineImport(command: Command): Command {
  command
    .argument(
      '<file>',
      'JSON lines, each a record printed by `export` or an event; plain or compressed with gzip; - reads standard input',
    )
    .option('--dry-run', 'say what would become of each line, and change nothing')
    .addOption(
      command
        .createOption(
          '--taken <file>',
          'write the ids of the key packages that are in the store then, one per line',
        )
        .conflicts('dryRun'),
    )
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
  return command.action(async (file: string, flags: ImportFlags) => {
    const settings = readSettings(command, process.env)
    const input = await openInput(file)
    const report = flags.dryRun ? await rehearse(input, settings) : await importInto(input, settings, flags)
    if (flags.dryRun && !flags.json) print(DRY_RUN)
    print(flags.json ? JSON.stringify(report) : report.toString())
    if (report.hasRefusals) process.exitCode = EXIT_REFUSED
  })
}

async function importInto(input: Input, settings: Settings, { taken }: ImportFlags): Promise<ImportReport> {
  const file = taken === undefined ? undefined : await TakenFile.open(taken)
  try {
    return await withAuditedStore(settings, openStore, async (store, audit) => {
      const storeUrl = await store.keepUrl(newStoreUrl(settings.publicUrl))
      return new Import(settings, storeUrl, { ...targetOf(settings), store, audit }, file).run(input)
    })
  } finally {
    await file?.close()
  }
}

/** As into the store, which is only read; into an empty one where there is none yet. */
async function rehearse(input: Input, settings: Settings): Promise<ImportReport> {
  const { store: address } = settings
  const path = address.startsWith(LMDB) ? address.slice(LMDB.length) : undefined
  const isMissing = address === 'memory:' || (path !== undefined && !existsSync(join(path, 'data.mdb')))
  if (isMissing) return rehearseOn(undefined, input, settings)
  return withStore(settings, (store) => rehearseOn(store, input, settings))
}

function rehearseOn(real: MovableStore | undefined, input: Input, settings: Settings): Promise<ImportReport> {
  const store = rehearsalStore(real, { ...settings, storeUrl: '' })
  return new Import(settings, '', { ...targetOf(settings), store, audit: () => {} }).run(input)
}

function targetOf({ kinds, stock, publicUrl }: Settings): Omit<ImportTarget, 'store' | 'audit'> {
  return { kinds, stock, ...(publicUrl !== undefined && { publicUrl }) }
}

/** Lines are checked ahead, in threads, and stored batch by batch in their order. */
class Import {
  readonly #target: ImportTarget
  readonly #checks: CheckThreads
  readonly #taken: TakenFile | undefined
  readonly #report = new ImportReport()
  readonly #progress = createProgress(process.stderr, 'lines')
  #count = 0

  constructor(
    { kinds, validation, stock }: Settings,
    storeUrl: string,
    target: ImportTarget,
    taken?: TakenFile,
  ) {
    this.#target = target
    this.#checks = new CheckThreads({ rules: { kinds, validation, stock, storeUrl } })
    this.#taken = taken
  }

  /** @throws StoreError, InputError saying after which line it stopped */
  async run(input: Input): Promise<ImportReport> {
    const ahead: Promise<readonly CheckedLine[]>[] = []
    try {
      for await (const lines of batchesOf(linesOf(input.text))) {
        ahead.push(settledLater(this.#checks.check(lines)))
        if (ahead.length > this.#checks.lanes) await this.#store(ahead.shift(), input)
      }
      while (ahead.length > 0) await this.#store(ahead.shift(), input)
      return this.#report
    } catch (error) {
      // What was read before the fault is good.
      if (error instanceof InputError) while (ahead.length > 0) await this.#store(ahead.shift(), input)
      throw this.#stoppedBy(error)
    } finally {
      this.#progress.end()
      await this.#checks.close()
    }
  }

  async #store(checking: Promise<readonly CheckedLine[]> | undefined, input: Input): Promise<void> {
    const checked = (await checking) ?? []
    const now = secondsNow()
    const results = await Promise.all(checked.map((line) => storeLine(this.#target, line, now)))
    this.#taken?.add(results)
    for (const result of results) this.#report.add(++this.#count, result)
    this.#progress.show(this.#count, input.fractionRead())
  }

  #stoppedBy(error: unknown): unknown {
    if (error instanceof InputError)
      return new InputError(
        `${error.message}\nstopped after line ${this.#count}; the lines before are imported`,
      )
    if (!(error instanceof StoreError)) return error
    return new StoreError(
      `${error.message}\nstopped after line ${this.#count}; run the import again: stored lines count as duplicate`,
    )
  }
}

/** It is awaited later, and no rejection goes unhandled until then. */
function settledLater<Value>(promise: Promise<Value>): Promise<Value> {
  promise.catch(() => {})
  return promise
}

/** Lines may be long, so both their number and their length are limited. */
async function* batchesOf(lines: AsyncIterable<string>): AsyncGenerator<string[]> {
  let batch: string[] = []
  let characters = 0
  for await (const line of lines) {
    batch.push(line)
    characters += line.length
    if (batch.length < MAX_BATCH_LINES && characters < MAX_BATCH_CHARACTERS) continue
    yield batch
    batch = []
    characters = 0
  }
  if (batch.length > 0) yield batch
}
