/** A log that tests read. */

import type { Logger } from '../../plugin/context.ts'

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
  const at = (level: LogLine['level']) => (fields: object, message: string) =>
    void lines.push({ level, fields: { ...fields }, message })
  return { lines, info: at('info'), warn: at('warn'), error: at('error') }
}
