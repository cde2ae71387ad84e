/** The file with the ids of the key packages that an import took in, so that the relay they come from can delete them. */

import { once } from 'node:events'
import { createWriteStream, type WriteStream } from 'node:fs'
import { finished } from 'node:stream/promises'
import { InputError } from '../input.ts'
import { reasonOf } from '../plain-words.ts'
import type { ImportedLine } from './store-line.ts'

/** The gateway knows these from now on, so no other relay should show them. */
const TAKEN: readonly ImportedLine['outcome'][] = [
  'stored',
  'replaced',
  'duplicate',
  'spent',
  'stale',
  'deleted',
]

export class TakenFile {
  readonly #path: string
  readonly #stream: WriteStream
  readonly #done: Promise<void>

  /** @throws InputError where the file cannot be written */
  static async open(path: string): Promise<TakenFile> {
    const stream = createWriteStream(path)
    try {
      await once(stream, 'open')
    } catch (error) {
      throw cannotWrite(path, error)
    }
    return new TakenFile(path, stream)
  }

  private constructor(path: string, stream: WriteStream) {
    this.#path = path
    this.#stream = stream
    this.#done = finished(stream)
    // It is awaited at the end.
    this.#done.catch(() => {})
  }

  /** Adds the ids of what the store has acknowledged. */
  add(lines: readonly ImportedLine[]): void {
    const ids = lines.flatMap((line) =>
      'pkg' in line && TAKEN.includes(line.outcome) ? [`${line.pkg?.id}\n`] : [],
    )
    if (ids.length > 0) this.#stream.write(ids.join(''))
  }

  /** @throws InputError where something could not be written */
  async close(): Promise<void> {
    this.#stream.end()
    try {
      await this.#done
    } catch (error) {
      throw cannotWrite(this.#path, error)
    }
  }
}

function cannotWrite(path: string, error: unknown): InputError {
  const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT'
  return new InputError(`cannot write ${path}: ${isMissing ? 'there is no such directory' : reasonOf(error)}`)
}
