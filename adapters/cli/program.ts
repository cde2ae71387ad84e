/** The command line: runs a command, and says what is wrong with a call. Only the command that is run is loaded. */

import { Command, CommanderError } from 'commander'
import { commands, HELP } from './commands.ts'
import { endLog } from './ending.ts'
import { addExamples, configureHelp, firstScreen } from './help.ts'
import { isOutputFault, watchOutput } from './output.ts'
import { coloured } from './style.ts'
import { readVersion } from './version.ts'

const USAGE_ERROR = 2
/** The codes of errors in what the operator wrote: settings, and files to read. */
const USAGE_CODES: readonly unknown[] = ['KPG_SETTINGS', 'KPG_INPUT', 'KPG_USAGE']
/** Prints a script for a shell, and is what such a script calls. */
const COMPLETE = 'complete'

async function createProgram(args: readonly string[]): Promise<Command> {
  const program = configureHelp(new Command('keypackage-gateway'))
    .description('Hands out each MLS key package on Nostr to one requester.')
    .usage('<command> [options]')
    .version(readVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .addHelpCommand(
      new Command('help').argument('[command]').description('print the help of a command').helpGroup(HELP),
    )
    .exitOverride()
    .configureOutput({
      outputError: (text, write) =>
        write(withoutSecrets(inOurWords(text)).replace(/^error:/gm, errorLabel())),
    })
  const completes = args[0] === COMPLETE && !args.includes('--help') && !args.includes('-h')
  for (const [name, entry] of Object.entries(commands)) {
    const command = new Command(name).description(entry.description).copyInheritedSettings(program)
    command.helpGroup(entry.group)
    command.helpOption('-h, --help', 'print this help')
    if (completes || args.includes(name)) (await entry.load())(command)
    // A call of it needs all other commands, and adds itself.
    if (!(completes && name === COMPLETE)) program.addCommand(addExamples(command, entry))
  }
  if (completes) await (await import('./completion.ts')).addCompletion(program, args)
  return program
}

/** Commander's error about the value of an argument, in the words of those about settings. */
function inOurWords(text: string): string {
  return text
    .replace(/command-argument value '(.*)' is invalid for argument '(.*)'\./, '$2: "$1" is not allowed.')
    .replace(/option '(.*)' argument '(.*)' is invalid\./, '$1: "$2" is not allowed.')
}

/** An error quotes what was typed, and terminals and logs are kept: no secret key (NIP-19) in it. */
function withoutSecrets(text: string): string {
  return text.replace(/nsec1[0-9a-z]+/gi, 'nsec1...')
}

/** A usage error exits with 2, every other error with 1. */
function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE_ERROR
  return isCoded(error) && USAGE_CODES.includes(error.code) ? USAGE_ERROR : 1
}

function isCommand(name: string): boolean {
  return name === 'help' || Object.hasOwn(commands, name)
}

function isCoded(error: unknown): error is Error & { code: unknown } {
  return error instanceof Error && 'code' in error
}

/** Red on a terminal. */
function errorLabel(): string {
  return coloured('error:', 'bad', process.stderr)
}

async function run(args: readonly string[]): Promise<void> {
  if (args.length === 0) {
    process.stderr.write(firstScreen())
    process.exitCode = USAGE_ERROR
    return
  }
  const program = await createProgram(args)
  const [first, asked] = args
  // Commander would print the help of all.
  if (first === 'help' && asked !== undefined && !asked.startsWith('-') && !isCommand(asked))
    program.error(`error: unknown command '${asked}'`, { exitCode: USAGE_ERROR })
  await program.parseAsync(args, { from: 'user' })
}

watchOutput()
try {
  await run(process.argv.slice(2))
} catch (error) {
  if (!(error instanceof CommanderError || isOutputFault(error))) {
    // An error with a code has a message for the operator. One without is a bug, and its stack helps to find it.
    const text = isCoded(error) ? error.message : String((error as Error).stack)
    process.stderr.write(`${withoutSecrets(text).replace(/^/gm, `${errorLabel()} `)}\n`)
  }
  process.exitCode ||= exitCodeOf(error)
}
await endLog()
