/** `complete`: prints a script that completes commands and options in a shell, and answers what that script asks. */

import type { Command } from 'commander'

const NAME = 'complete'
/** Commands with a file as their argument, and options with one: the shell completes their names itself. */
const FILE_COMMANDS = ['inspect', 'import']
const FILE_OPTIONS = ['--config', '--taken', '--audit-path']
/** To the shell: no suggestions, but the names of files (`ShellCompDirectiveDefault`). */
const FILES = ':0\n'

/** What the help says of it. */
export function defineComplete(command: Command): Command {
  return command.argument('<shell>', 'bash, zsh, fish or powershell')
}

/**
 * Adds the command to a program whose other commands are defined with all their options.
 * @param args those of the whole program
 */
export async function addCompletion(program: Command, args: readonly string[]): Promise<void> {
  const [, separator, ...words] = args
  if (separator === '--' && wantsFile(words)) {
    program
      .command(NAME)
      .allowExcessArguments()
      .action(() => void process.stdout.write(FILES))
    return
  }
  const { default: tab } = await import('@bomb.sh/tab/commander')
  tab(program)
}

/** @param words those on the line so far; the last is the one to complete */
function wantsFile(words: readonly string[]): boolean {
  const [command = '', ...others] = words
  const [before, last = ''] = [others.at(-2) ?? '', others.at(-1)]
  if (FILE_OPTIONS.includes(before)) return true
  if (before.startsWith('--') || last.startsWith('-')) return false
  return others.length > 0 && FILE_COMMANDS.includes(command)
}
