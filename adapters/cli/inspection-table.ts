/** A report on a key package event as a table for people. */

import type { CheckReport, Fields, Report } from './inspection.ts'
import { showTime, tableOf } from './table.ts'

const TIMES = ['created_at', 'not_before', 'not_after']

export function formatReport({ accepted, message, fields, checks }: Report): string {
  const verdict = accepted ? 'It would be accepted.' : `It would be refused: ${message}`
  const rows = [...fieldRows(fields), [], ...checks.map(checkRow), [], [verdict]]
  return tableOf(rows)
}

function fieldRows(fields: Fields): string[][] {
  return Object.entries(fields).map(([name, value]) => {
    if (TIMES.includes(name)) return [name, `${value} (${showTime(Number(value))})`]
    return [name, Array.isArray(value) ? value.join(', ') : String(value)]
  })
}

function checkRow({ check, outcome, message = '' }: CheckReport): string[] {
  return [check, outcome, message]
}
