/** The layout in CONTRIBUTING.md is true: its files and folders, their first comments, and the direction of imports. */

import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from '@jest/globals'

const root = fileURLToPath(new URL('../', import.meta.url))
const imports = new Map(
  ['plugin', 'adapters', 'test/contract'].flatMap(filesBelow).map((file) => [file, importsOf(file)]),
)

describe('imports', () => {
  it('in plugin/ are only of its own files, nostr-tools, ts-mls, ipaddr.js, zod and node:crypto', () => {
    const isAllowed = (target: string) =>
      /^(plugin\/|node:crypto$|zod$|ipaddr\.js$|nostr-tools(\/|$)|ts-mls(\/|$))/.test(target)
    expect(strays('plugin/', isAllowed)).toEqual([])
  })

  it('lead from one adapter to another only in cli/', () => {
    for (const folder of readdirSync(join(root, 'adapters')).filter((name) => name !== 'cli')) {
      const others = new RegExp(`^adapters/(?!${folder}/)`)
      expect(strays(`adapters/${folder}/`, (target) => !others.test(target))).toEqual([])
    }
  })

  it('of what apps use in browsers lead to nothing that needs Node.js', () => {
    const reached = reachedFrom('adapters/client/index.ts')
    expect(reached).toContain('plugin/key-package/restore.ts')
    expect(reached.filter((target) => /^(node:|ws$)/.test(target))).toEqual([])
  })

  it('are never circular', () => {
    expect([...imports.keys()].flatMap((file) => circleThrough(file) ?? [])).toEqual([])
  })
})

describe('plugin/', () => {
  it('has exactly the files that CONTRIBUTING.md lists', () => {
    const [, map = ''] = read('CONTRIBUTING.md').split(/^(?:plugin|adapters)\//m)
    const named = [...map.matchAll(/[a-z-]+(\.ts|\/)(?= )/g)].map(([name]) => name)
    const entries = readdirSync(join(root, 'plugin'), { withFileTypes: true }).filter(
      ({ name }) => name !== 'README.md',
    )
    expect(named.sort()).toEqual(entries.map((entry) => entry.name + (entry.isFile() ? '' : '/')).sort())
  })

  it('has no clock and no environment of its own', () => {
    const offenders = [...imports.keys()].filter((file) => {
      const code = read(file)
      return (
        file.startsWith('plugin/') &&
        /Date\.now\(\)|new Date\(\)|process\.env|setTimeout|setInterval/.test(code)
      )
    })
    expect(offenders).toEqual([])
  })
})

describe('every file', () => {
  it('reads URLs with readUrl, because URL.canParse is wrong about some', () => {
    const files = ['plugin', 'adapters'].flatMap(filesBelow)
    expect(files.filter((file) => /URL\.canParse\(/.test(read(file)))).toEqual([])
  })

  it('opens with a comment on what it decides or owns', () => {
    const files = ['plugin', 'adapters', 'test'].flatMap(filesBelow)
    expect(files.filter((file) => !/^(#!.*\n)?\/\*\*\s/.test(read(file)))).toEqual([])
  })
})

describe('test/', () => {
  it('starts processes in one place, which makes sure that they end', () => {
    const starters = filesBelow('test').filter((file) => {
      const code = read(file)
      return /^import \{[^}]*\b(spawn|fork|exec|execFile)\b[^}]*\} from 'node:child_process'/m.test(code)
    })
    const isTest = (file: string) => !file.startsWith('test/bench/')
    expect(starters.filter(isTest).sort()).toEqual(['test/support/processes.ts', 'test/support/watchdog.ts'])
  })
})

function strays(start: string, isAllowed: (target: string) => boolean): string[] {
  return [...imports]
    .filter(([file]) => file.startsWith(start))
    .flatMap(([file, targets]) =>
      targets.filter((target) => !isAllowed(target)).map((target) => `${file} -> ${target}`),
    )
}

/** All direct and indirect imports of a file, including types. */
function reachedFrom(file: string): string[] {
  const reached = new Set([file])
  for (const next of reached) for (const target of imports.get(next) ?? []) reached.add(target)
  return [...reached]
}

/** A circle of imports through `file`. */
function circleThrough(file: string): string[] | undefined {
  const seen = new Set<string>()
  const ways = (imports.get(file) ?? []).map((target) => [target])
  for (let way = ways.pop(); way !== undefined; way = ways.pop()) {
    const here = way.at(-1) ?? ''
    if (here === file) return [[file, ...way].join(' -> ')]
    if (seen.has(here)) continue
    seen.add(here)
    for (const target of imports.get(here) ?? []) ways.push([...way, target])
  }
  return undefined
}

/** What a file imports or exports from, including types; files as paths from the top folder. */
function importsOf(file: string): string[] {
  const code = read(file)
  const targets = [...code.matchAll(/(?:^|\s)(?:from|import)\s*\(?\s*'([^']+)'/g)].map(
    ([, target = '']) => target,
  )
  return targets.map((target) => (target.startsWith('.') ? join(dirname(file), target) : target))
}

function read(file: string): string {
  return readFileSync(join(root, file), 'utf8')
}

function filesBelow(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.tsx?$/.test(name))
    .map((name) => join(folder, name))
}
