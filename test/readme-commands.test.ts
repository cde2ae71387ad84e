/** The commands of every README exist, and take the flags and the files that they are given. */

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from '@jest/globals'
import { Command } from 'commander'
import { npubEncode } from 'nostr-tools/nip19'
import { commands } from '../adapters/cli/commands.ts'
import { namedLeaves, readSettings } from '../adapters/cli/settings.ts'
import { person } from './support/people.ts'

const root = fileURLToPath(new URL('../', import.meta.url))
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const SOURCES = ['README.md', 'CONTRIBUTING.md', 'plugin', 'adapters', 'examples', 'test', '.github']

/** Programs of others. One that is missing here is a mistake, or is new to the READMEs. */
const PROGRAMS = [
  ...[
    'cat',
    'cd',
    'cp',
    'curl',
    'do',
    'done',
    'export',
    'gunzip',
    'gzip',
    'head',
    'install',
    'journalctl',
    'jq',
    'mkdir',
    'mv',
    'rm',
  ],
  ...['read', 'sed', 'systemctl', 'useradd', 'while', 'xargs'],
  ...['docker', 'nginx', 'prometheus', 'psql', 'strfry'],
]
const NPM = ['ci', 'pack', 'install', 'uninstall', 'start', 'test', 'root']

/** A command in a README, as words. */
interface Call {
  readonly file: string
  readonly words: readonly [program: string, ...args: string[]]
  readonly variables: readonly string[]
}

const files = SOURCES.flatMap((source) =>
  source.endsWith('.md')
    ? [source]
    : readdirSync(join(root, source), { recursive: true })
        .map((path) => join(source, String(path)))
        .filter((path) => !path.includes('node_modules/') && path.endsWith('.md')),
)
const calls = files.flatMap((file) => callsIn(file))
const ours = calls.filter(({ words: [program] }) => program === 'keypackage-gateway')

function callsIn(file: string): Call[] {
  const blocks = readFileSync(join(root, file), 'utf8').matchAll(/```sh\n(.*?)```/gs)
  return [...blocks].flatMap(([, block = '']) => splitCommands(block)).flatMap((words) => callOf(file, words))
}

/** Simple commands of a script; quotes hold a word together, `#` begins a comment. Output in a block begins with no word. */
function splitCommands(script: string): string[][] {
  const commands: string[][] = [[]]
  const token = /\\\n|\n|#.*|[|;()]+|&&|(?:'[^']*'|"[^"]*"|\$\([^)]*\)|[^\s'"|;&()#]|&(?!&))+|\s/g
  for (const [text] of script.replace(/^\{.*$/gm, '').matchAll(token)) {
    if (text === '\\\n' || text === ' ' || text.startsWith('#')) continue
    if (text === '\n' || text === '&&' || /^[|;()]+$/.test(text)) commands.push([])
    else commands.at(-1)?.push(text)
  }
  return commands.filter((words) => words.length > 0)
}

/** Without what only runs it: variables, `sudo`, `docker compose exec`, a `$` for the prompt. */
function callOf(file: string, words: readonly string[]): Call[] {
  const isVariable = (word: string) => /^[A-Z_]+=/.test(word)
  const first = words.findIndex((word) => !isVariable(word) && word !== '$')
  if (first === -1) return []
  const variables = words.slice(0, first).filter(isVariable)
  const isRedirection = (word: string) => /^\d?[<>]/.test(word)
  const rest = words
    .slice(first)
    .filter((word, index, all) => !isRedirection(word) && !/^\d?[<>]+$/.test(all[index - 1] ?? ''))
  const [program = '', ...args] = withoutSudo(rest)
  return [
    {
      file,
      words: [program, ...args.map(unquoted)],
      variables: variables.map((word) => word.split('=')[0] ?? ''),
    },
  ]
}

function withoutSudo(words: readonly string[]): readonly string[] {
  if (words[0] !== 'sudo') return words
  return words[1] === '-u' ? words.slice(3) : words.slice(1)
}

/** Somebody in place of the `npub1...` of an example. */
function named(word: string): string {
  return word.replace('npub1...', npubEncode(person('alice').pubkey))
}

function unquoted(word: string): string {
  return word.replace(/^(['"])(.*)\1$/s, '$2')
}

const titled = (call: Call): [string, Call] => [call.words.join(' '), call]

describe('the commands in READMEs', () => {
  it('are there', () => {
    expect(ours.length).toBeGreaterThan(30)
    expect(calls.length).toBeGreaterThan(90)
  })

  it('name no package of the npm registry that nobody has published', () => {
    const bare = calls.filter(
      ({ words: [program, ...args] }) =>
        (program === 'npx' || (program === 'npm' && args[0] === 'install')) &&
        args.includes('keypackage-gateway'),
    )
    expect(bare).toEqual([])
  })

  it.each(calls.filter(({ words: [program] }) => program !== 'keypackage-gateway').map(titled))(
    '%s exists',
    (_, { file, words: [program, ...args] }) => {
      if (program === 'npm') return expectNpm(args)
      if (program === 'node') {
        const script = args.find((word) => !word.startsWith('-')) ?? ''
        // That of nostream is in its own checkout.
        return expect(existsSync(join(root, script)) || args.includes('events.jsonl')).toBe(true)
      }
      if (program.includes('/')) return expect(existsSync(join(root, program))).toBe(true)
      expect({ file, program: [...PROGRAMS].includes(program) ? 'known' : program }).toEqual({
        file,
        program: 'known',
      })
    },
  )

  it.each(ours.map(titled))('%s is understood', async (_, { words: [, name = '', ...args] }) => {
    const entry = commands[name]
    expect(entry).toBeDefined()
    if (entry === undefined) return
    const command = (await entry.load())(new Command(name).exitOverride())
    command.configureOutput({ writeErr: () => undefined }).action(() => undefined)
    await command.parseAsync(args.map(named), { from: 'user' })
    // A file of settings is not here, and may have all others.
    if (!args.includes('--config')) readSettings(command, {})
  })

  it('set variables that are settings', () => {
    const settings = [...namedLeaves().map(({ variable }) => variable), 'KPG_CONFIG']
    const set = calls.flatMap(({ variables }) => variables).filter((name) => name.startsWith('KPG_'))
    expect(set.filter((name) => !settings.includes(name))).toEqual([])
  })

  it('use a tarball of the version that is there', () => {
    const named = files.flatMap(
      (file) => readFileSync(join(root, file), 'utf8').match(/keypackage-gateway-\d[\w.-]*\.tgz/g) ?? [],
    )
    expect(new Set(named)).toEqual(new Set([`keypackage-gateway-${manifest.version}.tgz`]))
  })
})

function expectNpm([command = '', script = '']: readonly string[]): void {
  if (command === 'run') expect(manifest.scripts).toHaveProperty([script])
  else expect(NPM).toContain(command)
}
