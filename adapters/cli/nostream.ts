/** The gateway of one nostream process: settings from `KPG_*`, and where they say nothing, from nostream's own. */

import type { Logger } from 'pino'
import { KeyPackageGateway } from '../../plugin/gateway.ts'
import { SettingsError } from '../../plugin/settings.ts'
import { nostreamRedis } from '../relays/nostream/nostream.ts'
import { lateStore } from '../storage/late.ts'
import { startAuditLog } from './auditing.ts'
import { loadSettings } from './settings.ts'
import { gatewayOptions, type Settings } from './settings-schema.ts'
import { openStore } from './store-url.ts'
import { sweepRegularly } from './sweeping.ts'

/** A store that is not reached when a client waits: Redis is given up earlier, LMDB opens in less. */
const STORE_PATIENCE_MS = 5000

/**
 * `KPG_CONFIG` names a YAML file, which the other variables go before.
 * @param relayUrl nostream's `info.relay_url`
 * @throws SettingsError
 */
export function readNostreamSettings(env: NodeJS.ProcessEnv, relayUrl: string): Settings {
  const { KPG_CONFIG: file, ...variables } = env
  const defaults = { publicUrl: relayUrl, store: nostreamRedis(env) }
  const settings = loadSettings({ defaults, file, env: variables, flags: {} })
  if (settings.store !== 'memory:') return settings
  throw new SettingsError(['store: "memory:" is not allowed: the workers of nostream must share it'])
}

/**
 * Its store is opened when it is first needed, so that nostream starts without it (I7).
 * @throws SettingsError where the file of the audit log cannot be opened
 */
export function openNostreamGateway(settings: Settings, log: Logger): KeyPackageGateway {
  const audit = startAuditLog(settings, log)
  const store = lateStore({ open: () => openStore(settings, log), patienceMs: STORE_PATIENCE_MS })
  const gateway = new KeyPackageGateway({
    ...gatewayOptions(settings),
    ...(audit && { audit: audit.keep }),
    store,
    log,
  })
  sweepRegularly(gateway, settings, log)
  return gateway
}
