/** A log that tests read. */

import { inspect } from 'node:util'
import type { Logger } from '../../plugin/context.ts'
import { noteLogged } from './every-log.ts'

export interface LogLine {
  readonly level: 'info' | 'warn' | 'error'
  readonly fields: Readonly<Record<string, unknown>>
  readonly message: string
}

export interface TestLog extends Logger {
  readonly lines: readonly LogLine[]
}

export function testLog(): TestLog {
  const lines: LogLine[] = []
  const at = (level: LogLine['level']) => (fields: object, message: string) => {
    lines.push({ level, fields: { ...fields }, message })
    noteLogged(`${message} ${inspect(fields, { depth: 8, maxArrayLength: null, maxStringLength: null })}`)
  }
  return { lines, info: at('info'), warn: at('warn'), error: at('error') }
}
