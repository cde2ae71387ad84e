/** `ban`, `unban`, `allow`, `unallow` and `bans`: the access rules of a store, which every process on it hears of. */

import type { Command } from 'commander'
import {
  Access,
  type ListedAccessRule,
  type RuleRemoval,
  requireSubject,
} from '../../plugin/access/access.ts'
import type { AccessList } from '../../plugin/store.ts'
import { createLogger } from './logging.ts'
import { STORE_SETTINGS, secondsNow, withStore } from './open-store.ts'
import { print } from './output.ts'
import { addSettings, readSettings } from './settings.ts'
import { painted } from './style.ts'
import { formatTable, formatTime } from './terminal.ts'

interface Flags {
  readonly json?: true
  readonly reason?: string
}

const SUBJECT = 'a pubkey (hex or npub), an IP address, or a network such as 203.0.113.0/24'
const EXIT_NOT_REMOVED = 1

const added: Readonly<Record<AccessList, string>> = { ban: 'banned', allow: 'allowed' }

export function defineBan(command: Command): Command {
  return defineAdding(command, 'ban')
}

export function defineAllow(command: Command): Command {
  return defineAdding(command, 'allow')
}

export function defineUnban(command: Command): Command {
  return defineRemoving(command, 'ban')
}

export function defineUnallow(command: Command): Command {
  return defineRemoving(command, 'allow')
}

export function defineBans(command: Command): Command {
  command.option('--json', 'print one JSON array')
  addSettings(command, [...STORE_SETTINGS, 'access'])
  return command.action(async ({ json }: Flags) => {
    const rules = await withAccess(command, (access) => access.rules())
    print(json ? JSON.stringify(rules) : format(rules))
  })
}

function defineAdding(command: Command, list: AccessList): Command {
  command
    .argument('<subject>', SUBJECT)
    .option('--reason <text>', 'why, for other operators; clients are not told')
    .option('--json', 'print one JSON object')
  addSettings(command, [...STORE_SETTINGS, 'access'])
  return command.action(async (subject: string, { json, reason }: Flags) => {
    requireSubject(subject)
    const rule = await withAccess(command, (access) => access.add(list, subject, reason))
    print(json ? JSON.stringify(rule) : `${added[list]}: ${rule.subject}`)
  })
}

function defineRemoving(command: Command, list: AccessList): Command {
  command.argument('<subject>', SUBJECT).option('--json', 'print one JSON object')
  addSettings(command, [...STORE_SETTINGS, 'access'])
  return command.action(async (subject: string, { json }: Flags) => {
    requireSubject(subject)
    const outcome = await withAccess(command, (access) => access.remove(list, subject))
    print(json ? JSON.stringify({ subject, outcome }) : removal(list, subject, outcome))
    if (outcome !== 'removed') process.exitCode = EXIT_NOT_REMOVED
  })
}

/** @throws SettingsError, StoreError */
async function withAccess<Result>(
  command: Command,
  use: (access: Access) => Promise<Result>,
): Promise<Result> {
  const settings = readSettings(command, process.env)
  const log = await createLogger(settings.log.level)
  return withStore(settings, (store) => use(new Access({ options: settings, store, log, now: secondsNow })))
}

function removal(list: AccessList, subject: string, outcome: RuleRemoval): string {
  switch (outcome) {
    case 'removed':
      return `no longer ${added[list]}: ${subject}`
    case 'missing':
      return `was not ${added[list]}: ${subject}`
    case 'in settings':
      return `still ${added[list]} by access.${list} in the settings, where it must be removed: ${subject}`
  }
}

function format(rules: readonly ListedAccessRule[]): string {
  if (rules.length === 0) return 'nobody is banned, and nobody is on the list of those who are allowed'
  const table = formatTable(
    rules.map((rule) => {
      const { list, subject, from } = rule
      if (from === 'settings') return [added[list], subject, `by access.${list} in the settings`]
      return [added[list], subject, formatTime(rule.at), rule.reason ?? '']
    }),
  )
  return painted(table, { banned: 'bad', allowed: 'good' })
}
