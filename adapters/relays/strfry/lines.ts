/** Cuts a stream of text into lines, and hands out one at a time. */

import { once } from 'node:events'
import type { Readable } from 'node:stream'

/**
 * Calls `handle` with each line, and with the next one when that is done; while it is under way, nothing is read.
 * A `\n` ends a line and nothing else does (node:readline would also cut at U+2028, which stands unescaped in
 * events); what follows the last one is no line. `handle` must not reject. Resolves when all is done that was read
 * before the stream ended or was destroyed.
 * @throws RangeError where a line has more than `longest` characters
 */
export async function eachLine(
  input: Readable,
  handle: (line: string) => Promise<void> | undefined,
  longest = Number.POSITIVE_INFINITY,
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
    // Lines that are done at once are not waited for: strfry stands still until it has its answer.
    while (working === undefined) {
      const line = waiting.shift()
      if (line === undefined) break
      const doing = handle(line)
      if (doing !== undefined) working = workFrom(doing)
    }
    if (rest.length > longest) input.destroy(new RangeError(`a line of more than ${longest} characters`))
  })
  await once(input, 'close')
  await working
}
