/** What a test file leaves is gone when it is over, however it went. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it, jest } from '@jest/globals'
import { eventually } from './eventually.ts'
import { scratch } from './scratch.ts'

jest.setTimeout(60_000)

const top = fileURLToPath(new URL('../../', import.meta.url))
const runner = ['--experimental-vm-modules', join(top, 'node_modules/jest/bin/jest.js')]

/** Runs `untidy.mjs`, as far as it has made what it leaves. */
async function makeUntidy(end: 'failure' | 'none', ...flags: string[]) {
  const file = join(scratch(), 'left.json')
  const child = spawn(process.execPath, [...runner, '--testMatch', '**/untidy.mjs', ...flags], {
    cwd: top,
    env: { ...process.env, UNTIDY_FILE: file, UNTIDY_END: end },
    stdio: 'ignore',
  })
  const ended = once(child, 'exit')
  const left = await eventually(
    'it has made what it leaves',
    () => JSON.parse(readFileSync(file, 'utf8')) as { folder: string },
  )
  return { child, ended, left }
}

it('is gone when its setup has failed', async () => {
  const { ended, left } = await makeUntidy('failure')
  expect(await ended).toEqual([1, null])
  expect(existsSync(left.folder)).toBe(false)
})

it('is gone when not one of its tests was asked for', async () => {
  const { ended, left } = await makeUntidy('none', '--testNamePattern', 'another')
  expect(await ended).toEqual([0, null])
  expect(existsSync(left.folder)).toBe(false)
})

it('is gone soon after its process was killed', async () => {
  const { child, ended, left } = await makeUntidy('none')
  child.kill('SIGKILL')
  await ended
  await eventually('the folder is gone', () => !existsSync(left.folder))
})
