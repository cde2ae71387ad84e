/** Which commands there are: in which group of the help, with which examples, and where each is. */

import type { Command } from 'commander'

export interface CommandEntry {
  /** The heading under which the help lists it. */
  readonly group: string
  readonly description: string
  /** What follows `keypackage-gateway`, and what it does. */
  readonly examples: readonly (readonly [args: string, meaning: string])[]
  /** Loads what adds the arguments, options and action to a command. */
  readonly load: () => Promise<(command: Command) => Command>
}

const START = 'Start here:'
const SERVE = 'Serve:'
const LOOK = 'Look into a store:'
const CHANGE = 'Change what is in a store:'
const ACCESS = 'Who may publish and claim:'
export const HELP = 'Help:'

export const commands: Readonly<Record<string, CommandEntry>> = {
  demo: {
    group: START,
    description: 'Run a demonstration with a real relay and real MLS. It takes a few seconds.',
    examples: [
      ['demo', 'Alice publishes, Bob and Carol claim'],
      ['demo --keep', 'a week of made-up life to look at in a browser'],
    ],
    load: async () => (await import('./demo.ts')).defineDemo,
  },
  check: {
    group: START,
    description: 'Check settings, store, relay, clock and ports, and say what to do.',
    examples: [
      ['check', 'with the settings of the environment'],
      ['check --config gateway.yaml', 'with those that the server gets'],
      ['check --json', 'for a program; exits with 1 if something is wrong'],
    ],
    load: async () => (await import('./check/check.ts')).defineCheck,
  },
  inspect: {
    group: START,
    description: 'Show what a key package event contains, and run every check on it.',
    examples: [
      ['inspect event.json', 'an event in a file'],
      ['inspect - --json < events.jsonl', 'many, one a line'],
    ],
    load: async () => (await import('./inspect.ts')).defineInspect,
  },
  serve: {
    group: SERVE,
    description: 'Run a relay for key packages, or a proxy in front of another relay.',
    examples: [
      ['serve', 'on ws://127.0.0.1:7447, stored in ./data/keypackages'],
      ['serve --upstream ws://127.0.0.1:7777', 'in front of a relay'],
      ['serve --config gateway.yaml', 'with settings from a file'],
      ['serve --workers 2', 'on two processors'],
    ],
    load: async () => (await import('./serve.ts')).defineServe,
  },
  strfry: {
    group: SERVE,
    description: 'Run as the write-policy plugin of strfry.',
    examples: [
      ['strfry --store lmdb:/var/lib/keypackages', 'on the store of a proxy'],
      ['strfry --config gateway.yaml -- ./my-plugin', 'and ask yours first'],
    ],
    load: async () => (await import('./strfry.ts')).defineStrfry,
  },
  stats: {
    group: LOOK,
    description: 'Show how many authors and key packages a store holds.',
    examples: [
      ['stats --store lmdb:/var/lib/keypackages', 'a table'],
      ['stats --json', 'for a program'],
    ],
    load: async () => (await import('./packages/stats.ts')).defineStats,
  },
  list: {
    group: LOOK,
    description: 'List the authors in a store, or the key packages of one.',
    examples: [
      ['list', 'every author, and how many packages they have'],
      ['list npub1...', 'the packages of one author'],
    ],
    load: async () => (await import('./packages/list.ts')).defineList,
  },
  export: {
    group: LOOK,
    description: 'Print everything in a store as JSON lines.',
    examples: [
      ['export > keypackages.jsonl', 'a backup'],
      ['export --gzip > keypackages.jsonl.gz', 'a smaller one'],
    ],
    load: async () => (await import('./moving/export.ts')).defineExport,
  },
  import: {
    group: CHANGE,
    description: 'Add key packages to a store, from an export or from events that a relay exported.',
    examples: [
      ['import keypackages.jsonl.gz', 'restore a backup'],
      ['import - --dry-run < events.jsonl', 'say what would become of each line'],
    ],
    load: async () => (await import('./moving/import.ts')).defineImport,
  },
  delete: {
    group: CHANGE,
    description: 'Delete key packages of an author, for good.',
    examples: [
      ['delete npub1... 3f2a9c01', 'one, by the beginning of its id'],
      ['delete npub1... --yes', 'all of the author, without asking'],
    ],
    load: async () => (await import('./packages/delete.ts')).defineDelete,
  },
  sweep: {
    group: CHANGE,
    description: 'Remove expired key packages from a store.',
    examples: [['sweep --store lmdb:/var/lib/keypackages', 'servers do it every hour']],
    load: async () => (await import('./sweep.ts')).defineSweep,
  },
  ban: {
    group: ACCESS,
    description: 'Ban a pubkey, address or network from publishing and claiming key packages.',
    examples: [
      ["ban npub1... --reason 'spam'", 'a pubkey'],
      ['ban 203.0.113.0/24', 'a network'],
    ],
    load: async () => (await import('./access.ts')).defineBan,
  },
  unban: {
    group: ACCESS,
    description: 'Lift a ban.',
    examples: [['unban 203.0.113.0/24', 'as `bans` lists it']],
    load: async () => (await import('./access.ts')).defineUnban,
  },
  allow: {
    group: ACCESS,
    description: 'Add to those who alone may publish and claim (access.mode allow-listed).',
    examples: [['allow npub1...', 'a pubkey']],
    load: async () => (await import('./access.ts')).defineAllow,
  },
  unallow: {
    group: ACCESS,
    description: 'Remove what `allow` has added.',
    examples: [['unallow npub1...', 'a pubkey']],
    load: async () => (await import('./access.ts')).defineUnallow,
  },
  bans: {
    group: ACCESS,
    description: 'List who is banned and who is allowed.',
    examples: [
      ['bans', 'a table'],
      ['bans --json', 'for a program'],
    ],
    load: async () => (await import('./access.ts')).defineBans,
  },
  complete: {
    group: HELP,
    description: 'Print a script that completes commands and options in a shell.',
    examples: [
      ['complete bash > FILE', 'FILE: ~/.local/share/bash-completion/completions/keypackage-gateway'],
      ['complete zsh > FILE', 'FILE: _keypackage-gateway, in a folder of $fpath'],
      ['complete fish > FILE', 'FILE: ~/.config/fish/completions/keypackage-gateway.fish'],
    ],
    load: async () => (await import('./completion.ts')).defineComplete,
  },
}
