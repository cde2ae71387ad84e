/** A progress bar on standard error, for a person who watches; elsewhere nothing. */

const WIDTH = 30
const INTERVAL_MS = 100

export interface Progress {
  /** @param fraction of the whole, from 0 to 1; undefined where nobody knows */
  show(count: number, fraction: number | undefined): void
  end(): void
}

/** @param what is counted, as in `lines` */
export function createProgress(stream: NodeJS.WriteStream, what: string): Progress {
  if (!stream.isTTY) return { show() {}, end() {} }
  let shownAt = Number.NEGATIVE_INFINITY
  return {
    show(count, fraction) {
      const now = performance.now()
      if (now - shownAt < INTERVAL_MS) return
      shownAt = now
      stream.write(`\r\u001b[K${barOf(fraction)}${count.toLocaleString('en')} ${what}`)
    },
    end: () => void stream.write('\r\u001b[K'),
  }
}

function barOf(fraction: number | undefined): string {
  if (fraction === undefined) return ''
  const part = Math.max(0, Math.min(1, fraction))
  const filled = Math.round(part * WIDTH)
  const percent = String(Math.floor(part * 100)).padStart(3)
  return `[${'='.repeat(filled)}${' '.repeat(WIDTH - filled)}] ${percent} %  `
}
