/** The command line: which commands there are. Only the one that is run is loaded. */

import { Command, CommanderError } from 'commander'
import { isOutputFault, watchOutput } from './output.ts'
import { readVersion } from './startup.ts'

interface CommandEntry {
  readonly description: string
  /** Loads what adds the arguments, options and action to a command. */
  readonly load: () => Promise<(command: Command) => Command>
}

const USAGE_ERROR = 2
/** The codes of errors in what the operator wrote: settings, and files to read. */
const USAGE_CODES: readonly unknown[] = ['KPG_SETTINGS', 'KPG_INPUT']

const commands: Readonly<Record<string, CommandEntry>> = {
  serve: {
    description: 'Run a relay for key packages, or a proxy in front of another relay.',
    load: async () => (await import('./serve.ts')).defineServe,
  },
  inspect: {
    description: 'Show what a key package event contains, and run every check on it.',
    load: async () => (await import('./inspect.ts')).defineInspect,
  },
  strfry: {
    description: 'Run as the write-policy plugin of strfry.',
    load: async () => (await import('./strfry.ts')).defineStrfry,
  },
  import: {
    description: 'Add key packages to a store, from an export or from events that a relay exported.',
    load: async () => (await import('./import.ts')).defineImport,
  },
  export: {
    description: 'Print everything in a store as JSON lines.',
    load: async () => (await import('./export.ts')).defineExport,
  },
  stats: {
    description: 'Show how many authors and key packages a store holds.',
    load: async () => (await import('./stats.ts')).defineStats,
  },
  sweep: {
    description: 'Remove expired key packages from a store.',
    load: async () => (await import('./sweep.ts')).defineSweep,
  },
  ban: {
    description: 'Ban a pubkey, address or network from publishing and claiming key packages.',
    load: async () => (await import('./access.ts')).defineBan,
  },
  unban: {
    description: 'Lift a ban.',
    load: async () => (await import('./access.ts')).defineUnban,
  },
  allow: {
    description: 'Add to those who alone may publish and claim (access.mode allow-listed).',
    load: async () => (await import('./access.ts')).defineAllow,
  },
  unallow: {
    description: 'Remove what `allow` has added.',
    load: async () => (await import('./access.ts')).defineUnallow,
  },
  bans: {
    description: 'List who is banned and who is allowed.',
    load: async () => (await import('./access.ts')).defineBans,
  },
  demo: {
    description: 'Run a demonstration with a real relay and real MLS. It takes a few seconds.',
    load: async () => (await import('./demo.ts')).defineDemo,
  },
}

async function createProgram(args: readonly string[]): Promise<Command> {
  const program = new Command('keypackage-gateway')
    .description('Hands out each MLS key package on Nostr to one requester.')
    .version(readVersion())
    .exitOverride()
  for (const [name, { description, load }] of Object.entries(commands)) {
    const command = new Command(name).description(description).copyInheritedSettings(program)
    if (args.includes(name)) (await load())(command)
    program.addCommand(command)
  }
  return program
}

/** A usage error exits with 2, every other error with 1. */
function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE_ERROR
  return isCoded(error) && USAGE_CODES.includes(error.code) ? USAGE_ERROR : 1
}

function isCoded(error: unknown): error is Error & { code: unknown } {
  return error instanceof Error && 'code' in error
}

watchOutput()
try {
  const args = process.argv.slice(2)
  const program = await createProgram(args)
  await program.parseAsync(args, { from: 'user' })
} catch (error) {
  if (!(error instanceof CommanderError || isOutputFault(error))) {
    // An error with a code has a message for the operator. One without is a bug, and its stack helps to find it.
    const text = isCoded(error) ? error.message : String((error as Error).stack)
    process.stderr.write(`${text.replace(/^/gm, 'error: ')}\n`)
  }
  process.exitCode ||= exitCodeOf(error)
}
