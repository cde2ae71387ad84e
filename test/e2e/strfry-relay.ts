/** The real strfry as a process of its own. Its program is where STRFRY_BIN says. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { eventually } from '../support/eventually.ts'
import { Client } from './client.ts'

const { STRFRY_BIN } = process.env

/** Undefined where there is none to test with. */
export const strfryProgram = STRFRY_BIN === '' ? undefined : STRFRY_BIN

export class StrfryRelay {
  readonly url: string
  /** What it logged. */
  log = ''
  readonly #directory: string
  readonly #port: number
  #process: ChildProcess | undefined

  private constructor(directory: string, port: number) {
    this.#directory = directory
    this.#port = port
    this.url = `ws://127.0.0.1:${port}`
    mkdirSync(join(directory, 'strfry-db'))
  }

  /** Starts it in `directory`, with this shell command for a write-policy plugin. */
  static async start(directory: string, plugin: string): Promise<StrfryRelay> {
    const relay = new StrfryRelay(directory, await freePort())
    relay.configure(plugin)
    await relay.run()
    return relay
  }

  /** Writes its configuration; a running strfry reads it again by itself. */
  configure(plugin: string): void {
    writeFileSync(
      this.#config,
      `db = "${join(this.#directory, 'strfry-db')}/"
      dbParams { mapsize = 1073741824 }
      relay {
        bind = "127.0.0.1"
        port = ${this.#port}
        nofiles = 0
        writePolicy { plugin = "${plugin}" }
      }`,
    )
  }

  async run(): Promise<void> {
    this.#process = this.spawn('relay')
    await eventually('strfry listens', async () => (await Client.connect(this.url)).close())
  }

  async stop(): Promise<void> {
    this.#process?.kill('SIGKILL')
    if (this.#process?.exitCode === null) await once(this.#process, 'close')
  }

  /** One of strfry's commands, on the same configuration and database. */
  spawn(...args: readonly string[]): ChildProcess {
    if (strfryProgram === undefined) throw new Error('STRFRY_BIN is not set')
    const child = spawn(strfryProgram, [`--config=${this.#config}`, ...args])
    for (const output of [child.stdout, child.stderr]) output.on('data', (text) => (this.log += text))
    return child
  }

  get #config(): string {
    return join(this.#directory, 'strfry.conf')
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}
