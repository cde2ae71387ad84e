/** Where logs go: JSON lines on stderr, or something nicer where a person watches. stdout is not theirs. */

import { type Logger, pino } from 'pino'

const STDERR = 2

export async function createLogger(level: string): Promise<Logger> {
  if (!process.stderr.isTTY) return createJsonLogger(level)
  const { default: pretty } = await import('pino-pretty')
  return pino({ level }, pretty({ destination: openStderr(), ignore: 'pid,hostname' }))
}

export function createJsonLogger(level: string): Logger {
  return pino({ level }, openStderr())
}

/** A log that cannot be written, because its terminal was closed (EIO), must not end the process. */
function openStderr() {
  return pino.destination({ dest: STDERR, sync: true }).on('error', () => {})
}
