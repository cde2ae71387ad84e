/** `sweep`: removes from a store what expired and what may retire, and says how many packages went. */

import { Command } from 'commander'
import { removalEntry } from '../../plugin/audit.ts'
import { startAuditLog } from './auditing.ts'
import { addSettings, readSettings } from './flags.ts'
import { createLogger } from './logger.ts'
import { STORE_SETTINGS, secondsNow, withStore } from './with-store.ts'

export function sweepCommand(): Command {
  const command = addSettings(new Command('sweep'), [...STORE_SETTINGS, 'stock', 'audit'])
  return command.action(async () => {
    const settings = readSettings(command, process.env)
    const audit = startAuditLog(settings, await createLogger(settings.log.level))
    const gone = await withStore(settings, (store) => {
      const at = secondsNow()
      store.onRemoved((removals) => {
        for (const removal of removals) audit?.keep({ at, ...removalEntry(removal) })
      })
      return store.sweep(at, settings.stock.retireAfterSeconds)
    })
    audit?.close()
    process.stdout.write(`key packages removed: ${gone}\n`)
  })
}
