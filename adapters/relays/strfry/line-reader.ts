/** Splits a stream of text into lines and handles them one at a time. */

import { once } from 'node:events'
import type { Readable } from 'node:stream'

/**
 * Calls `handle` with each line, after it has finished with the one before; meanwhile, nothing is read. Only `\n` ends a
 * line (node:readline would also split at U+2028, which may appear unescaped in events), and text after the last `\n` is
 * ignored. `handle` must not reject. Resolves when every line that was read before the stream ended or was destroyed has
 * been handled.
 * @throws RangeError where a line has more than `maxLength` characters
 */
export async function forEachLine(
  input: Readable,
  handle: (line: string) => Promise<void> | undefined,
  maxLength = Number.POSITIVE_INFINITY,
): Promise<void> {
  const waiting: string[] = []
  let rest = ''
  let working: Promise<void> | undefined

  const workFrom = async (doing: Promise<void>): Promise<void> => {
    input.pause()
    await doing
    for (let line = waiting.shift(); line !== undefined; line = waiting.shift()) await handle(line)
    working = undefined
    input.resume()
  }

  input.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    waiting.push(...lines)
    // Lines handled synchronously are not awaited: strfry does nothing else until it has its answer.
    while (working === undefined) {
      const line = waiting.shift()
      if (line === undefined) break
      const doing = handle(line)
      if (doing !== undefined) working = workFrom(doing)
    }
    if (rest.length > maxLength)
      input.destroy(new RangeError(`a line is longer than ${maxLength} characters`))
  })
  // A file as standard input ends, but is not closed.
  await Promise.race([once(input, 'close'), once(input, 'end')])
  await working
}
