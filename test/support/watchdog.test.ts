/** What a test file leaves is gone when it is over, however it went. */

import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from '@jest/globals'
import { eventually } from './eventually.ts'
import { startProcess } from './processes.ts'
import { scratch } from './scratch.ts'

const top = fileURLToPath(new URL('../../', import.meta.url))
const runner = ['--experimental-vm-modules', join(top, 'node_modules/jest/bin/jest.js')]

interface Left {
  readonly folder: string
  readonly servers: readonly string[]
}

/** Runs `untidy.mjs`, as far as it has made what it leaves. */
async function makeUntidy(end: 'loaded' | 'failure' | 'none', ...flags: readonly string[]) {
  const file = join(scratch(), 'left.json')
  const child = startProcess(
    process.execPath,
    [...runner, '--runInBand', '--testMatch', '**/untidy.mjs', ...flags],
    {
      cwd: top,
      env: { ...process.env, UNTIDY_FILE: file, UNTIDY_END: end },
      stdio: 'ignore',
    },
  )
  const ended = once(child, 'exit')
  const left = await eventually(
    'it has made what it leaves',
    () => JSON.parse(readFileSync(file, 'utf8')) as Left,
    20_000,
  )
  return { child, ended, left }
}

async function isServing(server: string): Promise<boolean> {
  try {
    await fetch(server, { signal: AbortSignal.timeout(1000) })
    return true
  } catch (error) {
    return (error as Error).name === 'TimeoutError'
  }
}

/** What of it is still there. */
async function remaining({ folder, servers }: Left): Promise<string[]> {
  const serving = await Promise.all(servers.map(isServing))
  return [...servers.filter((_server, index) => serving[index]), ...(existsSync(folder) ? [folder] : [])]
}

describe('what a test file leaves', () => {
  it('is gone when its setup has failed', async () => {
    const { ended, left } = await makeUntidy('failure')
    expect(await ended).toEqual([1, null])
    expect(await remaining(left)).toEqual([])
  })

  it('is gone when not one of its tests was asked for', async () => {
    const { ended, left } = await makeUntidy('loaded', '--testNamePattern', 'another')
    expect(await ended).toEqual([0, null])
    expect(await remaining(left)).toEqual([])
  })

  it('is gone soon after its process was killed', async () => {
    const { child, ended, left } = await makeUntidy('none')
    expect(await remaining(left)).toEqual([...left.servers, left.folder])
    child.kill('SIGKILL')
    await ended
    await eventually('all is gone', async () => (await remaining(left)).length === 0)
  })
})
