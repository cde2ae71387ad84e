/** The gateway of one nostream process, with settings from `KPG_*` variables and defaults from nostream's settings. */

import type { Logger } from 'pino'
import { KeyPackageGateway } from '../../plugin/gateway.ts'
import { SettingsError } from '../../plugin/settings.ts'
import type { KeyPackageStore } from '../../plugin/store.ts'
import { signaturePool } from '../node/signature-pool.ts'
import { nostreamRedis } from '../relays/nostream/nostream.ts'
import { lazyStore } from '../storage/lazy.ts'
import { startAuditLog } from './logging.ts'
import type { NostreamCounts } from './nostream-monitoring.ts'
import { openStore } from './open-store.ts'
import { loadSettings } from './settings.ts'
import { gatewayOptions, type Settings } from './settings-schema.ts'
import { sweepRegularly } from './sweep.ts'

/** nostream verifies most events itself: a process that has hardly any to verify needs no threads for it. */
const EVENTS_BEFORE_THREADS = 64
/** A client waits no longer than this for a store that cannot be reached. */
const STORE_TIMEOUT_MS = 5000

/**
 * `KPG_CONFIG` names a YAML file; the other variables override it.
 * @param relayUrl nostream's `info.relay_url`
 * @throws SettingsError
 */
export function readNostreamSettings(env: NodeJS.ProcessEnv, relayUrl: string): Settings {
  const defaults = { publicUrl: relayUrl, store: nostreamRedis(env) }
  const settings = loadSettings({ defaults, env, flags: {} })
  if (settings.store !== 'memory:') return settings
  throw new SettingsError(['store: "memory:" is not allowed: the workers of nostream must share the store'])
}

/**
 * The store is opened when it is first needed, so that nostream starts even if it cannot be reached (I7).
 * @throws SettingsError where the audit file cannot be opened
 */
export function openNostreamGateway(
  settings: Settings,
  log: Logger,
  counts?: NostreamCounts,
): KeyPackageGateway {
  const audit = startAuditLog(settings, log)
  const lazy = openNostreamStore(settings, log)
  const store = counts?.measured(lazy) ?? lazy
  const gateway = new KeyPackageGateway({
    ...gatewayOptions(settings),
    ...(audit && { audit: audit.write }),
    ...(counts && { observer: counts.observer }),
    store,
    log,
    verifyEvent: signaturePool({ log, startAfter: EVENTS_BEFORE_THREADS }).verifyEvent,
  })
  counts?.add({ activity: () => gateway.activity() })
  sweepRegularly(gateway, settings, log)
  return gateway
}

/** It is opened when it is first needed. */
export function openNostreamStore(settings: Settings, log: Logger): KeyPackageStore {
  return lazyStore({
    open: () => openStore(settings, log),
    timeoutMs: STORE_TIMEOUT_MS,
    log,
    clock: Date.now,
  })
}
