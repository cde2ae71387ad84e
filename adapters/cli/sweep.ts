/** `sweep`: removes from a store what expired and what may retire, and says how many packages went. */

import { Command } from 'commander'
import { addSettings, readSettings } from './flags.ts'
import { openExistingStore } from './store-url.ts'
import { STORE_SETTINGS, secondsNow, withAuditedStore } from './with-store.ts'

export function sweepCommand(): Command {
  const command = addSettings(new Command('sweep'), [...STORE_SETTINGS, 'stock', 'audit'])
  return command.action(async () => {
    const settings = readSettings(command, process.env)
    const { retireAfterSeconds } = settings.stock
    const gone = await withAuditedStore(settings, openExistingStore, (store) =>
      store.sweep(secondsNow(), retireAfterSeconds),
    )
    process.stdout.write(`key packages removed: ${gone}\n`)
  })
}
