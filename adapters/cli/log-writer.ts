/**
 * Writes the log to stderr without waiting for who reads it: a reader that stalls loses lines, and holds up nobody. That the
 * descriptor does not block is not relied on, because every process that shares it can change that.
 */

import { write, writeSync } from 'node:fs'

const STDERR = 2
/** How much of the log waits for its reader; what comes then is lost. */
const MAX_BYTES = 1_048_576
const RETRY_MS = 50
/** At the end, the reader gets so long. */
const FLUSH_MS = 500
/** A write that takes longer is held up by the reader. */
const STALLED_MS = 200

/** Whether the log is written, and if not, whether a thread is stuck in a write, which keeps the process from ending. */
type LogEnd = 'written' | 'given up' | 'stuck'

class LogWriter {
  /** Told of how many lines were lost, once the log can be written again. */
  onLost: (lines: number) => void = () => undefined
  readonly #waiting: Buffer[] = []
  #bytes = 0
  #lost = 0
  /** When the write in progress began. */
  #since: number | undefined
  #retry: NodeJS.Timeout | undefined
  #hasEnded = false
  #wake = () => {}

  write(line: string): void {
    if (this.#hasEnded) return
    const bytes = Buffer.from(line)
    if (this.#bytes + bytes.length > MAX_BYTES) {
      this.#lost += 1
      return
    }
    this.#waiting.push(bytes)
    this.#bytes += bytes.length
    if (!this.#isBusy()) this.#next()
  }

  /** Waits for the reader a little, and takes no lines after that. */
  async end(): Promise<LogEnd> {
    const isDone = () => this.#bytes === 0
    if (!isDone()) {
      let timer: NodeJS.Timeout | undefined
      await new Promise<void>((resolve) => {
        this.#wake = () => isDone() && resolve()
        timer = setTimeout(resolve, FLUSH_MS)
      })
      clearTimeout(timer)
    }
    this.#hasEnded = true
    clearTimeout(this.#retry)
    if (isDone()) return 'written'
    return this.isStuck() ? 'stuck' : 'given up'
  }

  /** Whether a thread is held up in a write, which the process would wait for at its exit. */
  isStuck(): boolean {
    return this.#since !== undefined && performance.now() - this.#since > STALLED_MS
  }

  /** What came in the turn in which the process exits; the write in progress is finished by its thread. */
  exit(): void {
    if (this.#hasEnded || this.#retry !== undefined || this.isStuck()) return
    const [_inProgress, ...rest] = this.#waiting
    try {
      if (rest.length > 0) writeSync(STDERR, Buffer.concat(rest))
    } catch {
      // Nobody reads it.
    }
  }

  #isBusy(): boolean {
    return this.#since !== undefined || this.#retry !== undefined
  }

  #next(): void {
    this.#retry = undefined
    const batch = Buffer.concat(this.#waiting)
    this.#waiting.splice(0, this.#waiting.length, batch)
    this.#since = performance.now()
    write(STDERR, batch, (error, written) => {
      this.#since = undefined
      if (error?.code === 'EAGAIN') this.#later()
      // Whatever else it is, such as a terminal that was closed (EIO), must not end the process.
      else this.#written(error === null ? written : batch.length)
    })
  }

  #later(): void {
    if (this.#hasEnded) return
    this.#retry = setTimeout(() => this.#next(), RETRY_MS)
  }

  #written(count: number): void {
    const [batch = Buffer.alloc(0), ...rest] = this.#waiting
    this.#bytes -= count
    this.#waiting.splice(
      0,
      this.#waiting.length,
      ...(count < batch.length ? [batch.subarray(count)] : []),
      ...rest,
    )
    this.#tellLost()
    this.#wake()
    if (this.#bytes > 0 && !this.#hasEnded && !this.#isBusy()) this.#next()
  }

  #tellLost(): void {
    if (this.#lost === 0 || this.#bytes > MAX_BYTES / 2) return
    const lines = this.#lost
    this.#lost = 0
    this.onLost(lines)
  }
}

/** The only one that writes the log of this process. */
export const stderrLog = new LogWriter()
process.on('exit', () => stderrLog.exit())
