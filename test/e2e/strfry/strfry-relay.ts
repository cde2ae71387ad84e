/** The real strfry as a process. STRFRY_BIN is the path of its program. */

import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { SignedEvent } from '../../../plugin/nostr/messages.ts'
import { Client } from '../../support/client.ts'
import { eventually } from '../../support/eventually.ts'
import { startProcess } from '../../support/processes.ts'
import { freePort } from '../../support/redis.ts'

const { STRFRY_BIN } = process.env

/** Undefined if there is none to test with; then a warning is printed. */
export const strfryProgram = STRFRY_BIN === '' ? undefined : STRFRY_BIN

if (strfryProgram === undefined) {
  console.warn('SKIPPED: the tests on the real strfry need the path of its program in STRFRY_BIN.')
}

const MAX_EXCERPT = 4000

export class StrfryRelay {
  readonly url: string
  /** Its output. */
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

  /** Starts it in the empty `directory`, with these lines in its configuration. */
  static async start(directory: string, configuration: string): Promise<StrfryRelay> {
    const relay = new StrfryRelay(directory, await freePort())
    relay.configure(configuration)
    await relay.run()
    return relay
  }

  /**
   * Sets lines with a `relay` section, whose port 7777 is replaced. A running strfry reloads its configuration itself.
   */
  configure(configuration: string): void {
    const here = configuration
      .replace('relay {', 'relay {\n    nofiles = 0\n')
      .replace('port = 7777', `port = ${this.#port}`)
    const database = `db = "${join(this.#directory, 'strfry-db')}/"\ndbParams { mapsize = 1073741824 }\n`
    writeFileSync(this.configPath, database + here)
  }

  /** Restarts it if it exits, as systemd would: strfry aborts if a client connects before its threads are up. */
  async run(): Promise<void> {
    this.#launch()
    await eventually('strfry answers', async () => {
      if (this.#hasExited()) this.#launch()
      const client = await Client.connect(this.url)
      await untilReady(client)
      return client.close()
    })
  }

  /** Runs a command of strfry until it exits; resolves with its output. */
  async command(...args: readonly string[]): Promise<string> {
    const child = this.spawn(...args)
    let printed = ''
    child.stdout?.on('data', (text) => {
      printed += text
    })
    await once(child, 'close')
    return printed
  }

  /** Adds events with `strfry import`: the plugin is not asked, and subscribers receive them. */
  async import(...events: readonly SignedEvent[]): Promise<void> {
    const child = this.spawn('import')
    child.stdin?.end(events.map((event) => `${JSON.stringify(event)}\n`).join(''))
    await once(child, 'close')
  }

  /** @throws Error with its log if it has exited by itself */
  async stop(): Promise<void> {
    if (this.#hasExited()) throw new Error(`strfry has exited by itself: ${this.log.slice(-MAX_EXCERPT)}`)
    this.#process?.kill('SIGKILL')
    await this.#ended
  }

  /** Starts a command of strfry, with the same configuration and database. */
  spawn(...args: readonly string[]): ChildProcess {
    if (strfryProgram === undefined) throw new Error('STRFRY_BIN is not set')
    const child = startProcess(strfryProgram, [`--config=${this.configPath}`, ...args])
    for (const output of [child.stdout, child.stderr]) output.on('data', (text) => (this.log += text))
    return child
  }

  #launch(): void {
    this.#process = this.spawn('relay')
    this.#ended = once(this.#process, 'close')
  }

  #hasExited(): boolean {
    const { exitCode = null, signalCode = null } = this.#process ?? {}
    return exitCode !== null || signalCode !== null
  }

  get configPath(): string {
    return join(this.#directory, 'strfry.conf')
  }
}

/** Negentropy's threads start last; strfry aborts if a client disconnects before they are up. */
async function untilReady(client: Client): Promise<void> {
  for (;;) {
    client.send(['NEG-OPEN', 'ready', { kinds: [1] }, '6100000200'])
    const heard = await client.untilAny('NEG-MSG', 'NOTICE')
    if (heard.at(-1)?.[0] === 'NEG-MSG') return
  }
}
