/** A few seconds of `npm run load`, so that it works when somebody needs it; what it sees must hold. */

import { describe, expect, it } from '@jest/globals'
import { HELP, readOptions } from './options.ts'
import { reportLines } from './report.ts'
import { runLoad } from './run.ts'

describe('npm run load', () => {
  it('plays some seconds of a day on a standalone server, on which I1 to I5 hold', async () => {
    const args = [
      '--topology',
      'standalone',
      '--store',
      'lmdb',
      '--minutes',
      '0.1',
      '--authors',
      '60',
      '--seed',
      '16',
    ]
    const options = readOptions([...args, '--claims', '60', '--publishes', '15'])
    if (typeof options === 'string') throw new Error(options)
    const said: string[] = []
    const result = await runLoad(options, (line) => said.push(line))
    const lines = reportLines(result)

    expect(result.verdict.violations).toEqual([])
    expect(said.join('\n')).toContain('a standalone server on lmdb; seed 16; 60 authors')
    expect(lines.at(-1)).toMatch(
      /^held: I1 I2 I3 I4 I5 \(\d+ claims\/s, \d+ key packages stored\/s, .*seed 16\)$/,
    )
    // It saw something of everything that it judges.
    expect(Object.keys(result.latencies)).toEqual(
      expect.arrayContaining([
        'claim of 443',
        'claim of slots',
        'browsing',
        'publish: rotate a slot',
        'deletion',
      ]),
    )
    expect(Object.values(result.verdict.grounds).join()).not.toMatch(
      /\b0 (one-time|claims|packages gone|quota)/,
    )
  })

  it('explains its options, and refuses others', () => {
    expect(readOptions(['--help'])).toBe(HELP)
    expect(() => readOptions(['--topology', 'ring'])).toThrow(
      '--topology is standalone, proxy, proxies, cluster; not ring',
    )
    expect(() => readOptions(['--claims', 'many'])).toThrow('--claims must be a number above 0; not many')
    expect(() => readOptions(['--topology', 'cluster', '--store', 'lmdb'])).toThrow('is about Redis')
    expect(() => readOptions(['--soak', '--minutes', '1'])).toThrow('--soak takes at least 2 minutes')
    expect(() => readOptions(['--speed'])).toThrow('--speed')
  })
})
