/** `export`: everything in a store as JSON lines on standard output, read piece by piece. */

import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import type { Command } from 'commander'
import type { MovableStore } from '../../../plugin/store.ts'
import { recordsIn } from '../../../plugin/store-records.ts'
import { STORE_SETTINGS, secondsNow, withStore } from '../open-store.ts'
import { addSettings, readSettings } from '../settings.ts'
import { createProgress } from '../terminal.ts'

export function defineExport(command: Command): Command {
  command.option('--gzip', 'compress the lines')
  addSettings(command, STORE_SETTINGS)
  return command.action(({ gzip }: { gzip?: true }) =>
    withStore(readSettings(command, process.env), (store) => write(linesFrom(store), gzip)),
  )
}

async function write(lines: AsyncIterable<string>, gzip: true | undefined): Promise<void> {
  const source = Readable.from(lines)
  if (gzip) await pipeline(source, createGzip(), process.stdout, { end: false })
  else await pipeline(source, process.stdout, { end: false })
}

async function* linesFrom(store: MovableStore): AsyncGenerator<string> {
  const progress = createProgress(process.stderr, 'records')
  const packages = process.stderr.isTTY ? (await store.stats()).packages : undefined
  let records = 0
  let events = 0
  try {
    for await (const record of recordsIn(store, secondsNow())) {
      yield `${JSON.stringify(record)}\n`
      records += 1
      events += Number('event' in record)
      progress.show(records, packages && events / packages)
    }
  } finally {
    progress.end()
  }
}
