/**
 * What each process of a server does: it opens the audit log and the store, closes them at the end, and says in the log that it
 * serves. It starts without waiting for the store: other kinds flow, and key packages fail closed (I7).
 */

import type { Logger } from 'pino'
import type { GatewaySettings } from '../../plugin/gateway.ts'
import type { KeyPackageStore } from '../../plugin/store.ts'
import type { DailySalt } from '../audit/daily-salt.ts'
import { lazyStore } from '../storage/lazy.ts'
import { checkFiles } from './check/machine-check.ts'
import { closeStore, giveUp } from './ending.ts'
import { startAuditLog } from './logging.ts'
import { openStore } from './open-store.ts'
import { withoutPasswords } from './plain-words.ts'
import { type Settings, workersOf } from './settings-schema.ts'
import { logRemarks } from './startup.ts'
import { readVersion } from './version.ts'

/** A client waits no longer than this for an answer (I7). The stores themselves give up a little earlier. */
const TIMEOUT_MS = 2_000
/** A store that is there opens sooner. Where it does, the log says what it is before the server listens. */
const WAIT_MS = 1_000

/** What a warning says where the relay behind cannot be reached at the start. */
export const RELAY_IS_AWAY =
  'until the relay behind the gateway can be reached, all clients are refused with 502; it is tried again every second'

export interface ServingStore {
  readonly store: KeyPackageStore
  /**
   * Rejects if the store cannot be used as it is configured, which the first attempt to open it finds out; the server should
   * end then. Resolves once the store is open, however long that takes.
   */
  readonly opened: Promise<void>
}

export interface Logs extends Pick<GatewaySettings, 'audit'> {
  readonly log: Logger
}

export interface ProcessSettings {
  readonly settings: Settings
  readonly log: Logger
  /** Of the audit log; one of its own by default. */
  readonly salt?: DailySalt
}

/**
 * Runs a server on its store, and gives the process up where the store does not close.
 * @throws StoreError if the store cannot be used as it is configured; SettingsError for the audit log; and what `run` throws
 */
export async function runOnStore(
  { settings, log, salt }: ProcessSettings,
  run: (serving: ServingStore, logs: Logs) => Promise<void>,
): Promise<void> {
  const audit = startAuditLog(settings, log, salt)
  const serving = await startStore(settings, log)
  let closed: 'closed' | 'given up'
  try {
    await run(serving, { log, ...(audit && { audit: audit.write }) })
  } finally {
    closed = await closeStore(serving.store, log)
    audit?.close()
  }
  if (closed === 'given up') await giveUp()
}

/**
 * Opens the store, or goes on opening it in the background. The clock of this machine is compared with the store's.
 * @throws StoreError if it cannot be used as it is configured
 */
async function startStore(settings: Settings, log: Logger): Promise<ServingStore> {
  if (settings.store === 'memory:')
    return { store: await openStore(settings, log), opened: Promise.resolve() }
  const open = () => openStore(settings, log)
  const store = lazyStore({ open, timeoutMs: TIMEOUT_MS, log, clock: Date.now })
  const opened = store.start()
  await Promise.race([opened, waited()])
  return { store, opened }
}

function waited(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, WAIT_MS).unref())
}

/** Logs that a server serves, and what its operator should know. */
export function announce(
  log: Logger,
  settings: Settings,
  server: { readonly url: string; readonly operatorUrl: string | undefined; readonly store: KeyPackageStore },
): void {
  const { upstream } = settings
  const workers = workersOf(settings)
  log.info(
    {
      url: server.url,
      ...(server.operatorUrl !== undefined && { operator: server.operatorUrl }),
      ...(upstream !== undefined && { upstream: withoutPasswords(upstream) }),
      store: withoutPasswords(settings.store),
      profile: settings.profile,
      version: readVersion(),
      ...(workers > 1 && { workers }),
    },
    'serving key packages',
  )
  logRemarks(log, settings, server.store)
  void warnOfFiles(log, settings)
}

/** Otherwise the operator hears of it when the server has run out of files and refuses clients. */
async function warnOfFiles(log: Logger, settings: Settings): Promise<void> {
  for (const { text, advice } of await checkFiles(settings)) log.warn(`${text}; ${advice}`)
}

/** Rejects as `opened` does, and never resolves. */
export function failureOf(opened: Promise<void>): Promise<never> {
  return new Promise((_, reject) => opened.catch(reject))
}
