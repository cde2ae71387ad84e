/** `strfry`: strfry's write-policy plugin, until strfry ends it. */

import { Command } from 'commander'
import type { GatewaySettings } from '../../plugin/gateway.ts'
import { SettingsError } from '../../plugin/settings.ts'
import { OperatorPolicy } from '../relays/strfry/operator-policy.ts'
import { answerQuestions, WritePolicy } from '../relays/strfry.ts'
import { lateStore } from '../storage/late.ts'
import { startAuditLog, surviveHangUp } from './auditing.ts'
import { addSettings, readSettings } from './flags.ts'
import { createLogger } from './logger.ts'
import { gatewayOptions, type Settings } from './settings-schema.ts'
import { openStore } from './store-url.ts'

/** With what COMMAND may take, strfry's ten seconds have to do. */
const STORE_PATIENCE_MS = 4000
const SETTINGS = [
  'profile',
  'kinds',
  'custody',
  'publicUrl',
  'quota',
  'stock',
  'validation',
  'store',
  'redis',
  'audit',
  'log',
]

export function strfryCommand(): Command {
  const command = new Command('strfry').argument('[command...]', 'your own plugin, which is asked first')
  addSettings(command, SETTINGS)
  return command.action((operator: string[]) => strfry(readSettings(command, process.env), operator))
}

async function strfry(settings: Settings, [program, ...args]: string[]): Promise<void> {
  if (settings.store === 'memory:') {
    throw new SettingsError([
      'store: "memory:" is not allowed: what hands the key packages out must share it',
    ])
  }
  const write = reserveStdout()
  endOnSignal()
  const log = await createLogger(settings.log.level)
  surviveHangUp(settings, log)
  const audit = startAuditLog(settings, log)
  const store = lateStore({ open: () => openStore(settings, log), patienceMs: STORE_PATIENCE_MS })
  const operator =
    program === undefined ? undefined : new OperatorPolicy({ command: [program, ...args], log })
  const policy = new WritePolicy({
    kinds: settings.kinds,
    openGateway: () => openGateway(settings, { store, log, ...(audit && { audit: audit.keep }) }),
    ...(operator && { operator }),
  })
  try {
    await answerQuestions(process.stdin, policy, write, log)
  } finally {
    await operator?.close()
    await store.close().catch((error: unknown) => log.error({ err: error }, 'the store could not be closed'))
    audit?.close()
  }
  // strfry stands still until we have ended, whatever a store may still be doing.
  process.exit()
}

/** Most of our code is loaded here and not before: strfry waits for the first answer. */
async function openGateway(settings: Settings, parts: Pick<GatewaySettings, 'store' | 'log' | 'audit'>) {
  const { KeyPackageGateway } = await import('../../plugin/gateway.ts')
  return new KeyPackageGateway({ ...gatewayOptions(settings), ...parts })
}

/** Keeps stdout for answers: what anything else prints there goes to stderr. */
function reserveStdout(): (text: string) => void {
  const write = process.stdout.write.bind(process.stdout)
  process.stdout.write = process.stderr.write.bind(process.stderr)
  // strfry is gone; so is what it asks.
  process.stdout.on('error', () => process.stdin.destroy())
  return (text) => void write(text)
}

/** Reads no more from then on; what was read is answered. */
function endOnSignal(): void {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => process.stdin.destroy())
}
