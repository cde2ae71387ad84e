/** Output for people: tables, safe to print whoever wrote the cells, and a progress bar. */

const BAR_WIDTH = 30
const REDRAW_INTERVAL_MS = 100
/** Before, the rate says little. */
const SPEED_KNOWN_MS = 1000

/** Rows of cells as lines of text, with the columns aligned. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  return align(rows).map(replaceControls).join('\n')
}

/** Breaks a text into lines of at most so many columns, at its spaces; a longer word has a line of its own. */
export function wrap(text: string, columns: number): string[] {
  const lines = ['']
  for (const word of replaceControls(text).split(' ')) {
    const line = lines.at(-1) ?? ''
    if (line === '') lines[lines.length - 1] = word
    else if (line.length + 1 + word.length <= columns) lines[lines.length - 1] = `${line} ${word}`
    else lines.push(word)
  }
  return lines
}

/** A KeyPackage's lifetime has 64 bits, so its times may be later than a `Date` can express. */
export function formatTime(seconds: number): string {
  const date = new Date(seconds * 1000)
  return Number.isNaN(date.getTime()) ? 'out of range' : date.toISOString()
}

/** Columns are padded to their widest cell; the last cell of a row is not padded. */
function align(rows: readonly (readonly string[])[]): string[] {
  const widthOf = (column: number) =>
    Math.max(...rows.map((row) => (row.length > column + 1 ? (row[column] ?? '').length : 0)))
  const widths = Array.from({ length: Math.max(0, ...rows.map(({ length }) => length)) }, (_, column) =>
    widthOf(column),
  )
  return rows.map((row) =>
    row
      .map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0)))
      .join('  ')
      .trimEnd(),
  )
}

/** Text from an event must not send control sequences to the terminal, nor turn the order of what stands beside it around. */
function replaceControls(line: string): string {
  return line.replace(/[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}]/gu, '\uFFFD')
}

export interface Progress {
  /** @param fraction of the whole, from 0 to 1; undefined where the whole is unknown */
  show(count: number, fraction: number | undefined): void
  end(): void
}

/**
 * A progress bar on a terminal, with the rate and the time left once they are known; elsewhere nothing is written.
 * @param unit what is counted, such as `lines`
 * @param clock a monotonic clock in milliseconds
 */
export function createProgress(
  stream: NodeJS.WriteStream,
  unit: string,
  clock = () => performance.now(),
): Progress {
  if (!stream.isTTY) return { show() {}, end() {} }
  const began = clock()
  let shownAt = Number.NEGATIVE_INFINITY
  return {
    show(count, fraction) {
      const now = clock()
      if (now - shownAt < REDRAW_INTERVAL_MS) return
      shownAt = now
      const speed = formatSpeed(count, fraction, now - began)
      stream.write(`\r\u001b[K${formatBar(fraction)}${count.toLocaleString('en')} ${unit}${speed}`)
    },
    end: () => void stream.write('\r\u001b[K'),
  }
}

/** How many a second, and how long the rest takes at that rate. */
function formatSpeed(count: number, fraction: number | undefined, elapsedMs: number): string {
  if (elapsedMs < SPEED_KNOWN_MS) return ''
  const rate = `, ${Math.round((count / elapsedMs) * 1000).toLocaleString('en')}/s`
  if (fraction === undefined || fraction <= 0 || fraction >= 1) return rate
  const seconds = Math.ceil((elapsedMs * (1 - fraction)) / fraction / 1000)
  return `${rate}, ${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')} left`
}

function formatBar(fraction: number | undefined): string {
  if (fraction === undefined) return ''
  const part = Math.max(0, Math.min(1, fraction))
  const filled = Math.round(part * BAR_WIDTH)
  const percent = String(Math.floor(part * 100)).padStart(3)
  return `[${'='.repeat(filled)}${' '.repeat(BAR_WIDTH - filled)}] ${percent} %  `
}
