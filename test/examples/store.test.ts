/** examples/store does what its README says: stores in few lines that keep the contract. */

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from '@jest/globals'
import { run } from '../support/processes.ts'

const inExample = (name: string) => fileURLToPath(new URL(`../../examples/store/${name}`, import.meta.url))

describe('examples/store', () => {
  it('keeps the contract in files, and in SQLite where Node.js has it', async () => {
    const report = await run(process.execPath, ['--test', '--test-reporter=tap', inExample('store.test.js')])
    const count = (what: string) => Number(new RegExp(`^# ${what} (\\d+)$`, 'm').exec(report)?.[1])
    expect(count('fail') + count('cancelled') + count('skipped') + count('todo')).toBe(0)
    expect(count('pass')).toBe(count('tests'))
    expect(report).toMatch(/# Subtest: has all that it was given, the windows and claims too/)
    expect(report.includes('# Subtest: the store in SQLite')).toBe(await hasSqlite())
  })

  it.each(['sqlite.js', 'files.js'])('has fewer than 80 lines of code in %s', (name) => {
    const lines = readFileSync(inExample(name), 'utf8').split('\n')
    const code = lines.filter((line) => !/^\s*($|\/\/|\/\*|\*)/.test(line))
    expect(code.length).toBeLessThan(80)
  })
})

async function hasSqlite(): Promise<boolean> {
  return process.getBuiltinModule('node:sqlite') !== undefined
}
