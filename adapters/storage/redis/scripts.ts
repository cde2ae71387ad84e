/**
 * Loads and runs the Lua scripts. Each call carries a token that its reply must repeat: if the client mixes up replies, as
 * ioredis has done, none is mistaken for the reply to another call (I4).
 */

import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { RedisConnection } from './connection.ts'

/** The file of each script. */
const FILES = {
  claim: 'claim.lua',
  commit: 'commit.lua',
  read: 'commit.lua',
  hit: 'hit.lua',
  refund: 'refund.lua',
  reschedule: 'reschedule.lua',
  forget: 'forget.lua',
  ask: 'ask.lua',
  follows: 'follows.lua',
} as const satisfies Record<string, string>

/** Scripts that write nothing, so they need not wait for replicas. */
const READERS: ReadonlySet<ScriptName> = new Set(['read', 'ask', 'follows'])

/** Scripts that do the work of one turn of the event loop already: their calls need not wait for others. */
const GATHERED: ReadonlySet<ScriptName> = new Set(['claim'])

export type ScriptName = keyof typeof FILES
export type Argument = string | number

interface Script {
  readonly text: string
  readonly sha: string
}

export class Scripts {
  readonly #connection: RedisConnection
  readonly #scripts: ReadonlyMap<ScriptName, Script>
  #calls = 0

  constructor(connection: RedisConnection) {
    this.#connection = connection
    this.#scripts = new Map(
      Object.entries(FILES).map(([name, file]) => [name as ScriptName, readScript(file)]),
    )
  }

  /** @throws StoreError */
  run(name: ScriptName, keys: readonly string[], args: readonly Argument[]): Promise<unknown> {
    return this.#connection.within(this.send(name, keys, args))
  }

  /** The reply to a read-only command. @throws StoreError */
  ask(command: string, key: string, ...args: readonly Argument[]): Promise<unknown> {
    return this.run('ask', [key], [command, ...args])
  }

  /** @throws what the client throws; wrap it in `within` */
  async send(name: ScriptName, keys: readonly string[], args: readonly Argument[]): Promise<unknown> {
    const script = this.#scripts.get(name)
    if (script === undefined) throw new Error(`there is no script ${name}`)
    this.#calls += 1
    const token = this.#calls.toString(36)
    const words = [keys.length, ...keys, ...args, token]
    const isReader = READERS.has(name)
    const send = (command: string, body: string) =>
      isReader
        ? this.#connection.read([command, body, ...words])
        : this.#connection.write([command, body, ...words])
    const answer = send('evalsha', script.sha)
    if (GATHERED.has(name)) this.#connection.flush()
    try {
      return this.#open(token, await answer)
    } catch (error) {
      // The server does not have the script (yet, or since a restart), so nothing was done.
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error
      return this.#open(token, await send('eval', script.text))
    }
  }

  /** @throws Error CROSSED if it is not the reply to the call with that token */
  #open(token: string, reply: unknown): unknown {
    if (Array.isArray(reply) && reply[0] === token) return reply[1] ?? null
    this.#connection.distrust()
    throw new Error('CROSSED reply to another call')
  }
}

function readScript(file: string): Script {
  const text = `local token = table.remove(ARGV)\nlocal function answer()\n${readLua(file)}\nend\nreturn { token, answer() }`
  return { text, sha: createHash('sha1').update(text).digest('hex') }
}

/** A file, with those in it that it names in lines such as `-- include: window.lua`. */
function readLua(file: string): string {
  const text = readFileSync(new URL(file, import.meta.url), 'utf8')
  return text.replace(/^-- include: (\S+)$/gm, (_line, included: string) => readLua(included))
}
