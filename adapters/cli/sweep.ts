/** Removes expired and retired key packages from a store: `sweep` once, and servers at an interval. */

import type { Command } from 'commander'
import type { Logger } from 'pino'
import type { KeyPackageGateway } from '../../plugin/gateway.ts'
import { openExistingStore, STORE_SETTINGS, secondsNow, withAuditedStore } from './open-store.ts'
import { print } from './output.ts'
import { addSettings, readSettings } from './settings.ts'
import type { Settings } from './settings-schema.ts'

export function defineSweep(command: Command): Command {
  addSettings(command, [...STORE_SETTINGS, 'stock.retireAfterSeconds', 'audit', 'metrics'])
  return command.action(async () => {
    const settings = readSettings(command, process.env)
    const { retireAfterSeconds } = settings.stock
    const removed = await withAuditedStore(settings, openExistingStore, (store) =>
      store.sweep(secondsNow(), retireAfterSeconds),
    )
    print(`key packages removed: ${removed}`)
  })
}

/** The timer does not keep the process running; `clearInterval` stops it. */
export function sweepRegularly(
  gateway: KeyPackageGateway,
  { sweepIntervalSeconds }: Settings,
  log: Logger,
): NodeJS.Timeout {
  return setInterval(() => sweepOnce(gateway, log), sweepIntervalSeconds * 1000).unref()
}

function sweepOnce(gateway: KeyPackageGateway, log: Logger): void {
  gateway.sweep().then(
    (removed) => log.debug({ removed }, 'removed expired key packages'),
    (error: unknown) => log.error({ err: error }, 'cannot remove expired key packages'),
  )
}
