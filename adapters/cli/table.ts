/** Tables for people, safe to print whoever wrote what is in them. */

/** Rows of cells as lines of text, its columns aligned. */
export function tableOf(rows: readonly (readonly string[])[]): string {
  return align(rows).map(withoutControls).join('\n')
}

/** A KeyPackage may name times that no calendar has: its lifetime has 64 bits. */
export function showTime(seconds: number): string {
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
