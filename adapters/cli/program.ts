/** The commander program with all commands. Only the command that is run is loaded. */

import { Command } from 'commander'
import { commands, HELP } from './commands.ts'
import { addExamples, configureHelp } from './help.ts'
import { coloured } from './style.ts'
import { readVersion } from './version.ts'

/** Prints a script for a shell, and is what such a script calls. */
const COMPLETE = 'complete'

/** @param args what follows the program's name; it throws a CommanderError where commander would exit */
export async function createProgram(args: readonly string[]): Promise<Command> {
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
export function withoutSecrets(text: string): string {
  return text.replace(/nsec1[0-9a-z]+/gi, 'nsec1...')
}

/** Red on a terminal. */
export function errorLabel(): string {
  return coloured('error:', 'bad', process.stderr)
}
