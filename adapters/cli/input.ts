/** What a command reads: a file or standard input, of any size, line by line. */

import { open } from 'node:fs/promises'

/** Of a longer line only this much is kept; cut off, it is not valid JSON and is refused. */
const MAX_LINE_CHARACTERS = 4_194_304

/** An input file cannot be read or parsed. */
export class InputError extends Error {
  readonly code = 'KPG_INPUT'
}

export interface Input {
  readonly text: AsyncIterable<string>
  /** How much has been read, from 0 to 1; undefined where the size is unknown. */
  fractionRead(): number | undefined
}

/**
 * Opens a file to be read piece by piece; `-` is standard input.
 * @throws InputError
 */
export async function openInput(file: string): Promise<Input> {
  if (file === '-') return { text: process.stdin.setEncoding('utf8'), fractionRead: () => undefined }
  try {
    const handle = await open(file)
    const info = await handle.stat()
    if (info.isDirectory()) throw new Error('it is a directory')
    const text = handle.createReadStream({ encoding: 'utf8' })
    return { text, fractionRead: () => (info.isFile() ? text.bytesRead / info.size : undefined) }
  } catch (error) {
    throw unreadable(file, error)
  }
}

export function unreadable(file: string, error: unknown): InputError {
  return new InputError(`cannot read ${file}: ${(error as Error).message}`)
}

/** Yields each line without its `\n`. Nothing else ends a line: events may contain an unescaped U+2028. */
export async function* linesOf(chunks: AsyncIterable<string>): AsyncGenerator<string> {
  let rest = ''
  for await (const chunk of chunks) {
    const [first = '', ...lines] = chunk.split('\n')
    if (rest.length < MAX_LINE_CHARACTERS) rest = `${rest}${first}`.slice(0, MAX_LINE_CHARACTERS)
    for (const line of lines) {
      yield rest
      rest = line.slice(0, MAX_LINE_CHARACTERS)
    }
  }
  if (rest !== '') yield rest
}
