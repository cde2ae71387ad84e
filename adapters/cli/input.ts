/** What a command is given to read: a file, or standard input. */

import { open } from 'node:fs/promises'

/** Something was given to read that cannot be read, or is of another kind. */
export class InputError extends Error {
  readonly code = 'KPG_INPUT'
}

export interface Input {
  readonly text: AsyncIterable<string>
  /** How much of it was read so far, from 0 to 1; undefined where nobody knows how much there is. */
  fractionRead(): number | undefined
}

/**
 * Opens a file for reading piece by piece; `-` is standard input.
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
    throw new InputError(`${file} cannot be read: ${(error as Error).message}`)
  }
}
