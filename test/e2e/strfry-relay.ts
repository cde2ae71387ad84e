/** The real strfry as a process of its own. Its program is where STRFRY_BIN says. */

import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { SignedEvent } from '../../plugin/nostr/messages.ts'
import { Client } from '../support/client.ts'
import { eventually } from '../support/eventually.ts'
import { startProcess } from '../support/processes.ts'
import { freePort } from '../support/redis.ts'

const { STRFRY_BIN } = process.env

/** Undefined where there is none to test with, which is said aloud. */
export const strfryProgram = STRFRY_BIN === '' ? undefined : STRFRY_BIN

if (strfryProgram === undefined) {
  console.warn('SKIPPED: the tests on the real strfry need its program, whose path STRFRY_BIN names.')
}

const LONGEST_EXCERPT = 4000

export class StrfryRelay {
  readonly url: string
  /** What it logged. */
  log = ''
  readonly #directory: string
  readonly #port: number
  #process: ChildProcess | undefined
  #ended: Promise<unknown> | undefined

  private constructor(directory: string, port: number) {
    this.#directory = directory
    this.#port = port
    this.url = `ws://127.0.0.1:${port}`
    mkdirSync(join(directory, 'strfry-db'))
  }

  /** Starts it in `directory`, new and empty, with these lines in its configuration. */
  static async start(directory: string, configuration: string): Promise<StrfryRelay> {
    const relay = new StrfryRelay(directory, await freePort())
    relay.configure(configuration)
    await relay.run()
    return relay
  }

  /** Lines with a `relay` section that names port 7777, in whose place it gets its own. A running strfry reads them by itself. */
  configure(configuration: string): void {
    const here = configuration
      .replace('relay {', 'relay {\n    nofiles = 0\n')
      .replace('port = 7777', `port = ${this.#port}`)
    const database = `db = "${join(this.#directory, 'strfry-db')}/"\ndbParams { mapsize = 1073741824 }\n`
    writeFileSync(this.#config, database + here)
  }

  /** Started again where it has ended, as by systemd: strfry aborts when a client comes before its threads. */
  async run(): Promise<void> {
    this.#launch()
    await eventually('strfry answers', async () => {
      if (this.#hasEnded()) this.#launch()
      const client = await Client.connect(this.url)
      await untilReady(client)
      return client.close()
    })
  }

  /** Runs one of strfry's commands to its end; resolves with what it printed. */
  async command(...args: readonly string[]): Promise<string> {
    const child = this.spawn(...args)
    let printed = ''
    child.stdout?.on('data', (text) => {
      printed += text
    })
    await once(child, 'close')
    return printed
  }

  /** Puts events in as `strfry import` and `strfry sync` do: no plugin is asked, and who listens hears of them. */
  async import(...events: readonly SignedEvent[]): Promise<void> {
    const child = this.spawn('import')
    child.stdin?.end(events.map((event) => `${JSON.stringify(event)}\n`).join(''))
    await once(child, 'close')
  }

  /** @throws Error with its log where it has ended by itself */
  async stop(): Promise<void> {
    if (this.#hasEnded()) throw new Error(`strfry has ended by itself: ${this.log.slice(-LONGEST_EXCERPT)}`)
    this.#process?.kill('SIGKILL')
    await this.#ended
  }

  /** One of strfry's commands, on the same configuration and database. */
  spawn(...args: readonly string[]): ChildProcess {
    if (strfryProgram === undefined) throw new Error('STRFRY_BIN is not set')
    const child = startProcess(strfryProgram, [`--config=${this.#config}`, ...args])
    for (const output of [child.stdout, child.stderr]) output.on('data', (text) => (this.log += text))
    return child
  }

  #launch(): void {
    this.#process = this.spawn('relay')
    this.#ended = once(this.#process, 'close')
  }

  #hasEnded(): boolean {
    const { exitCode = null, signalCode = null } = this.#process ?? {}
    return exitCode !== null || signalCode !== null
  }

  get #config(): string {
    return join(this.#directory, 'strfry.conf')
  }
}

/** Negentropy's threads are the last to start; strfry aborts when a client leaves before them. */
async function untilReady(client: Client): Promise<void> {
  for (;;) {
    client.send(['NEG-OPEN', 'ready', { kinds: [1] }, '6100000200'])
    const heard = await client.untilAny('NEG-MSG', 'NOTICE')
    if (heard.at(-1)?.[0] === 'NEG-MSG') return
  }
}
