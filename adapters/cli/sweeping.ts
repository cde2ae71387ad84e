/** Keeps a store free of what expired, for as long as a process runs. */

import type { Logger } from 'pino'
import type { KeyPackageGateway } from '../../plugin/gateway.ts'
import type { Settings } from './settings-schema.ts'

/** It does not keep the process running; `clearInterval` ends it. */
export function sweepRegularly(
  gateway: KeyPackageGateway,
  { sweepIntervalSeconds }: Settings,
  log: Logger,
): NodeJS.Timeout {
  return setInterval(() => sweep(gateway, log), sweepIntervalSeconds * 1000).unref()
}

function sweep(gateway: KeyPackageGateway, log: Logger): void {
  gateway.sweep().then(
    (removed) => log.debug({ removed }, 'swept'),
    (error: unknown) => log.error({ err: error }, 'sweeping failed'),
  )
}
