/** Writes findings where they can be replayed from. */

import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { projectFile } from '../support/project.ts'

/** The path of the file with the input; what it broke stands beside it. */
export function writeFinding(target: string, input: Buffer, error: unknown): string {
  const folder = projectFile('test/output/fuzz')
  mkdirSync(folder, { recursive: true })
  const hash = createHash('sha256').update(input).digest('hex').slice(0, 12)
  const file = join(folder, `${target}-${hash}`)
  writeFileSync(file, input)
  writeFileSync(`${file}.error.txt`, `${error instanceof Error ? error.stack : String(error)}\n`)
  return file
}
