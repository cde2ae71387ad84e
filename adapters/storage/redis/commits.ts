/** Reads a hash with its version, and changes it if the version is still the same (commit.lua). */

import type { Argument, Scripts } from './scripts.ts'

/** A command, its first argument a key. */
export type KeyedCommand = readonly [command: string, key: string, ...words: Argument[]]

/** The replies in order: to the writes or, if the version had changed, to the reads. */
export interface Committed {
  readonly isDone: boolean
  readonly answers: readonly unknown[]
}

/** What is decided on the replies to the reads: the hash's version (null if there is none), and what to write if anything changes. */
export interface Settled<Decided> {
  readonly decided: Decided
  readonly version: string | null
  readonly writes?: readonly KeyedCommand[]
}

/** More concurrent changes of one hash than can be expected. */
const MAX_TRIES = 20
/** No hash has this version, so a call with it only reads. */
const NO_VERSION = '?'
/** Lua's `unpack` handles only a few thousand arguments at once. */
const MAX_WORDS = 1000

export class Commits {
  readonly #scripts: Scripts

  constructor(scripts: Scripts) {
    this.#scripts = scripts
  }

  /** Runs commands that read a hash and related keys, atomically. @throws what the client throws */
  async read(key: string, reads: readonly KeyedCommand[]): Promise<readonly unknown[]> {
    const { keys, args } = callOf(key, NO_VERSION, reads, [])
    return decode(await this.#scripts.send('read', keys, args)).answers
  }

  /**
   * @param version undefined if there was no hash
   * @param reads what the decision was based on, read again if the version has changed
   * @param writes commands that need memory first: a full server can refuse only the first write of a script
   * @throws what the client throws; if the connection was lost, the change may have been made
   */
  async commit(
    key: string,
    version: string | undefined,
    reads: readonly KeyedCommand[],
    writes: readonly KeyedCommand[],
  ): Promise<Committed> {
    const { keys, args } = callOf(key, version ?? '', reads, writes)
    return decode(await this.#scripts.send('commit', keys, args))
  }

  /**
   * Reads, decides and commits, again on the new state if another client has changed the hash meanwhile. Undefined if that
   * happens again and again.
   * @throws what the client throws, as `commit`
   */
  async change<Decided>(
    key: string,
    reads: readonly KeyedCommand[],
    decide: (answers: readonly unknown[]) => Settled<Decided>,
  ): Promise<Decided | undefined> {
    let answers = await this.read(key, reads)
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const { decided, version, writes } = decide(answers)
      if (writes === undefined) return decided
      const committed = await this.commit(key, version ?? undefined, reads, writes)
      if (committed.isDone) return decided
      answers = committed.answers
    }
    return undefined
  }
}

/** Splits a command with many members, each of one or more words, into several commands. */
export function inPieces(
  command: string,
  key: string,
  members: readonly (readonly Argument[])[],
): KeyedCommand[] {
  const size = Math.floor(MAX_WORDS / (members[0]?.length || 1))
  const pieces = Array.from({ length: Math.ceil(members.length / size) }, (_, index) =>
    members.slice(index * size, (index + 1) * size),
  )
  return pieces.map((piece) => [command, key, ...piece.flat()])
}

function decode(reply: unknown): Committed {
  const [done, answers] = reply as readonly [done: 0 | 1, answers: unknown[]]
  return { isDone: done === 1, answers }
}

function callOf(
  key: string,
  version: string,
  reads: readonly KeyedCommand[],
  writes: readonly KeyedCommand[],
): { keys: readonly string[]; args: Argument[] } {
  const places = new Map([[key, 1]])
  const encode = (commands: readonly KeyedCommand[]) => {
    const args: Argument[] = []
    for (const [command, name, ...words] of commands) {
      const place = places.get(name) ?? places.size + 1
      places.set(name, place)
      args.push(words.length + 2, command, place, ...words)
    }
    return args
  }
  const first = encode(reads)
  const args = [version, first.length, ...first, ...encode(writes)]
  return { keys: [...places.keys()], args }
}
