/** The house stands as CONTRIBUTING.md draws it: its rooms, what its files open with, and who may import whom. */

import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from '@jest/globals'

const root = fileURLToPath(new URL('../', import.meta.url))
const imports = new Map(
  ['plugin', 'adapters', 'test/contract'].flatMap(filesBelow).map((file) => [file, importsOf(file)]),
)

describe('imports', () => {
  it('in plugin/ are of its own files, nostr-tools, ts-mls, zod and node:crypto', () => {
    const isAllowed = (target: string) =>
      /^(plugin\/|node:crypto$|zod$|nostr-tools(\/|$)|ts-mls(\/|$))/.test(target)
    expect(strays('plugin/', isAllowed)).toEqual([])
  })

  it('go from one adapter to another in cli/ only', () => {
    for (const room of readdirSync(join(root, 'adapters')).filter((name) => name !== 'cli')) {
      const others = new RegExp(`^adapters/(?!${room}/)`)
      expect(strays(`adapters/${room}/`, (target) => !others.test(target))).toEqual([])
    }
  })

  it('of what apps use in browsers lead to nothing that only Node.js has', () => {
    const reached = reachedFrom('adapters/client/index.ts')
    expect(reached).toContain('plugin/key-package/restore.ts')
    expect(reached.filter((target) => /^(node:|ws$)/.test(target))).toEqual([])
  })

  it('never go in a circle', () => {
    expect([...imports.keys()].flatMap((file) => circleThrough(file) ?? [])).toEqual([])
  })
})

describe('plugin/', () => {
  it('has the files that the map of CONTRIBUTING.md names, and no others', () => {
    const [, map = ''] = read('CONTRIBUTING.md').split(/^(?:plugin|adapters)\//m)
    const named = [...map.matchAll(/[a-z-]+(\.ts|\/)(?= )/g)].map(([name]) => name)
    const rooms = readdirSync(join(root, 'plugin'), { withFileTypes: true })
    expect(named.sort()).toEqual(rooms.map((room) => room.name + (room.isFile() ? '' : '/')).sort())
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
  it('opens with a comment on what it decides or owns', () => {
    const files = ['plugin', 'adapters', 'test'].flatMap(filesBelow)
    expect(files.filter((file) => !/^(#!.*\n)?\/\*\*\s/.test(read(file)))).toEqual([])
  })
})

describe('test/', () => {
  it('starts processes in one place, which sees to it that none of them stays', () => {
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

/** All that a file imports, and what that imports, types too. */
function reachedFrom(file: string): string[] {
  const reached = new Set([file])
  for (const next of reached) for (const target of imports.get(next) ?? []) reached.add(target)
  return [...reached]
}

/** The files on a way from `file` back to itself. */
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

/** What a file imports or exports from, types too; files as paths from the top. */
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
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(folder, name))
}
