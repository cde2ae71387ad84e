/** Reads a hash with its version, and changes it if it still has that version (commit.lua). */

import type { Argument, Scripts } from './scripts.ts'

/** A command, its first argument a key. */
export type KeyedCommand = readonly [command: string, key: string, ...words: Argument[]]

/** What a key holds, and what the commands answered that were to be read with it. */
export interface Snapshot {
  /** All fields, each followed by its value. */
  readonly words: readonly string[]
  readonly answers: readonly unknown[]
}

export type Committed =
  | { readonly isDone: true; readonly answers: readonly unknown[] }
  | { readonly isDone: false; readonly newer: Snapshot }

/** No hash has it, and so whoever gives it only reads. */
const NO_VERSION = '?'
/** Redis hands over no more than some thousand arguments at once. */
const MAX_WORDS = 1000

export class Commits {
  readonly #scripts: Scripts

  constructor(scripts: Scripts) {
    this.#scripts = scripts
  }

  /** @throws what the client throws */
  async read(key: string, reads: readonly KeyedCommand[] = []): Promise<Snapshot> {
    const { keys, args } = callOf(key, NO_VERSION, reads, [])
    return snapshotOf(await this.#scripts.send('read', keys, args))
  }

  /**
   * @param version '' where there was no hash
   * @param reads what has to be known besides where the version is another
   * @param writes what needs memory comes first: a full server refuses no more than the first write of a script
   * @throws what the client throws; the change may have been made, if the connection was lost
   */
  async commit(
    key: string,
    version: string,
    reads: readonly KeyedCommand[],
    writes: readonly KeyedCommand[],
  ): Promise<Committed> {
    const { keys, args } = callOf(key, version, reads, writes)
    const reply = (await this.#scripts.send('commit', keys, args)) as readonly [done: number, ...unknown[]]
    if (reply[0] === 1) return { isDone: true, answers: reply[1] as unknown[] }
    return { isDone: false, newer: snapshotOf(reply) }
  }
}

/** The fields of a hash, from its words. */
export function fieldsOf(words: readonly string[]): Map<string, string> {
  const fields = new Map<string, string>()
  for (let index = 0; index < words.length; index += 2) fields.set(words[index] ?? '', words[index + 1] ?? '')
  return fields
}

/** A command for so many members of a key, each of several words, as often as it takes. */
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

/** @param reply of commit.lua where the version was another */
function snapshotOf(reply: unknown): Snapshot {
  const [, words, answers] = reply as readonly [0, string[], unknown[]]
  return { words, answers }
}

function callOf(
  key: string,
  version: string,
  reads: readonly KeyedCommand[],
  writes: readonly KeyedCommand[],
): { keys: readonly string[]; args: Argument[] } {
  const places = new Map([[key, 1]])
  const place = (name: string) => {
    const known = places.get(name) ?? places.size + 1
    places.set(name, known)
    return known
  }
  const encode = (commands: readonly KeyedCommand[]) =>
    commands.flatMap(([command, name, ...words]) => [words.length + 2, command, place(name), ...words])
  const first = encode(reads)
  const args = [version, first.length, ...first, ...encode(writes)]
  return { keys: [...places.keys()], args }
}
