/** Keeps the audit log of a process, and opens its file anew on SIGHUP, as log rotation asks. */

import type { Logger } from 'pino'
import { SettingsError } from '../../plugin/settings.ts'
import { type AuditLog, openAuditLog } from '../audit/audit-log.ts'
import { withoutPasswords } from './settings.ts'
import type { Settings } from './settings-schema.ts'

/**
 * Undefined where the settings want none.
 * @throws SettingsError where its file cannot be opened
 */
export function startAuditLog({ audit: options, store }: Settings, log: Logger): AuditLog | undefined {
  try {
    // What is asked for is written, however little else is logged.
    const own = log.child({}, { level: 'info' })
    const audit = openAuditLog({ options, store: withoutPasswords(store), log: own })
    if (audit === undefined) return undefined
    if (options.to === 'file') process.on('SIGHUP', () => audit.reopen())
    const { to, path, hashRequesters } = options
    log.info({ to, ...(to === 'file' && { path }), hashRequesters }, 'keeping an audit log')
    return audit
  } catch (error) {
    const why = (error as Error).message
    throw new SettingsError([`audit.path: ${JSON.stringify(options.path)} cannot be opened: ${why}`])
  }
}

/**
 * SIGHUP never ends a server. Where `startAuditLog` reopens no file on it, it is logged and ignored: Node.js would end
 * the process.
 */
export function surviveHangUp({ audit }: Settings, log: Logger): void {
  if (audit.to === 'file') return
  process.on('SIGHUP', () => log.info('SIGHUP ignored: there is no audit file to reopen'))
}
