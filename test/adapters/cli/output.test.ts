/** Standard output that cannot be written: a reader that has seen enough, and a full disk. */

import { once } from 'node:events'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { beforeAll, describe, expect, it } from '@jest/globals'
import { lmdbStore } from '../../../adapters/storage/lmdb.ts'
import { runCli, startCli } from '../../support/cli.ts'
import { keyPackageEvent, makeKeyPackage } from '../../support/key-packages.ts'
import { person } from '../../support/people.ts'
import { scratch } from '../../support/scratch.ts'

/** What a shell reports for a program that SIGPIPE has ended. */
const READER_GONE = 141
const PACKAGES = 8

const folder = scratch()
const store = `lmdb:${join(folder, 'store')}`
const lines = join(folder, 'lines.jsonl')
const refused = join(folder, 'refused.jsonl')

beforeAll(async () => {
  const alice = person('alice')
  const now = Math.floor(Date.now() / 1000)
  const events = await Promise.all(
    Array.from({ length: PACKAGES }, async () =>
      keyPackageEvent(alice, await makeKeyPackage(alice, { now }), { createdAt: now }),
    ),
  )
  writeFileSync(lines, events.map((event) => JSON.stringify(event)).join('\n'))
  writeFileSync(refused, 'no')
  expect((await runCli(['import', lines, '--store', store])).code).toBe(0)
})

describe('a reader that is gone ends a command quietly, with the exit code of SIGPIPE', () => {
  it.each([
    ['--help'],
    ['--version'],
    ['help serve'],
    ['stats'],
    ['bans --json'],
    ['export'],
    ['inspect LINES'],
    ['import LINES --dry-run --json'],
  ])('%s | true', async (args) => {
    expect(await readOf(args, 0)).toEqual({ code: READER_GONE, stderr: '' })
  })

  it('demo | head -1, and the temporary store is removed', async () => {
    const temporary = scratch()
    const ended = await readOf('demo', 1, { TMPDIR: temporary })
    expect(ended).toEqual({ code: READER_GONE, stderr: '' })
    expect(readdirSync(temporary)).toEqual([])
  })
})

describe('an import whose reader is gone', () => {
  it('takes every line in all the same', async () => {
    const path = join(folder, 'another')
    const ended = await readOf(`import LINES --json --store lmdb:${path}`, 0)
    expect(ended).toEqual({ code: READER_GONE, stderr: '' })
    const opened = lmdbStore({ path })
    expect((await opened.stats()).packages).toBe(PACKAGES)
    await opened.close()
  })

  it('still exits with 1 where it refuses a line', async () => {
    expect(await readOf('import REFUSED', 0)).toEqual({ code: 1, stderr: '' })
  })
})

describe('an error whose reader is gone', () => {
  it('keeps its exit code', async () => {
    const child = startCli(['no-such-command'])
    child.stderr.destroy()
    expect(await once(child, 'exit')).toEqual([2, null])
  })
})

describe('a disk that is full', () => {
  it.each([['--help'], ['stats'], ['export'], ['demo'], ['import LINES']])(
    '%s > /dev/full says so in one line, and exits with 1',
    async (args) => {
      expect(await runCli(argumentsOf(args), { output: '/dev/full' })).toEqual({
        code: 1,
        stdout: '',
        stderr: 'error: cannot write the result: no space left on the device\n',
      })
    },
  )
})

/** Runs a command whose reader leaves after a number of lines. */
async function readOf(args: string, wanted: number, env: Readonly<Record<string, string>> = {}) {
  const child = startCli(argumentsOf(args), { env })
  if (wanted === 0) child.stdout.destroy()
  else createInterface(child.stdout).once('line', () => child.stdout.destroy())
  const [stderr, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')])
  return { code, stderr }
}

function argumentsOf(command: string): string[] {
  const words = command.replace('LINES', lines).replace('REFUSED', refused).split(' ')
  return /^(--|help|inspect|demo)|--store/.test(command) ? words : [...words, '--store', store]
}
