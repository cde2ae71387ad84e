/** Runs the command line: one command, or says what is wrong with the call. */

import { CommanderError } from 'commander'
import { commands } from './commands.ts'
import { endLog } from './ending.ts'
import { firstScreen } from './help.ts'
import { isOutputFault, watchOutput } from './output.ts'
import { createProgram, errorLabel, withoutSecrets } from './program.ts'

const USAGE_ERROR = 2
/** The codes of errors in what the operator wrote: settings, and files to read. */
const USAGE_CODES: readonly unknown[] = ['KPG_SETTINGS', 'KPG_INPUT', 'KPG_USAGE']

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

/** Runs one command, and sets the exit code of the process. */
export async function runCommand(args: readonly string[]): Promise<void> {
  try {
    await run(args)
  } catch (error) {
    if (!(error instanceof CommanderError || isOutputFault(error))) {
      // An error with a code has a message for the operator. One without is a bug, and its stack helps to find it.
      const text = isCoded(error) ? error.message : String((error as Error).stack)
      process.stderr.write(`${withoutSecrets(text).replace(/^/gm, `${errorLabel()} `)}\n`)
    }
    process.exitCode ||= exitCodeOf(error)
  }
}

/** What the process is for: the command of its arguments, from watching the output to the end of the log. */
export async function runProcess(): Promise<void> {
  watchOutput()
  await runCommand(process.argv.slice(2))
  await endLog()
}
