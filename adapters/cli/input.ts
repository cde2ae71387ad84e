/** What a command reads: a file or standard input, plain or compressed with gzip, of any size, line by line. */

import { fstatSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { pipeline, Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { reasonOf } from './plain-words.ts'

/** Of a longer line only this much is kept; cut off, it is not valid JSON and is refused. */
const MAX_LINE_CHARACTERS = 4_194_304
/** Of a file that is read as a whole, so that a small compressed one cannot take all memory. */
const MAX_CHARACTERS = 67_108_864
const STDIN = 0
/** The first bytes of a compressed file (RFC 1952 section 2.3.1, RFC 8878 section 3.1.1, bzip2, xz). */
const GZIP = [0x1f, 0x8b]
const MAGIC_BYTES = 4
const OTHERS: readonly (readonly [program: string, magic: readonly number[]])[] = [
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
  ['bzip2', [0x42, 0x5a, 0x68]],
  ['xz', [0xfd, 0x37, 0x7a, 0x58]],
]

/** An input file cannot be read or parsed. */
export class InputError extends Error {
  readonly code = 'KPG_INPUT'
}

export interface Input {
  /** Reading it throws InputError. */
  readonly text: AsyncIterable<string>
  /** How much has been read, from 0 to 1; undefined where the size is unknown. */
  fractionRead(): number | undefined
}

/**
 * Opens a file to be read piece by piece; `-` is standard input.
 * @throws InputError
 */
export async function openInput(file: string): Promise<Input> {
  const name = file === '-' ? 'standard input' : file
  try {
    if (file === '-') {
      // Node.js takes a directory there for an empty file.
      if (fstatSync(STDIN).isDirectory()) throw new Error('it is a directory')
      return { text: textOf(process.stdin, name), fractionRead: () => undefined }
    }
    const handle = await open(file)
    const info = await handle.stat()
    if (info.isDirectory()) throw new Error('it is a directory')
    const bytes = handle.createReadStream()
    return {
      text: textOf(bytes, name),
      fractionRead: () => (info.isFile() ? bytes.bytesRead / info.size : undefined),
    }
  } catch (error) {
    throw unreadable(name, error)
  }
}

/** Everything in a file. @throws InputError, also where it holds or unpacks to more than `MAX_CHARACTERS` */
export async function readAll(file: string): Promise<string> {
  const pieces: string[] = []
  let length = 0
  for await (const piece of (await openInput(file)).text) {
    length += piece.length
    if (length > MAX_CHARACTERS) throw new InputError(`${file} holds more than ${MAX_CHARACTERS} characters`)
    pieces.push(piece)
  }
  return pieces.join('')
}

function unreadable(name: string, error: unknown): InputError {
  const { code } = error as NodeJS.ErrnoException
  const isDamaged = code?.startsWith('Z_') === true
  return new InputError(
    `cannot read ${name}: ${isDamaged ? 'its gzip data is damaged, or ends too early' : reasonOf(error)}`,
  )
}

async function* textOf(raw: Readable, name: string): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  try {
    for await (const bytes of await decompressed(raw)) yield decoder.decode(bytes, { stream: true })
    yield decoder.decode()
  } catch (error) {
    throw error instanceof InputError ? error : unreadable(name, error)
  }
}

/** @throws InputError where it is compressed in another way than gzip */
async function decompressed(raw: Readable): Promise<AsyncIterable<Uint8Array>> {
  const chunks: AsyncIterator<Uint8Array> = raw[Symbol.asyncIterator]()
  let start = Buffer.alloc(0)
  while (start.length < MAGIC_BYTES) {
    const next = await chunks.next()
    if (next.done) break
    start = Buffer.concat([start, next.value])
  }
  const begins = (magic: readonly number[]) => magic.every((byte, index) => start[index] === byte)
  const [program] = OTHERS.find(([, magic]) => begins(magic)) ?? []
  if (program !== undefined) throw new InputError(`it is compressed: pipe it through \`${program} -dc\``)
  const all = withStart(start, chunks)
  // The error of either stream is that of the last one, which is read below.
  return begins(GZIP) ? pipeline(Readable.from(all), createGunzip(), () => {}) : all
}

async function* withStart(start: Uint8Array, rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield start
  yield* { [Symbol.asyncIterator]: () => rest }
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
