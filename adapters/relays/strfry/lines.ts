/** Cuts a stream of text into lines. */

import type { Readable } from 'node:stream'

/**
 * Yields each line without its `\n`, which alone ends one: node:readline would also cut at U+2028, which stands
 * unescaped in events. What follows the last `\n` is no line. Where the stream is destroyed, the lines end.
 * @throws RangeError where a line has more than `longest` characters
 */
export async function* linesOf(input: Readable, longest = Number.POSITIVE_INFINITY): AsyncGenerator<string> {
  let rest = ''
  try {
    for await (const chunk of input.setEncoding('utf8')) {
      const lines = (rest + chunk).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) yield line
      if (rest.length > longest) throw new RangeError(`a line of more than ${longest} characters`)
    }
  } catch (error) {
    const { code }: NodeJS.ErrnoException = Object(error)
    if (code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error
  }
}
