/**
 * The Lua scripts: what each is made of, and how it is run. Each call carries a token that comes back with its answer:
 * where the client mixes answers up, as ioredis has done, none is taken for that of another call (I4).
 */

import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { RedisConnection } from './connection.ts'

/** A function with what it needs, made only when a script asks for it: `claimAny`, say, by `makeClaimAny()`. */
interface Made {
  readonly name: string
  readonly from: readonly string[]
}

/** The files of a script, in the order in which they see each other. */
const FILES = {
  put: ['prelude', 'layout', 'window', 'places', 'stock', 'visits', 'put'],
  claim: [
    'prelude',
    'layout',
    'window',
    'terms',
    { name: 'claimAny', from: ['places', 'stock', 'visits', 'selection', 'claim-any'] },
    'claim',
  ],
  release: ['prelude', 'layout', 'window', 'places', 'stock', 'visits', 'deliveries', 'release'],
  drop: ['prelude', 'layout', 'window', 'places', 'stock', 'visits', 'deliveries', 'dropping', 'drop'],
  spend: ['prelude', 'layout', 'window', 'places', 'stock', 'visits', 'deliveries', 'dropping', 'spend'],
  sweep: ['prelude', 'layout', 'window', 'places', 'stock', 'visits', 'sweep'],
  list: ['prelude', 'layout', 'places', 'stock', 'list'],
  count: ['prelude', 'layout', 'places', 'stock', 'count'],
  hit: ['prelude', 'window', 'hit'],
  putRelayList: ['put-relay-list'],
  dropRelayList: ['drop-relay-list'],
  reschedule: ['reschedule'],
  ask: ['ask'],
} as const satisfies Record<string, readonly (string | Made)[]>

/** Those that write nothing: no replica has to be waited for. */
const READERS: ReadonlySet<ScriptName> = new Set(['list', 'count', 'ask'])

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
      Object.entries(FILES).map(([name, files]) => [name as ScriptName, readScript(files)]),
    )
  }

  /** @throws StoreError */
  run(name: ScriptName, keys: readonly string[], args: readonly Argument[]): Promise<unknown> {
    return this.#connection.within(this.#send(name, keys, args))
  }

  /** The answer of a command that only reads. @throws StoreError */
  ask(command: string, key: string, ...args: readonly Argument[]): Promise<unknown> {
    return this.run('ask', [key], [command, ...args])
  }

  async #send(name: ScriptName, keys: readonly string[], args: readonly Argument[]): Promise<unknown> {
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
    try {
      return this.#open(token, await send('evalsha', script.sha))
    } catch (error) {
      // The server does not know it (yet, or since a restart), so it has done nothing.
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error
      return this.#open(token, await send('eval', script.text))
    }
  }

  /** @throws Error CROSSED where it is not the answer to the call with that token */
  #open(token: string, reply: unknown): unknown {
    if (Array.isArray(reply) && reply[0] === token) return reply[1] ?? null
    this.#connection.distrust()
    throw new Error('CROSSED an answer to another call')
  }
}

function readScript(parts: readonly (string | Made)[]): Script {
  const body = parts.map((part) => (typeof part === 'string' ? readLua(part) : readMade(part))).join('\n')
  const text = `local token = table.remove(ARGV)\nlocal function answer()\n${body}\nend\nreturn { token, answer() }`
  return { text, sha: createHash('sha1').update(text).digest('hex') }
}

function readMade({ name, from }: Made): string {
  const maker = `make${name.charAt(0).toUpperCase()}${name.slice(1)}`
  return `local function ${maker}()\n${from.map(readLua).join('\n')}\nreturn ${name}\nend`
}

function readLua(file: string): string {
  return readFileSync(new URL(`${file}.lua`, import.meta.url), 'utf8')
}
