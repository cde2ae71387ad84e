/** A test file that leaves what it has made: watchdog.test.ts runs it. UNTIDY_FILE is where it says what that is. */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, it } from '@jest/globals'
import { scratch } from './scratch.ts'

const { UNTIDY_FILE, UNTIDY_END } = process.env

const folder = scratch()
writeFileSync(join(folder, 'file'), '')
writeFileSync(UNTIDY_FILE, JSON.stringify({ folder }))

beforeAll(async () => {
  if (UNTIDY_END === 'failure') throw new Error('this setup fails')
  await new Promise(() => {})
}, 600_000)

it('is never run', () => {})
