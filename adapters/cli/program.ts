/** The command line: which commands there are. Only the one that is asked for is loaded. */

import { Command, CommanderError } from 'commander'
import { readVersion } from './version.ts'

interface CommandEntry {
  readonly description: string
  readonly load: () => Promise<Command>
}

const USAGE_ERROR = 2
/** Codes of errors that say: what was given cannot be used. */
const MISUSES: readonly unknown[] = ['KPG_SETTINGS', 'KPG_INPUT']

const commands: Readonly<Record<string, CommandEntry>> = {
  serve: {
    description: 'Serve a relay for key packages.',
    load: async () => (await import('./serve.ts')).serveCommand(),
  },
  inspect: {
    description: 'Say what a key package event holds and whether it would be accepted, check by check.',
    load: async () => (await import('./inspect.ts')).inspectCommand(),
  },
  strfry: {
    description: "strfry's write-policy plugin: answers on standard output what to do with each event.",
    load: async () => (await import('./strfry.ts')).strfryCommand(),
  },
  import: {
    description: 'Take key packages into a store: an export, or events as a relay exports them.',
    load: async () => (await import('./import.ts')).importCommand(),
  },
  export: {
    description: 'Print everything in a store as JSON lines.',
    load: async () => (await import('./export.ts')).exportCommand(),
  },
  stats: {
    description: 'Say what is in a store.',
    load: async () => (await import('./stats.ts')).statsCommand(),
  },
  sweep: {
    description: 'Remove from a store what expired.',
    load: async () => (await import('./sweep.ts')).sweepCommand(),
  },
  demo: {
    description: 'Play the whole story on this machine in a few seconds, with real MLS.',
    load: async () => (await import('./demo.ts')).demoCommand(),
  },
}

async function createProgram(args: readonly string[]): Promise<Command> {
  const program = new Command('keypackage-gateway')
    .description('Hands MLS key packages on Nostr relays to one requester each.')
    .version(readVersion())
    .exitOverride()
  for (const [name, { description, load }] of Object.entries(commands)) {
    const command = args.includes(name) ? await load() : new Command(name)
    program.addCommand(command.description(description).copyInheritedSettings(program))
  }
  return program
}

/** The exit code of an error that was made in using the command; what else goes wrong is 1. */
function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE_ERROR
  return isCoded(error) && MISUSES.includes(error.code) ? USAGE_ERROR : 1
}

function isCoded(error: unknown): error is Error & { code: unknown } {
  return error instanceof Error && 'code' in error
}

try {
  const args = process.argv.slice(2)
  const program = await createProgram(args)
  await program.parseAsync(args, { from: 'user' })
} catch (error) {
  if (!(error instanceof CommanderError)) {
    // What carries a code is meant for the operator; what does not is a fault of ours, and its trace is of use.
    const text = isCoded(error) ? error.message : String((error as Error).stack)
    process.stderr.write(`${text.replace(/^/gm, 'error: ')}\n`)
  }
  process.exitCode = exitCodeOf(error)
}
