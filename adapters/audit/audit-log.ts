/** Keeps the audit log: a line of JSON for each record, in a file or in the ordinary log. */

import type { AuditRecord } from '../../plugin/audit.ts'
import type { Logger } from '../../plugin/context.ts'
import { DailySalt } from './daily-salt.ts'
import { AuditFile } from './file.ts'
import type { AuditOptions } from './options.ts'

export interface AuditLogSettings {
  readonly options: AuditOptions
  /** The address of the store, without passwords: in every line. */
  readonly store: string
  /** Says what becomes of the file; `audit.to: log` writes the records there too. */
  readonly log: Logger
}

export interface AuditLog {
  /** What a gateway takes as `audit`. Never throws. */
  readonly keep: (record: AuditRecord) => void
  /** To be called when the file was moved away. */
  reopen(): void
  close(): void
}

/**
 * Undefined where there is none to be kept.
 * @throws the error of Node's fs where the file cannot be opened
 */
export function openAuditLog({ options, store, log }: AuditLogSettings): AuditLog | undefined {
  const { to, path, hashRequesters } = options
  if (to === 'off') return undefined
  const salt = hashRequesters ? new DailySalt() : undefined
  const lineOf = (record: AuditRecord) => ({ ...readable(withoutName(record, salt)), store })
  if (to === 'log') {
    return {
      keep: (record) => log.info({ audit: lineOf(record) }, 'audit'),
      reopen: () => {},
      close: () => {},
    }
  }
  const gap = (missed: number) =>
    JSON.stringify({ action: 'gap', outcome: `${missed} records are missing`, store })
  const file = new AuditFile({ path, log, gap })
  return {
    keep: (record) => file.write(JSON.stringify(lineOf(record))),
    reopen: () => file.reopen(),
    close: () => file.close(),
  }
}

/** The time as people and their tools read it (ISO 8601). */
function readable({ at, ...record }: AuditRecord) {
  return { time: new Date(at * 1000).toISOString(), ...record }
}

/**
 * Who publishes has another name than who asks: the line of a publish has its author's pubkey, and would say whose
 * every claim of that day was.
 */
function withoutName(record: AuditRecord, salt: DailySalt | undefined): AuditRecord {
  const { requester, action, verb, at } = record
  if (salt === undefined || requester === undefined) return record
  const isPublishing = action === 'publish' || verb === 'EVENT'
  return { ...record, requester: salt.nameOf(requester, isPublishing ? 'publish' : 'ask', at) }
}
