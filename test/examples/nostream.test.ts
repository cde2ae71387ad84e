/** examples/nostream works as its README says, on the real nostream if NOSTREAM_DIR is set. */

import {
  accessSync,
  constants,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from '@jest/globals'
import { transform } from '@swc/core'
import { parse } from 'yaml'
import { namedLeaves } from '../../adapters/cli/settings.ts'
import { packagesOf } from '../e2e/behaviour/scene.ts'
import { hasNostream } from '../e2e/nostream/nostream-relay.ts'
import { NostreamScene } from '../e2e/nostream/nostream-scene.ts'
import { runCli } from '../support/cli.ts'
import { person } from '../support/people.ts'
import { run } from '../support/processes.ts'
import { scratch } from '../support/scratch.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const { NOSTREAM_DIR: checkout = '' } = process.env
const example = join(root, 'examples/nostream')
const read = (name: string) => readFileSync(join(example, name), 'utf8')
const [, snippet = ''] = /```ts\n(.*?)```/s.exec(read('README.md')) ?? []

describe('the files', () => {
  it('use settings that exist', () => {
    const known = ['KPG_CONFIG', ...namedLeaves().map(({ variable }) => variable)]
    const named = ['README.md', 'compose.yaml', 'start.sh'].flatMap(
      (name) => read(name).match(/KPG_[A-Z_]*[A-Z]/g) ?? [],
    )
    expect(named).toContain('KPG_PROFILE')
    expect(named.filter((name) => !known.includes(name))).toEqual([])
  })

  it('compose.yaml extends services that nostream has', () => {
    const { services } = parse(read('compose.yaml')) as { services: Record<string, { command?: string }> }
    expect(Object.keys(services)).toEqual(['nostream', 'nostream-cache'])
    expect(services['nostream-cache']?.command).toMatch(/--appendonly yes --maxmemory-policy noeviction$/)
  })

  it('start.sh and the Dockerfile load a file that the package exports', () => {
    accessSync(join(example, 'start.sh'), constants.X_OK)
    const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
    expect(read('Dockerfile')).toContain('--require keypackage-gateway/nostream/register')
    expect(read('start.sh')).toContain(exports['./nostream/register'].default.slice(1))
  })

  it("the fork's file compiles with the types in package.json", async () => {
    const path = scratch()
    // nostream resolves modules as Node 10 did, by typesVersions. Our TypeScript no longer can, so it gets them as paths.
    const { typesVersions, types } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
    const folders = Object.entries<string[]>(typesVersions['*'])
    const paths = Object.fromEntries(
      folders.map(([name, [file = '']]) => [`keypackage-gateway/${name}`, [join(root, file)]]),
    )
    writeFileSync(join(path, 'key-packages.ts'), snippet)
    writeNostream(path)
    const compilerOptions = {
      strict: true,
      noEmit: true,
      skipLibCheck: true,
      module: 'nodenext',
      target: 'es2023',
      types: ['node'],
      typeRoots: [join(root, 'node_modules/@types')],
      paths: { ...paths, 'keypackage-gateway': [join(root, types)] },
    }
    writeFileSync(join(path, 'tsconfig.json'), JSON.stringify({ compilerOptions }))
    await run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', path])
  })
})

const describeNostream = hasNostream ? describe : describe.skip

describeNostream('the real nostream', () => {
  const scene = new NostreamScene()
  const alice = person('alice')
  afterEach(async () => {
    await scene.stop()
    await scene.backend.clear()
  })

  const claim = async () => (await (await scene.connect()).request('claim', packagesOf(alice))).events

  it('is started with the gateway by start.sh', async () => {
    const env = { NOSTREAM_DIR: checkout, KPG_PROFILE: 'marmot' }
    await scene.start({ register: false, command: [join(example, 'start.sh')], env })
    expect(scene.nostream.log).toContain('"profile":"marmot"')
    const [first] = await scene.publish(alice, 2)
    expect(await claim()).toEqual([first])
    expect(await scene.backend.countEvents(443)).toBe(0)
  })

  it('works as a fork with one more file and one changed import', async () => {
    const directory = scratch()
    await makeFork(directory)
    await scene.start({ register: false, directory, workers: 2 })
    const [first] = await scene.publish(alice, 2)
    expect(await claim()).toEqual([first])
    expect(await scene.backend.countEvents(443)).toBe(0)
  })

  it('has its stored key packages moved', async () => {
    const { backend } = scene
    await scene.start({ register: false })
    const [first, second] = await scene.publish(alice, 2)
    const file = join(scratch(), 'events.jsonl')
    await backend.run('dist/src/scripts/export-events.js', file)
    const { code, stdout } = await runCli(['import', file, '--store', backend.redis.url, '--json'])
    expect({ code, ...JSON.parse(stdout) }).toMatchObject({ code: 0, stored: 2 })
    const [, deletion = ''] = /-c '(delete from events .*)'/.exec(read('README.md')) ?? []
    await backend.postgres.query(deletion, 'nostream')
    expect(await backend.countEvents(443)).toBe(0)
    const env = { KPG_CLAIM_REDELIVERY_SECONDS: '0' }
    await scene.start({ register: true, env })
    expect([await claim(), await claim()]).toEqual([[first], [second]])
  })
})

/** A fork of nostream as in the README, but made from the built files. */
async function makeFork(directory: string): Promise<void> {
  cpSync(join(checkout, 'dist'), join(directory, 'dist'), { recursive: true })
  symlinkSync(join(checkout, 'resources'), join(directory, 'resources'))
  mkdirSync(join(directory, 'node_modules'))
  for (const name of readdirSync(join(checkout, 'node_modules'))) {
    symlinkSync(join(checkout, 'node_modules', name), join(directory, 'node_modules', name))
  }
  symlinkSync(root, join(directory, 'node_modules/keypackage-gateway'))
  const source = join(directory, 'dist/src')
  const { code } = await transform(snippet, {
    jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
    module: { type: 'commonjs' },
  })
  writeFileSync(join(source, 'key-packages.js'), code)
  const importer = join(source, 'factories/websocket-adapter-factory.js')
  const before = readFileSync(importer, 'utf8')
  const after = before.replace('require("./message-handler-factory")', 'require("../key-packages")')
  expect(after).not.toBe(before)
  writeFileSync(importer, after)
}

/** Type declarations of the two modules of nostream that the fork's file imports. */
function writeNostream(folder: string): void {
  mkdirSync(join(folder, 'factories'))
  const members = `
    emit(name: string | symbol, ...args: any[]): boolean
    getClientAddress(): string
    getAuthenticatedPubkeys(): ReadonlySet<string>`
  const factory = `
    type Message = { 0: 'EVENT'; 1: object } | { 0: 'CLOSE'; 1: string }
    interface Adapter {${members} }
    declare class EventHandler { handleMessage(message: { 0: 'EVENT'; 1: object }): Promise<void> }
    declare class CloseHandler { handleMessage(message: { 0: 'CLOSE'; 1: string }): Promise<void> }
    export declare const messageHandlerFactory:
      (repository: object) => ([message, adapter]: [Message, Adapter]) => EventHandler | CloseHandler`
  const settings = 'export declare const createSettings: () => { info: { relay_url: string } }'
  writeFileSync(join(folder, 'factories/message-handler-factory.d.ts'), factory)
  writeFileSync(join(folder, 'factories/settings-factory.d.ts'), settings)
}
