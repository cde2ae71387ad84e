/** The audit log and its settings: one JSON line per record, in a file or in the ordinary log. */

import { z } from 'zod'
import type { AuditRecord } from '../../plugin/audit.ts'
import type { Logger } from '../../plugin/context.ts'
import { AuditFile } from './audit-file.ts'
import { DailySalt } from './daily-salt.ts'

/** The `audit` settings. */
export const auditOptionsSchema = z.strictObject({
  to: z
    .enum(['off', 'log', 'file'])
    .default('off')
    .describe(
      'Where publishes, claims, refusals and removals of key packages are recorded: nowhere, in the ordinary log, or in a file',
    ),
  path: z
    .string()
    .min(1)
    .default('./data/audit.jsonl')
    .describe('The audit log file; it is reopened on SIGHUP'),
  hashRequesters: z
    .boolean()
    .default(true)
    .describe(
      'Whether the audit log contains a hash of each requester, with a new salt every day, instead of the requester',
    ),
})

export type AuditOptions = z.output<typeof auditOptionsSchema>

export interface AuditLogSettings {
  readonly options: AuditOptions
  /** The address of the store, without passwords; it is part of every line. */
  readonly store: string
  /** Gets errors in writing the file, and with `audit.to: log` the records. */
  readonly log: Logger
  /** One of its own by default. */
  readonly salt?: DailySalt | undefined
}

export interface AuditLog {
  /** The `audit` setting of a gateway. Never throws. */
  readonly write: (record: AuditRecord) => void
  /** Opens the path again, after log rotation has moved the file. */
  reopen(): void
  close(): void
}

/**
 * Undefined where `audit.to` is `off`.
 * @throws the error of Node's fs where the file cannot be opened
 */
export function openAuditLog({ options, store, log, salt: given }: AuditLogSettings): AuditLog | undefined {
  const { to, path, hashRequesters } = options
  if (to === 'off') return undefined
  const salt = hashRequesters ? (given ?? new DailySalt()) : undefined
  const lineOf = (record: AuditRecord) => ({ ...withReadableTime(hashRequester(record, salt)), store })
  if (to === 'log') {
    return {
      write: (record) => log.info({ audit: lineOf(record) }, 'audit'),
      reopen: () => {},
      close: () => {},
    }
  }
  const gap = (missed: number) =>
    JSON.stringify({ action: 'gap', outcome: `${missed} records are missing`, store })
  const file = new AuditFile({ path, log, gap })
  return {
    write: (record) => file.write(JSON.stringify(lineOf(record))),
    reopen: () => file.reopen(),
    close: () => file.close(),
  }
}

/** Replaces seconds since the epoch by an ISO 8601 time. */
function withReadableTime({ at, ...record }: AuditRecord) {
  return { time: new Date(at * 1000).toISOString(), ...record }
}

/**
 * Somebody who publishes gets a different hash from when they ask: a publish names its author, which would otherwise
 * reveal whose claims those with the same hash are.
 */
function hashRequester(record: AuditRecord, salt: DailySalt | undefined): AuditRecord {
  const { requester, action, verb, at } = record
  if (salt === undefined || requester === undefined) return record
  const isPublishing = action === 'publish' || verb === 'EVENT'
  return { ...record, requester: salt.hashOf(requester, isPublishing ? 'publish' : 'ask', at) }
}
