/** The package as `npm pack` makes it: what is in it, and that it runs and has types in a folder with nothing but its dependencies. */

import { cpSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, it } from '@jest/globals'
import { finish, run } from './support/processes.ts'
import { scratch } from './support/scratch.ts'

const TOP = fileURLToPath(new URL('..', import.meta.url))
const SOURCES = [
  'adapters',
  'plugin',
  'examples',
  'test/contract',
  '.github',
  'tsconfig.json',
  'package.json',
]
const DOCUMENTS = ['README.md', 'LICENSE', 'CHANGELOG.md', 'CONTRIBUTING.md']
/** 150 kB of it is the page. */
const MAX_PACKED_BYTES = 1_200_000

const app = scratch()
const installed = join(app, 'node_modules/keypackage-gateway')
const main = join(installed, 'dist/adapters/cli/main.js')
const manifest = JSON.parse(readFileSync(join(TOP, 'package.json'), 'utf8'))
const exported = Object.keys(manifest.exports).map((path) => `keypackage-gateway${path.slice(1)}`)
const modules = exported.filter((name) => !name.endsWith('.json'))
let packedBytes = 0

/** A fresh build, packed, and installed without running a script of anybody. */
beforeAll(async () => {
  const copy = scratch()
  for (const path of [...SOURCES, ...DOCUMENTS])
    cpSync(join(TOP, path), join(copy, path), { recursive: true, filter: (source) => !isBuilt(source) })
  symlinkSync(join(TOP, 'node_modules'), join(copy, 'node_modules'))
  await run('npm', ['pack', '--pack-destination', app], { cwd: copy })
  const tarball = join(app, `keypackage-gateway-${manifest.version}.tgz`)
  packedBytes = statSync(tarball).size
  mkdirSync(installed, { recursive: true })
  await run('tar', ['xzf', tarball, '--strip-components', '1', '-C', installed])
  // Who uses the part for @nostr-relay/core has this one already.
  for (const folder of [...dependencies(), 'node_modules/@nostr-relay/common']) {
    mkdirSync(dirname(join(app, folder)), { recursive: true })
    symlinkSync(join(TOP, folder), join(app, folder))
  }
}, 300_000)

function isBuilt(path: string): boolean {
  return /\/(node_modules|dist)(\/|$)/.test(path.slice(TOP.length - 1))
}

/** What npm would install for somebody who uses the package. */
function dependencies(): string[] {
  const { packages } = JSON.parse(readFileSync(join(TOP, 'package-lock.json'), 'utf8'))
  const entries = Object.entries<{ dev?: boolean; devOptional?: boolean; peer?: boolean }>(packages)
  const present = new Set(
    readdirSync(join(TOP, 'node_modules'), { recursive: true, withFileTypes: false }).map(String),
  )
  return entries
    .filter(([folder, { dev, devOptional, peer }]) => folder !== '' && !(dev || devOptional || peer))
    .map(([folder]) => folder)
    .filter(
      (folder) => !folder.includes('/node_modules/') && present.has(folder.slice('node_modules/'.length)),
    )
}

const inApp = (args: readonly string[]) => finish(process.execPath, args, { cwd: app })

describe('the tarball', () => {
  it('has what the package needs to run, its documents and its examples, and nothing else', () => {
    const files = readdirSync(installed, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => join(parentPath, name).slice(installed.length + 1))
    const kinds = [
      /^dist\/(adapters|plugin|test\/contract)\/.*\.(js|d\.ts|lua)$/,
      /^dist\/require\/.*(\.d\.ts|package\.json)$/,
      /^dist\/page\//,
      /^examples\/.*[^/]$/,
      /^(adapters|plugin|test)\/.*README\.md$/,
      /^[^/]+\.md$|^LICENSE$|^package\.json$|^\.github\/SECURITY\.md$/,
    ]
    expect(files.filter((file) => !kinds.some((kind) => kind.test(file)))).toEqual([])
    expect(files).toEqual(
      expect.arrayContaining(['dist/page/index.html', 'dist/adapters/storage/redis/claim.lua']),
    )
    expect(packedBytes).toBeLessThan(MAX_PACKED_BYTES)
  })

  it('runs no script when it is installed', () => {
    const { scripts } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'))
    const onInstall = [
      'preinstall',
      'install',
      'postinstall',
      'prepublish',
      'preprepare',
      'prepare',
      'postprepare',
    ]
    expect(onInstall.filter((name) => name in scripts)).toEqual([])
  })

  it('has a command that runs', async () => {
    expect(await inApp([main, '--version'])).toEqual({ code: 0, stdout: `${manifest.version}\n`, stderr: '' })
    const { code, stdout } = await inApp([main, 'demo'])
    expect(stdout).toContain('All steps passed.')
    expect(code).toBe(0)
  })

  it.each(['import', 'require'])('can be loaded with %s, in every part', async (how) => {
    const load = how === 'import' ? 'await import(name)' : 'require(name)'
    const names = modules.filter((name) => !name.endsWith('register') && !name.endsWith('nostr-relay'))
    const program = `for (const name of ${JSON.stringify(names)}) console.log(name, Object.keys(${load}).length > 0)`
    const type = how === 'import' ? 'module' : 'commonjs'
    const { stdout, stderr, code } = await inApp([`--input-type=${type}`, '-e', program])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toBe(names.map((name) => `${name} true\n`).join(''))
  })

  it('has its package.json among its exports', async () => {
    const program = `console.log(require('keypackage-gateway/package.json').version)`
    expect((await inApp(['-e', program])).stdout).toBe(`${manifest.version}\n`)
  })
})

describe('the types in the tarball', () => {
  const tsc = join(TOP, 'node_modules/typescript/bin/tsc')
  const names = modules.filter((name) => !name.endsWith('register'))

  /** Every part is imported, and has types: what is not there is an error. */
  function program(extension: string): string {
    const file = `user-${extension}.${extension}`
    const imports = names.map((name, index) => `import * as part${index} from '${name}'`)
    const uses = names.map((_, index) => `// @ts-expect-error\nvoid part${index}.nothingOfThatName`)
    const mains = [
      `import { KeyPackageGateway } from 'keypackage-gateway'`,
      `import { memoryStore } from 'keypackage-gateway/memory'`,
      'new KeyPackageGateway({ store: memoryStore(), kinds: [443] }).close()',
      '// @ts-expect-error',
      `new KeyPackageGateway({ store: memoryStore(), kinds: '443' })`,
    ]
    writeFileSync(join(app, file), [...imports, ...mains, ...uses, 'export {}', ''].join('\n'))
    return file
  }

  it.each([
    ['CommonJS and ES modules', ['cts', 'mts'], ['--module', 'node16']],
    ['CommonJS and ES modules', ['cts', 'mts'], ['--module', 'nodenext']],
    ['a bundler', ['ts'], ['--module', 'esnext', '--moduleResolution', 'bundler']],
  ])('are found by %s (%j) with %j', async (_, extensions, options) => {
    // Whatever the declarations of other packages say of each other.
    const lenient = ['--noEmit', '--strict', '--target', 'es2022', '--skipLibCheck']
    const types = ['--types', 'node', '--typeRoots', join(TOP, 'node_modules/@types')]
    const { code, stdout } = await inApp([tsc, ...lenient, ...types, ...options, ...extensions.map(program)])
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' })
  })

  it('need no skipLibCheck in CommonJS', async () => {
    const types = ['--types', 'node', '--typeRoots', join(TOP, 'node_modules/@types')]
    const options = ['--noEmit', '--strict', '--target', 'es2022', '--module', 'node16']
    const { stdout } = await inApp([tsc, ...options, ...types, program('cts')])
    expect(stdout.split('\n').filter((line) => line.includes('keypackage-gateway/'))).toEqual([])
  })
})
