/** `strfry`: the write-policy plugin of strfry, until strfry stops it. */

import type { Command } from 'commander'
import type { Logger } from 'pino'
import type { GatewaySettings } from '../../plugin/gateway.ts'
import { SettingsError } from '../../plugin/settings.ts'
import type { KeyPackageStore } from '../../plugin/store.ts'
import { OperatorPolicy } from '../relays/strfry/operator-policy.ts'
import { answerQuestions, WritePolicy } from '../relays/strfry/write-policy.ts'
import { lazyStore } from '../storage/lazy.ts'
import { closeStore, endProcess, giveUp } from './ending.ts'
import { createLogger, ignoreHangUp, startAuditLog } from './logging.ts'
import { addSettings, readSettings } from './settings.ts'
import { gatewayOptions, type Settings } from './settings-schema.ts'
import { countInTextfile } from './textfile.ts'

/** The store and the operator's COMMAND together must answer within strfry's ten seconds. */
const STORE_TIMEOUT_MS = 4000
const SETTINGS = [
  'profile',
  'kinds',
  'custody',
  'publicUrl',
  'access',
  'quota',
  'stock',
  'validation',
  'store',
  'redis',
  'audit',
  'metrics',
  'log',
]

export function defineStrfry(command: Command): Command {
  command.argument('[command...]', 'your own plugin, which is asked first')
  addSettings(command, SETTINGS)
  return command.action((operator: string[]) => {
    // Nothing after `--` is a policy that got lost, for example in an empty variable. No policy would accept everything.
    const isLost = operator.length === 0 && process.argv.includes('--')
    return strfry(readSettings(command, process.env), isLost ? [''] : operator)
  })
}

async function strfry(settings: Settings, [program, ...args]: string[]): Promise<void> {
  if (settings.store === 'memory:') {
    throw new SettingsError([
      'store: "memory:" is not allowed: the server that hands out key packages must share the store',
    ])
  }
  await checkAccess(settings)
  const write = reserveStdout()
  stopOnSignal()
  const log = await createLogger(settings.log.level)
  ignoreHangUp(settings, log)
  if (process.stdin.isTTY) log.info('strfry starts this command, and writes events to its standard input')
  const audit = startAuditLog(settings, log)
  const counted = await countInTextfile(settings, log)
  const lazy = lazyStore({
    open: () => openSharedStore(settings, log),
    timeoutMs: STORE_TIMEOUT_MS,
    log,
    clock: Date.now,
  })
  const store = counted?.measured<KeyPackageStore>(lazy) ?? lazy
  const operator =
    program === undefined ? undefined : new OperatorPolicy({ command: [program, ...args], log })
  const policy = new WritePolicy({
    kinds: settings.kinds,
    openGateway: () =>
      openGateway(settings, {
        store,
        log,
        ...(audit && { audit: audit.write }),
        ...(counted && { observer: counted.observer }),
      }),
    ...(operator && { operator }),
  })
  let closed: 'closed' | 'given up'
  try {
    await answerQuestions(process.stdin, policy, write, log)
  } finally {
    await operator?.close()
    closed = await closeStore(store, log)
    await counted?.end('succeeded')
    audit?.close()
  }
  // strfry blocks until this process ends, so do not wait for whatever the store is still doing.
  if (closed === 'given up') await giveUp()
  else await endProcess()
}

/** The gateway would find it out with the first event. Without entries, nothing is loaded for it. @throws SettingsError */
async function checkAccess({ access }: Settings): Promise<void> {
  if (access.ban.length + access.allow.length === 0) return
  const { subjectsIn } = await import('../../plugin/access/access.ts')
  subjectsIn(access)
}

/** Most of the code is loaded when it is first needed: strfry waits for the plugin to start. */
async function openSharedStore(settings: Settings, log: Logger) {
  const { openStore } = await import('./open-store.ts')
  return openStore(settings, log)
}

async function openGateway(
  settings: Settings,
  parts: Pick<GatewaySettings, 'store' | 'log' | 'audit' | 'observer'>,
) {
  const [{ KeyPackageGateway }, { signaturePool }] = await Promise.all([
    import('../../plugin/gateway.ts'),
    import('../node/signature-pool.ts'),
  ])
  // strfry waits for each answer before it asks again, so more threads would verify nothing at the same time.
  const { verifyEvent } = signaturePool({ threads: 0 })
  return new KeyPackageGateway({ ...gatewayOptions(settings), ...parts, verifyEvent })
}

/** Reserves stdout for answers: whatever else writes to it is sent to stderr. */
function reserveStdout(): (text: string) => void {
  const write = process.stdout.write.bind(process.stdout)
  process.stdout.removeAllListeners('error')
  process.stdout.write = process.stderr.write.bind(process.stderr)
  // strfry has closed the pipe, so it sends no more events either.
  process.stdout.on('error', () => process.stdin.destroy())
  return (text) => void write(text)
}

/** On a signal no more is read; events that were read are still answered. */
function stopOnSignal(): void {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => process.stdin.destroy())
}
