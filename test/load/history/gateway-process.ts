/** One `serve` process under test: started, killed and started again at one address, with a clock that can be stepped. */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { OptionsInput } from '../../../plugin/options.ts'
import { type Serving, serveCli } from '../../support/cli.ts'
import { eventually } from '../../support/eventually.ts'
import { projectFile } from '../../support/project.ts'
import { scratch } from '../../support/scratch.ts'

const CLOCK_STEPS = pathToFileURL(projectFile('test/support/clock-steps.mjs')).href

/** How far the clock is ahead, from when on; by the clock of the tests, in milliseconds. */
interface Ahead {
  readonly seconds: number
  readonly from: number
  to: number
}

export class GatewayProcess {
  readonly #settings: object
  readonly #directory = scratch()
  readonly #clockFile = join(this.#directory, 'clock')
  #listen = '127.0.0.1:0'
  #options: OptionsInput = {}
  #serving: Serving | undefined
  #ahead: readonly Ahead[] = []
  #crash: string | undefined

  /** @param settings besides the options: the store, above all */
  constructor(settings: object) {
    this.#settings = settings
  }

  get url(): string {
    return `ws://${this.#listen}`
  }

  /** What the process has logged since it was started last. */
  get log(): Serving['log'] {
    return this.#serving?.log ?? []
  }

  async start(options = this.#options): Promise<void> {
    this.#options = options
    const config = join(this.#directory, 'config.yaml')
    const trusting = { proxy: { trust: ['127.0.0.0/8'] }, server: { maxConnections: 0 } }
    // JSON is YAML.
    writeFileSync(config, JSON.stringify({ ...trusting, ...this.#settings, ...options }))
    this.#ahead = [{ seconds: 0, from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY }]
    this.#serving = await serveCli(['--config', config, '--listen', this.#listen], {
      env: { NODE_OPTIONS: `--import=${CLOCK_STEPS}`, CLOCK_FILE: this.#clockFile },
    })
    this.#listen = new URL(this.#serving.url).host
    void this.#watch(this.#serving)
  }

  /** What it said last if it has ended by itself, which it never may (I9). */
  get crash(): string | undefined {
    return this.#crash
  }

  /** It gets no chance to finish anything. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL')
  }

  async stop(): Promise<void> {
    await this.#end('SIGTERM')
  }

  async #watch(serving: Serving): Promise<void> {
    const { code } = await serving.finished
    if (serving !== this.#serving) return
    const last = [
      ...serving.log.slice(-5).map((line) => JSON.stringify(line)),
      ...serving.complaints.slice(-20),
    ]
    this.#crash = [`a gateway ended with ${code}:`, ...last].join('\n')
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const serving = this.#serving
    this.#serving = undefined
    serving?.kill(signal)
    await serving?.finished
  }

  /** Steps its clock: it is so many seconds ahead from now on. */
  async stepClock(seconds: number): Promise<void> {
    const steps = () => this.log.filter(({ msg }) => msg === 'the clock was stepped').length
    const before = steps()
    writeFileSync(this.#clockFile, String(seconds))
    const from = Date.now()
    this.#serving?.kill('SIGUSR2')
    await eventually('the clock is stepped', () => steps() > before)
    const last = this.#ahead.at(-1)
    if (last !== undefined) last.to = Date.now()
    this.#ahead = [...this.#ahead, { seconds, from, to: Number.POSITIVE_INFINITY }]
  }

  /** How far its clock is ahead now, in seconds. */
  get ahead(): number {
    return this.#ahead.at(-1)?.seconds ?? 0
  }

  /** What its clock can have said between two times of the tests' clock, in seconds since the epoch. */
  secondsBetween(fromMs: number, toMs: number): number[] {
    const seconds = this.#ahead.flatMap(({ seconds, from, to }) => {
      const [first, last] = [Math.max(from, fromMs), Math.min(to, toMs)].map((ms) => Math.floor(ms / 1000))
      if (first === undefined || last === undefined || first > last) return []
      return Array.from({ length: last - first + 1 }, (_, index) => first + index + seconds)
    })
    return [...new Set(seconds)]
  }
}
