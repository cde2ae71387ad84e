/** SECURITY.md is true of the tests that it names, and of what the project runs and is built with: pinned, listed, with few rights. */

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from '@jest/globals'
import { parse } from 'yaml'
import { run } from './support/processes.ts'

const root = new URL('../', import.meta.url)
const read = (path: string) => readFileSync(new URL(path, root), 'utf8')

describe('the threat model', () => {
  const folders = readdirSync(new URL('test/', root), { withFileTypes: true }).filter((entry) =>
    entry.isDirectory(),
  )

  it('names tests that exist', () => {
    const named = Array.from(
      read('.github/SECURITY.md').matchAll(/`([\w-]+)(\/[\w./-]+)`/g),
      ([, folder, rest]) => [folder, rest],
    )
    const tests = named
      .filter(([folder]) => folders.some(({ name }) => name === folder))
      .map((parts) => parts.join(''))
    expect(tests.length).toBeGreaterThan(20)
    for (const test of tests)
      expect([test, ['', '.test.ts'].some((end) => existsSync(new URL(`test/${test}${end}`, root)))]).toEqual(
        [test, true],
      )
  })
})

interface LockedPackage {
  readonly version: string
  readonly integrity?: string
  readonly hasInstallScript?: boolean
  readonly dependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

const { dependencies } = JSON.parse(read('package.json')) as { dependencies: Record<string, string> }
const { packages } = JSON.parse(read('package-lock.json')) as { packages: Record<string, LockedPackage> }

/** A package and all that it needs, by their paths in the lock file. */
function withWhatItNeeds(name: string, from = '', found = new Set<string>()): ReadonlySet<string> {
  const places = from.split('/node_modules/').map((_, index, parts) => parts.slice(0, parts.length - index))
  const candidates = [
    ...places.map((parts) => `${parts.join('/node_modules/')}/node_modules/${name}`),
    `node_modules/${name}`,
  ]
  const path = candidates.find((candidate) => candidate in packages)
  if (path === undefined || found.has(path)) return found
  found.add(path)
  const needed = { ...packages[path]?.dependencies, ...packages[path]?.optionalDependencies }
  for (const other of Object.keys(needed)) withWhatItNeeds(other, path, found)
  return found
}

const nameOf = (path: string) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)
const all = new Set(Object.keys(dependencies).flatMap((name) => [...withWhatItNeeds(name)]))

describe('the packages that it runs with', () => {
  it('are pinned by their hashes, on every platform', () => {
    expect(all.size).toBeGreaterThan(100)
    for (const path of all)
      expect([path, packages[path]?.integrity]).toEqual([path, expect.stringMatching(/^sha512-/)])
  })

  it('have no install scripts but those of two, which can be skipped', () => {
    const scripted = [...all].filter((path) => packages[path]?.hasInstallScript).map(nameOf)
    expect(scripted.sort()).toEqual(['lmdb', 'msgpackr-extract'])
  })

  it('are all listed in SECURITY.md, with how many others they bring', () => {
    const security = read('.github/SECURITY.md')
    const listed = Array.from(security.matchAll(/^\| `([^`]+)` \| (\d+) \| ./gm), ([, name, brings]) => [
      name,
      Number(brings),
    ])
    expect(listed).toEqual(Object.keys(dependencies).map((name) => [name, withWhatItNeeds(name).size - 1]))
    expect(security).toContain(`${all.size} in all`)
  })

  it('are all in the SBOM of a release, and nothing else is', async () => {
    const { bomFormat, components } = JSON.parse(
      await run('bash', [fileURLToPath(new URL('.ci/sbom', root))]),
    )
    expect(bomFormat).toBe('CycloneDX')
    const named = components.map(
      ({ name, version }: { name: string; version: string }) => `${name}@${version}`,
    )
    const needed = new Set(Array.from(all, (path) => `${nameOf(path)}@${packages[path]?.version}`))
    expect(new Set(named)).toEqual(needed)
  })
})

describe.each(readdirSync(new URL('.github/workflows/', root)))('the workflow %s', (file) => {
  const workflow = parse(read(`.github/workflows/${file}`))
  const jobs = Object.entries<{
    permissions?: Record<string, string>
    steps: { uses?: string; run?: string; with?: Record<string, unknown> }[]
  }>(workflow.jobs)

  it('names every action by its commit', () => {
    for (const [, { steps }] of jobs)
      for (const { uses } of steps)
        if (uses !== undefined) expect(uses).toMatch(/^[\w-]+\/[\w-]+@[0-9a-f]{40}$/)
  })

  it('gives no job that runs code of dependencies more than reading, and keeps no token in the checkout', () => {
    expect(Object.values(workflow.permissions)).not.toContain('write')
    for (const [, { permissions = {}, steps }] of jobs) {
      const runsOthers = steps.some(({ run = '' }) => /\.ci\/run|npm (ci|install|test|run)/.test(run))
      if (runsOthers) expect(Object.values(permissions)).not.toContain('write')
      for (const step of steps)
        if (step.uses?.startsWith('actions/checkout@'))
          expect(step.with).toMatchObject({ 'persist-credentials': false })
    }
  })

  it('runs no install script', () => {
    const commands = jobs.flatMap(([, { steps }]) => steps.map(({ run = '' }) => run))
    for (const command of [...commands, read('.ci/run')])
      for (const [, flags = ''] of command.matchAll(/npm (?:ci|publish)\b(.*)/g))
        expect(flags).toContain('--ignore-scripts')
  })
})
