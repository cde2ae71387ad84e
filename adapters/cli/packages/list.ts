/** `list`: the authors in a store, those who run low, or the key packages of one. Never their content (I4). */

import type { Command } from 'commander'
import type { OwnPackage } from '../../../plugin/lifecycle/own-stock.ts'
import type { LowAuthor } from '../../../plugin/lifecycle/stock-survey.ts'
import type { Pubkey } from '../../../plugin/nostr/messages.ts'
import { isFresh, sizeOf } from '../../../plugin/stock/selection.ts'
import type { MovableStore } from '../../../plugin/store.ts'
import { inBatches } from '../../../plugin/store-records.ts'
import { LOW_SETTINGS, STORE_SETTINGS, secondsNow, withStore } from '../open-store.ts'
import { print } from '../output.ts'
import { addSettings, readSettings } from '../settings.ts'
import type { Settings } from '../settings-schema.ts'
import { coloured } from '../style.ts'
import { formatTable } from '../terminal.ts'
import { AUTHOR, gatewayOn, parseAuthor } from './author-argument.ts'

interface Flags {
  readonly low?: true
  readonly json?: true
}

/** How many authors are read at once. */
const BATCH = 100
/** Of those who run low. More would be kept in memory only to be printed. */
const MAX_LOW = 10_000
/** Enough of an id to tell the packages of one author apart, and to name one to `delete`. */
const SHOWN_ID = 16
const SHOWN_SLOT = 12

export function defineList(command: Command): Command {
  command
    .argument('[author]', AUTHOR, parseAuthor)
    .option('--low', 'only authors who run low, those with the fewest packages first')
    .option('--json', 'print one JSON object per line')
  addSettings(command, [...STORE_SETTINGS, ...LOW_SETTINGS])
  return command.action(async (author: Pubkey | undefined, { low, json }: Flags) => {
    const settings = readSettings(command, process.env)
    const format = json ? JSON.stringify : undefined
    await withStore(settings, async (store) => {
      if (author !== undefined) return printPackages(store, settings, author, format)
      return low ? printLow(store, settings, format) : printAuthors(store, format)
    })
  })
}

type AsJson = ((value: object) => string) | undefined

async function printPackages(
  store: MovableStore,
  settings: Settings,
  author: Pubkey,
  asJson: AsJson,
): Promise<void> {
  const gateway = gatewayOn(store, settings)
  try {
    const packages = await gateway.ownPackages(author)
    if (asJson) for (const pkg of packages) print(asJson(pkg))
    else if (packages.length === 0) print('no key packages of this author are stored')
    else print(packageTable(packages))
  } finally {
    gateway.close()
  }
}

export function packageTable(packages: readonly OwnPackage[]): string {
  return formatTable([
    ['id', 'state', 'kind', 'published', 'expires', 'delivered', 'slot'],
    ...packages.map((pkg) => [
      pkg.id.slice(0, SHOWN_ID),
      pkg.state,
      String(pkg.kind),
      formatDay(pkg.publishedAt),
      formatDay(pkg.expiresAt),
      pkg.delivered === undefined ? '-' : String(pkg.delivered),
      pkg.alias ? 'as 30443' : shorten(pkg.slot ?? ''),
    ]),
  ])
}

async function printLow(store: MovableStore, settings: Settings, asJson: AsJson): Promise<void> {
  const gateway = gatewayOn(store, settings)
  try {
    const { low, out, lowest } = await gateway.surveyStock({ lowest: MAX_LOW })
    for (const author of lowest) print(asJson ? asJson(author) : authorLine(author))
    const more = low + out - lowest.length
    if (asJson) return
    if (more > 0) print(`and ${more} more`)
    if (lowest.length === 0) print(`every author has at least ${settings.stock.low} fresh key packages`)
  } finally {
    gateway.close()
  }
}

async function printAuthors(store: MovableStore, asJson: AsJson): Promise<void> {
  let count = 0
  for await (const authors of inBatches(store.authors(), BATCH)) {
    const now = secondsNow()
    const stocks = await Promise.all(authors.map((author) => store.list(author, now)))
    for (const [index, pubkey] of authors.entries()) {
      const stock = stocks[index] ?? []
      const author: LowAuthor = { pubkey, fresh: stock.filter(isFresh).length, packages: sizeOf(stock) }
      print(asJson ? asJson(author) : authorLine(author))
      count += 1
    }
  }
  if (count === 0 && !asJson) print('no author has key packages here')
}

/** All pubkeys are of one length, so the lines form columns without being kept. */
export function authorLine({ pubkey, fresh, packages }: LowAuthor): string {
  const counts = packages === 0 ? coloured('none', 'bad') : `${fresh} of ${packages} fresh`
  return `${pubkey}  ${counts}`
}

function formatDay(seconds: number): string {
  const date = new Date(seconds * 1000)
  return Number.isNaN(date.getTime()) ? 'far off' : date.toISOString().slice(0, 10)
}

function shorten(slot: string): string {
  return slot.length > SHOWN_SLOT ? `${slot.slice(0, SHOWN_SLOT - 1)}…` : slot
}
