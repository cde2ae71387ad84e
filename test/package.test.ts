/** package.json names what there is: every way into the package, for those who resolve by `exports` and those who do not. */

import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from '@jest/globals'

interface Entry {
  /** For CommonJS: the same file, with other types. */
  readonly require: { readonly types: string; readonly default: string }
  readonly types: string
  readonly default: string
}

const inTop = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url))
const manifest = JSON.parse(readFileSync(inTop('package.json'), 'utf8'))
const { './package.json': itself, ...entries } = manifest.exports
const { '.': main, ...subpaths } = entries as Record<string, Entry>

describe('package.json', () => {
  it('gives types to those who resolve as Node 10 did, for all that it exports', () => {
    const types = Object.entries(subpaths).map(([path, entry]) => [path.slice('./'.length), [entry.types]])
    expect(manifest.typesVersions).toEqual({ '*': Object.fromEntries(types) })
    expect(main).toMatchObject({ types: manifest.types, default: manifest.main })
  })

  it.each(Object.entries<Entry>(entries))('names what the build makes of one file: %s', (_path, entry) => {
    const [, source] = /^\.\/dist\/(.*)\.js$/.exec(entry.default) ?? []
    expect(entry.types).toBe(`./dist/${source}.d.ts`)
    expect(entry.require).toEqual({ types: `./dist/require/${source}.d.ts`, default: entry.default })
    const files = [entry.default, entry.types, entry.require.types, `${source}.ts`]
    expect(files.filter((file) => !existsSync(inTop(file)))).toEqual([])
  })

  it('can be read itself by who uses the package', () => {
    expect(itself).toBe('./package.json')
  })

  it('names a command that the build makes', () => {
    const [[, program = ''] = []] = Object.entries<string>(manifest.bin)
    expect(existsSync(inTop(program))).toBe(true)
  })
})
