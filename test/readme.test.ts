/** The snippets of every README compile and run, and the table of settings matches the code. */

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from '@jest/globals'
import { transform } from '@swc/core'
import { type NamedLeaf, namedLeaves } from '../adapters/cli/settings.ts'
import { serveCli } from './support/cli.ts'
import { run } from './support/processes.ts'

const root = new URL('../', import.meta.url)
// Snippets import the package by its name, which resolves only from inside of it.
const folder = new URL('dist/readme/', root)

/** Snippets of examples/ are tested in test/examples/, as part of their example. */
const readmes = ['README.md', ...['plugin', 'adapters', 'test'].flatMap(readmesBelow)]
const snippets = readmes.flatMap((path) =>
  [...readFileSync(new URL(path, root), 'utf8').matchAll(/```ts\n(.*?)```/gs)].map(
    ([, code = ''], index) => ({ name: `snippet ${index + 1} of ${path}`, code }),
  ),
)

/** The relay in snippets that need one; a real one takes its place. */
const RELAY = 'wss://relay.example.com'

/** What a reader would do next: connect to the server of the snippet that starts one. */
const connect = `
const { WebSocket } = await import('ws')
const client = new WebSocket('ws://127.0.0.1:' + server.address().port)
client.on('open', () => client.send(JSON.stringify(['REQ', 's', { kinds: [443] }])))
client.on('message', (data) => {
  const message = JSON.parse(String(data))
  if (message[0] !== 'CLOSED') return
  if (!message[2].startsWith('restricted: ')) throw new Error(message[2])
  process.exit(0)
})
`

describe('READMEs', () => {
  it('have snippets', () => {
    expect(snippets.length).toBeGreaterThanOrEqual(5)
  })

  it.each(snippets)(
    '$name compiles and runs',
    async ({ name, code }) => {
      mkdirSync(folder, { recursive: true })
      const source = fileURLToPath(new URL(`${name.replaceAll(/\W+/g, '-')}.ts`, folder))
      writeFileSync(source, code)
      const tsc = fileURLToPath(new URL('node_modules/typescript/bin/tsc', root))
      const flags = [
        '--noEmit',
        '--strict',
        '--skipLibCheck',
        '--module',
        'nodenext',
        '--target',
        'es2023',
        '--types',
        'node',
      ]
      await run(process.execPath, [tsc, '--ignoreConfig', ...flags, source])

      const { code: script } = await transform(code, {
        jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
      })
      const program = source.replace(/ts$/, 'mjs')
      const serving = code.includes('KeyPackageClient') ? await serveCli(['--store', 'memory:']) : undefined
      const relay = serving?.url ?? RELAY
      writeFileSync(
        program,
        (code.includes('WebSocketServer') ? script + connect : script).replace(RELAY, relay),
      )
      await run(process.execPath, [program], { timeout: 60_000 })
      serving?.kill('SIGTERM')
      await serving?.finished
    },
    90_000,
  )
})

describe('adapters/cli/README.md', () => {
  it('lists every setting with its default, bounds and meaning (UPDATE_SETTINGS=1 rewrites the table)', () => {
    const file = new URL('adapters/cli/README.md', root)
    const expected = `<!-- settings -->\n${settingsTable(namedLeaves())}<!-- /settings -->`
    const text = readFileSync(file, 'utf8')
    const [table = ''] = /<!-- settings -->\n.*<!-- \/settings -->/s.exec(text) ?? []
    if (process.env.UPDATE_SETTINGS === '1')
      writeFileSync(
        file,
        text.replace(table, () => expected),
      )
    else expect(table).toBe(expected)
  })
})

function readmesBelow(directory: string): string[] {
  return readdirSync(new URL(directory, root), { recursive: true, encoding: 'utf8' })
    .filter((path) => basename(path) === 'README.md')
    .map((path) => join(directory, path))
}

function settingsTable(leaves: readonly NamedLeaf[]): string {
  const rows = leaves.map(({ path, defaultValue, allowed, description }) =>
    ['', `\`${path.join('.')}\``, showDefault(defaultValue), allowed, description, ''].join(' | ').trim(),
  )
  return ['| setting | default | allowed | meaning |', '| --- | --- | --- | --- |', ...rows, ''].join('\n')
}

function showDefault(value: unknown): string {
  if (value === undefined || (Array.isArray(value) && value.length === 0)) return 'none'
  return `\`${Array.isArray(value) ? value.join(',') : String(value)}\``
}
