/** Colour and signs on a terminal, and nothing of it elsewhere (NO_COLOR and FORCE_COLOR are heeded). */

import type { WriteStream } from 'node:tty'
import { styleText } from 'node:util'

export type Mood = 'good' | 'warning' | 'bad' | 'quiet'

const colours = { good: 'green', warning: 'yellow', bad: 'red', quiet: 'gray' } as const
export const signs = { good: '✓', warning: '!', bad: '✗', quiet: '-' } as const
/** What a sign says, where there is no terminal: a log, a file, another program. */
const words = { good: 'ok', warning: 'warning', bad: 'failed', quiet: 'skipped' } as const

/** Whether what is written there has colours. */
function hasColours(stream: NodeJS.WriteStream, env: NodeJS.ProcessEnv = process.env): boolean {
  if (env.NO_COLOR !== undefined && env.NO_COLOR !== '') return false
  if (env.FORCE_COLOR !== undefined && env.FORCE_COLOR !== '')
    return !['0', 'false'].includes(env.FORCE_COLOR)
  return stream.isTTY && (stream as WriteStream).hasColors()
}

/** A text in the colour of a mood. */
export function coloured(text: string, mood: Mood, stream: NodeJS.WriteStream = process.stdout): string {
  if (!hasColours(stream)) return text
  // Whether the stream has colours is decided above, by the same rules for every version of Node.js.
  return styleText(colours[mood], text)
}

/** ✓, !, ✗ or - on a terminal, a word elsewhere. All are as wide as the widest. */
export function signOf(mood: Mood, stream: NodeJS.WriteStream = process.stdout): string {
  const text = stream.isTTY
    ? signs[mood]
    : words[mood].padEnd(Math.max(...Object.values(words).map((word) => word.length)))
  return coloured(text, mood, stream)
}

/** Colours the signs and words that begin a line or a column of a table; they are told by their spaces. */
export function painted(
  table: string,
  moodsOfWords: Readonly<Record<string, Mood>>,
  stream: NodeJS.WriteStream = process.stdout,
): string {
  if (!hasColours(stream)) return table
  const pattern = new RegExp(`(^| {2})(${Object.keys(moodsOfWords).join('|')})(?= {2}|$)`, 'gm')
  return table.replace(pattern, (_, before: string, word: string) => {
    const mood = moodsOfWords[word]
    return before + (mood === undefined ? word : coloured(word, mood, stream))
  })
}

/** How many columns a text may use. A terminal that does not know its width says 0. */
export function widthOf(stream: NodeJS.WriteStream = process.stdout): number {
  return Math.max(40, Math.min(stream.columns || 80, 100))
}
