/** `demo` tells its story on a real relay, leaves nothing behind, and exits 0 only if every step held. */

import { readdirSync } from 'node:fs'
import { expect, it } from '@jest/globals'
import { story } from '../../../adapters/cli/demo/story.ts'
import { runCli } from '../../support/cli.ts'
import { scratch } from '../../support/stores.ts'

it('plays every step, and removes its scratch folder', async () => {
  const folder = scratch()
  const { code, stdout, stderr } = await runCli(['demo'], { env: { TMPDIR: folder.path } })
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  const told = stdout.split('\n').flatMap((line) => /^ ?\d+\. (.+)$/.exec(line)?.[1] ?? [])
  expect(told).toEqual(story.map(({ title }) => title))
  expect(stdout).toContain('rate-limited: 10 queries per 3600 s for each author')
  expect(stdout.trimEnd().endsWith('Every step held.')).toBe(true)
  expect(readdirSync(folder.path)).toEqual([])
  folder.remove()
})
