/**
 * Supported Node.js versions, and the refusal of others. With OLDER_NODE, the path of a Node.js 18, that one is
 * refused: `OLDER_NODE=/opt/node18/bin/node npm run jest -- test/node-version.test.ts`.
 */

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from '@jest/globals'
import { unsupportedReason } from '../plugin/node-version.ts'
import { finish } from './support/processes.ts'

const inTop = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url))
const manifest = JSON.parse(readFileSync(inTop('package.json'), 'utf8'))
const main = inTop(manifest.bin['keypackage-gateway'])

const { OLDER_NODE } = process.env
if (OLDER_NODE === undefined) {
  console.warn('SKIPPED: the refusal of a real older Node.js; set OLDER_NODE=/path/to/node18')
}
/** Makes this Node.js report another version. */
const pretended =
  'data:text/javascript,Object.defineProperty(process,"versions",{value:{...process.versions,node:"18.20.8"}})'
const olderOnes: readonly (readonly [name: string, program: string, flags: readonly string[]])[] = [
  ['a Node.js that says it is 18', process.execPath, ['--import', pretended]],
  ...(OLDER_NODE === undefined ? [] : [['OLDER_NODE', OLDER_NODE, []] as const]),
]

describe('Node.js', () => {
  it.each(['20.19.0', '20.20.2', '21.7.3', '22.0.0', '22.21.1', '24.0.0', '26.1.0', '20.19.0-nightly'])(
    '%s is supported',
    (version) => {
      expect(unsupportedReason(version)).toBeUndefined()
    },
  )

  it.each(['16.20.2', '18.0.0', '18.20.8', '19.9.0', '20.0.0', '20.18.3'])('%s is refused', (version) => {
    expect(unsupportedReason(version)).toBe(
      `keypackage-gateway requires Node.js 20.19 or newer; this is Node.js ${version}`,
    )
  })

  it('is not required in browsers', () => {
    expect(unsupportedReason(undefined)).toBeUndefined()
  })

  it('has the minimum version of package.json', () => {
    const [, oldest = ''] = /^>=(\d+\.\d+)$/.exec(manifest.engines.node) ?? []
    const [major, minor] = oldest.split('.').map(Number)
    expect(unsupportedReason(`${oldest}.0`)).toBeUndefined()
    expect(unsupportedReason(`${major}.${Number(minor) - 1}.99`)).toContain(
      `requires Node.js ${oldest} or newer`,
    )
  })
})

describe.each(olderOnes)('%s', (_name, program, flags) => {
  const refusal = /keypackage-gateway requires Node\.js 20\.19 or newer; this is Node\.js 1\d\.\d+\.\d+/

  it.each([['--version'], ['serve', '--store', 'memory:'], ['strfry'], ['no such command']])(
    'is refused by the command line before anything else: %s',
    async (...args) => {
      const { code, stdout, stderr } = await finish(program, [...flags, main, ...args])
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
      expect(stderr).toMatch(new RegExp(`^error: ${refusal.source}\n$`))
    },
  )

  it.each(['keypackage-gateway', 'keypackage-gateway/client', 'keypackage-gateway/nostream/register'])(
    'is refused by the library with one clear error: %s',
    async (name) => {
      const code = `import(${JSON.stringify(name)}).then(() => console.log('loaded'), ({ message }) => console.log(message))`
      const { stdout } = await finish(program, [...flags, '--input-type=module', '-e', code], {
        cwd: inTop('.'),
      })
      expect(stdout).toMatch(new RegExp(`^${refusal.source}\n$`))
    },
  )
})

describe('this Node.js', () => {
  it.each(['keypackage-gateway', 'keypackage-gateway/client', 'keypackage-gateway/nostream/register'])(
    'loads %s',
    async (name) => {
      const code = `import(${JSON.stringify(name)}).then(() => console.log('loaded'))`
      const { stdout } = await finish(process.execPath, ['--input-type=module', '-e', code], {
        cwd: inTop('.'),
      })
      expect(stdout).toBe('loaded\n')
    },
  )
})
