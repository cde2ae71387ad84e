/** Writes metrics to a file that the textfile collector of node_exporter reads, for processes that nobody can ask. */

import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { Registry } from 'prom-client'

export interface MetricsTextfileSettings {
  /** Its name ends with `.prom`, else node_exporter does not read it. */
  readonly path: string
  /** The metrics as they are now. */
  readonly read: () => Promise<Registry>
  readonly log: { error(fields: object, message: string): void }
}

const EVERY_MS = 15_000

export class MetricsTextfile {
  readonly #settings: MetricsTextfileSettings
  #timer: NodeJS.Timeout | undefined
  /** One write after the other: they share the temporary file. */
  #writing: Promise<void> = Promise.resolve()
  #hasFailed = false

  constructor(settings: MetricsTextfileSettings) {
    this.#settings = settings
  }

  /** Writes it every 15 seconds until `end`. The timer does not keep the process running. */
  start(): void {
    this.#timer = setInterval(() => void this.write(), EVERY_MS).unref()
  }

  /** Writes it for the last time. Never rejects. */
  async end(): Promise<void> {
    clearInterval(this.#timer)
    await this.write()
  }

  /** node_exporter never sees half a file: the new one takes the place of the old. Never rejects; the log says it once. */
  write(): Promise<void> {
    this.#writing = this.#writing.then(() => this.#write())
    return this.#writing
  }

  /** node_exporter refuses all files if two have the same series, so each names its file. */
  async #read(): Promise<string> {
    const { read, path } = this.#settings
    const labelled = Registry.merge([await read()])
    labelled.setDefaultLabels({ textfile: basename(path, '.prom') })
    return labelled.metrics()
  }

  async #write(): Promise<void> {
    const { path, log } = this.#settings
    // The collector reads names that end with .prom alone.
    const temporary = `${path}.${process.pid}.tmp`
    try {
      const text = await this.#read()
      await mkdir(dirname(path), { recursive: true })
      await rm(temporary, { force: true })
      // In a folder that others may write to, the name could be a link of theirs.
      await writeFile(temporary, text, { mode: 0o644, flag: 'wx' })
      await rename(temporary, path)
      this.#hasFailed = false
    } catch (error) {
      if (!this.#hasFailed) log.error({ err: error }, 'cannot write the metrics textfile; trying again')
      this.#hasFailed = true
      await rm(temporary, { force: true }).catch(() => undefined)
    }
  }
}
