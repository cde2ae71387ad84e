/** The help: groups, examples that are right, lines of at most 80 columns, and completion in a shell. */

import { describe, expect, it } from '@jest/globals'
import { Command } from 'commander'
import { commands } from '../../../adapters/cli/commands.ts'
import { createProgram } from '../../../adapters/cli/program.ts'
import { onTerminal, runWarm } from '../../support/cli.ts'

const COLUMNS = 80
const names = Object.keys(commands)
const examples = Object.values(commands).flatMap((entry) => entry.examples.map(([args]) => args))

describe('the help of the program', () => {
  it('lists every command once, under its heading', async () => {
    const { stdout } = await runWarm(['--help'])
    for (const name of names) {
      expect(stdout.match(new RegExp(`^ {2}${name} `, 'gm'))).toHaveLength(1)
      const { group } = commands[name] ?? { group: '' }
      expect(stdout.indexOf(`  ${name} `)).toBeGreaterThan(stdout.indexOf(`\n${group}\n`))
    }
  })

  it('is short without a command, and says what to try next', async () => {
    const { code, stdout, stderr } = await runWarm([])
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    const lines = stderr.split('\n')
    expect(lines.length).toBeLessThan(15)
    const suggested = lines.flatMap((line) => /^ {2}keypackage-gateway (\w+)/.exec(line)?.[1] ?? [])
    expect(suggested).toEqual(['demo', 'serve', 'serve', 'check'])
    for (const name of suggested) expect(names).toContain(name)
  })

  it('suggests the command that somebody mistyped', async () => {
    const { code, stderr } = await runWarm(['exprot'])
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: "error: unknown command 'exprot'\n(Did you mean export?)\n",
    })
  })

  it('says so when help is wanted of a command that does not exist', async () => {
    const { code, stdout, stderr } = await runWarm(['help', 'exprot'])
    expect({ code, stdout, stderr }).toEqual({
      code: 2,
      stdout: '',
      stderr: "error: unknown command 'exprot'\n",
    })
  })
})

describe('the help of a command', () => {
  it.each(names)('%s: fits in 80 columns, has examples, and groups the settings', async (name) => {
    const stdout = await helpOf(name)
    expect(stdout.split('\n').filter((line) => line.length > COLUMNS)).toEqual([])
    expect(stdout).toContain('\nExamples:\n  keypackage-gateway ')
    if (stdout.includes('--store ')) expect(stdout).toContain('\nStore (settings):\n  --store ')
    expect(stdout).not.toContain('Settings:\n')
  })

  it.each(examples)('has an example that its command understands: %s', async (args) => {
    const words = (args.split(/ [<>] /)[0] ?? '').replace(/'[^']*'/, 'text').split(' ')
    const [name = '', ...rest] = words
    const command = new Command(name).exitOverride().configureOutput({ writeErr: () => {} })
    // Only the arguments and options are read; the example is not run.
    ;(await commands[name]?.load())?.(command)
    const npub = `npub1${'q'.repeat(58)}`
    const { unknown, operands } = command.parseOptions(rest.map((word) => word.replace('npub1...', npub)))
    expect(unknown).toEqual([])
    const [most = 0, least = 0] = [
      command.registeredArguments.length,
      command.registeredArguments.filter(({ required }) => required).length,
    ]
    expect(operands.length).toBeGreaterThanOrEqual(least)
    if (!command.registeredArguments.some(({ variadic }) => variadic))
      expect(operands.length).toBeLessThanOrEqual(most)
  })
})

/** What `NAME --help` prints, in this process: a start of the program takes a third of a second. */
async function helpOf(name: string): Promise<string> {
  const program = await createProgram([name, '--help'])
  let printed = ''
  program.commands
    .find((command) => command.name() === name)
    ?.configureOutput({
      writeOut: (text) => {
        printed += text
      },
    })
  await expect(program.parseAsync([name, '--help'], { from: 'user' })).rejects.toMatchObject({ exitCode: 0 })
  return printed
}

describe('colours', () => {
  const ESCAPE = '\u001b['

  it('are left out where there is no terminal, unless they are asked for', async () => {
    expect((await runWarm(['--help'], { env: { FORCE_COLOR: '', NO_COLOR: '' } })).stdout).not.toContain(
      ESCAPE,
    )
    expect((await runWarm(['--help'], { env: { FORCE_COLOR: '1', NO_COLOR: '' } })).stdout).toContain(ESCAPE)
    expect((await runWarm(['--help'], { env: { FORCE_COLOR: '', NO_COLOR: '1' } })).stdout).not.toContain(
      ESCAPE,
    )
  })
})

describe('on a terminal', () => {
  it('there are signs in colour, and errors begin in red', async () => {
    const checked = await onTerminal([
      'check',
      '--store',
      'memory:',
      '--listen',
      '0',
      '--admin-listen',
      'none',
    ])
    expect(checked).toContain('\u001b[32m✓\u001b[39m  ports')
    expect(checked).toContain('\u001b[33m!\u001b[39m  store')
    expect(await onTerminal(['exprot'])).toContain("\u001b[31merror:\u001b[39m unknown command 'exprot'")
    expect(await onTerminal(['stats', '--store', 'memory:'])).toContain('\u001b[31merror:\u001b[39m store: ')
  })
})

describe('completion', () => {
  it.each(['bash', 'zsh', 'fish', 'powershell'])('has a script for %s', async (shell) => {
    const { code, stdout } = await runWarm(['complete', shell])
    expect(code).toBe(0)
    expect(stdout).toMatch(/keypackage-gateway.* complete/)
  })

  it.each([
    ['a command', ['exp'], /^export\t.*\n:4\n$/],
    ['an option', ['list', '--lo'], /^--low\t.*\n--log-level\t.*\n:4\n$/],
    ['the value of an option', ['serve', '--profile', 'm'], /^mixed\t\nmarmot\t\n:4\n$/],
    ['a file', ['import', ''], /^:0\n$/],
    ['a file with settings', ['serve', '--config', ''], /^:0\n$/],
  ])('completes %s', async (_, words, expected) => {
    const { code, stdout, stderr } = await runWarm(['complete', '--', ...words])
    expect({ code, stdout, stderr }).toEqual({
      code: 0,
      stdout: expect.stringMatching(expected),
      stderr: '',
    })
  })
})
