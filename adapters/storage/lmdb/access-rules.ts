/** The access rules of an LMDB store, in the table that every store has. */

import type { AccessList, AccessRule } from '../../../plugin/store.ts'
import type { AccessKey, Environment } from './environment.ts'
import { LAST } from './keys.ts'
import type { Transaction } from './transaction.ts'

const FIRST: AccessKey = ['access', 'allow', '']
const END: AccessKey = ['access', 'ban', LAST]

/** Versions that would not enforce the rule must not open the store. */
export function putAccessRule(transaction: Transaction, rule: AccessRule): void {
  transaction.useFormat()
  transaction.tables.accessRules.put(keyOf(rule.list, rule.subject), rule)
}

export function dropAccessRule(
  { tables: { accessRules } }: Transaction,
  list: AccessList,
  subject: string,
): 'removed' | 'missing' {
  const key = keyOf(list, subject)
  if (!accessRules.doesExist(key)) return 'missing'
  accessRules.remove(key)
  return 'removed'
}

export function everyAccessRule({ accessRules }: Environment): AccessRule[] {
  return [...accessRules.getRange({ start: FIRST, end: END })].map(({ value }) => value)
}

function keyOf(list: AccessList, subject: string): AccessKey {
  return ['access', list, subject]
}
