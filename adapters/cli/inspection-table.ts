/** A report on a key package event as a table for people. */

import type { CheckReport, Fields, Report } from './inspection.ts'

const TIMES = ['created_at', 'not_before', 'not_after']

export function formatReport({ accepted, message, fields, checks }: Report): string {
  const verdict = accepted ? 'It would be accepted.' : `It would be refused: ${message}`
  const rows = [...fieldRows(fields), [], ...checks.map(checkRow), [], [verdict]]
  return align(rows).map(withoutControls).join('\n')
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

/** A KeyPackage may name times that no calendar has: its lifetime has 64 bits. */
function showTime(seconds: number): string {
  const date = new Date(seconds * 1000)
  return Number.isNaN(date.getTime()) ? 'beyond all calendars' : date.toISOString()
}

/** The first columns are as wide as their widest cell; the last is as it comes. */
function align(rows: readonly (readonly string[])[]): string[] {
  const widthOf = (column: number) =>
    Math.max(...rows.map((row) => (row.length > column + 1 ? (row[column] ?? '').length : 0)))
  const widths = [widthOf(0), widthOf(1)]
  return rows.map((row) =>
    row
      .map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0)))
      .join('  ')
      .trimEnd(),
  )
}

/** What a stranger wrote must not steer the terminal. */
function withoutControls(line: string): string {
  return line.replace(/\p{Cc}/gu, '\uFFFD')
}
