/** Where a process logs: JSON lines or readable text on stderr, and the audit log. stdout is for results. */

import { type Logger, pino } from 'pino'
import { SettingsError } from '../../plugin/settings.ts'
import { type AuditLog, openAuditLog } from '../audit/audit-log.ts'
import type { DailySalt } from '../audit/daily-salt.ts'
import { stderrLog } from './log-writer.ts'
import { reasonOf, withoutPasswords } from './plain-words.ts'
import type { Settings } from './settings-schema.ts'

/** Logs readable text where stderr is a terminal, else JSON. */
export async function createLogger(level: string): Promise<Logger> {
  if (!process.stderr.isTTY) return createJsonLogger(level)
  const { prettyFactory } = await import('pino-pretty')
  const format = prettyFactory({ ignore: 'pid,hostname' })
  return tellingLosses(pino({ level }, { write: (line) => stderrLog.write(format(line)) }))
}

export function createJsonLogger(level: string): Logger {
  return tellingLosses(pino({ level }, stderrLog))
}

function tellingLosses(log: Logger): Logger {
  stderrLog.onLost = (lines) => log.warn({ lines }, 'lines of the log were lost: nobody read it in time')
  return log
}

/**
 * Opens the audit log, and reopens its file on SIGHUP, for log rotation. Undefined where `audit.to` is `off`.
 * @throws SettingsError where the file cannot be opened
 */
export function startAuditLog(
  { audit: options, store }: Settings,
  log: Logger,
  salt?: DailySalt,
): AuditLog | undefined {
  try {
    // Audit records are logged whatever the log level is.
    const auditLogger = log.child({}, { level: 'info' })
    const audit = openAuditLog({ options, store: withoutPasswords(store), log: auditLogger, salt })
    if (audit === undefined) return undefined
    if (options.to === 'file') process.on('SIGHUP', () => audit.reopen())
    const { to, path, hashRequesters } = options
    log.info({ to, ...(to === 'file' && { path }), hashRequesters }, 'audit log opened')
    return audit
  } catch (error) {
    throw new SettingsError([`audit.path: cannot open ${JSON.stringify(options.path)}: ${reasonOf(error)}`])
  }
}

/** Keeps SIGHUP from ending a server that has no audit file, as Node.js would by default. */
export function ignoreHangUp({ audit }: Settings, log: Logger): void {
  if (audit.to === 'file') return
  process.on('SIGHUP', () => log.info('SIGHUP ignored: there is no audit file to reopen'))
}
