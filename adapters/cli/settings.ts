/** Reads settings from a YAML file, `KPG_*` environment variables and flags; later sources override earlier ones. */

import type { Command, Option } from 'commander'
import { withProfileDefaults } from '../../plugin/options.ts'
import { type Leaf, leavesOf, parseSettings, SettingsError } from '../../plugin/settings.ts'
import { withoutPasswords } from './plain-words.ts'
import { hintFor } from './settings/hints.ts'
import { isTree, readSettingsFile, type Tree } from './settings/settings-file.ts'
import { CONFIG_VARIABLE, unknownVariables, VARIABLE_PREFIX } from './settings/variables.ts'
import { type Settings, settingsSchema } from './settings-schema.ts'

/** Where settings are read from. */
export interface Sources {
  /** Overrides the schema's default of top-level settings. */
  readonly defaults?: Readonly<Record<string, unknown>>
  /** The path of a YAML file; without it, `KPG_CONFIG` may name one. */
  readonly file?: string | undefined
  readonly env: Readonly<Record<string, string | undefined>>
  /** Flags by name, such as `--quota-per-author-max`. */
  readonly flags: Readonly<Record<string, string | undefined>>
}

/** A setting with its names outside of the file. */
export interface NamedLeaf extends Leaf {
  /** Such as `KPG_QUOTA_PER_AUTHOR_MAX`. */
  readonly variable: string
  /** Such as `--quota-per-author-max`. */
  readonly flag: string
}

/**
 * Adds `--config` and settings to a command; without `keys`, all settings.
 * @param keys such as `store` for all that is below it, or `stock.low`
 */
export function addSettings(command: Command, keys?: readonly string[]): Command {
  command.option(
    '--config <file>',
    'YAML file with settings; environment variables and flags override it (KPG_CONFIG)',
  )
  for (const leaf of namedLeaves()) {
    const isWanted = keys?.some((key) => `${leaf.path.join('.')}.`.startsWith(`${key}.`)) ?? true
    if (isWanted) command.addOption(optionOf(command, leaf))
  }
  return command
}

/** The headings of the help, each with the first keys of its settings. */
const HEADINGS: Readonly<Record<string, readonly string[]>> = {
  'What is served (settings):': ['profile', 'kinds', 'relayLists', 'custody', 'publicUrl', 'requester'],
  'Who may publish and claim (settings):': ['access'],
  'Claims (settings):': ['claim', 'delivery'],
  'Quotas (settings):': ['quota'],
  'Stock (settings):': ['stock', 'replenish', 'sweepIntervalSeconds'],
  'Checks of key packages (settings):': ['validation'],
  'Store (settings):': ['store', 'redis'],
  'Server (settings):': ['listen', 'workers', 'upstream', 'proxy', 'server', 'admin', 'http'],
  'Logs and metrics (settings):': ['audit', 'log', 'metrics'],
}

function headingOf(key = ''): string {
  const [heading = 'Settings:'] = Object.entries(HEADINGS).find(([, keys]) => keys.includes(key)) ?? []
  return heading
}

const values: Readonly<Record<Leaf['type'], string>> = {
  number: '<number>',
  boolean: '<true|false>',
  string: '<value>',
  list: '<list>',
}

function optionOf(command: Command, leaf: NamedLeaf): Option {
  const { flag, description, allowed, defaultValue, type, path, choices } = leaf
  const shown = defaultValue === undefined ? '' : `; default: ${String(defaultValue) || 'none'}`
  const option = command.createOption(`${flag} ${values[type]}`, `${description} (${allowed}${shown})`)
  // For completion in a shell. Our own error names the setting and where it comes from, so Commander does not check.
  if (type !== 'list' && choices.length > 0) option.argChoices = choices.map(String)
  return option.helpGroup(headingOf(path[0]))
}

/**
 * Reads the settings of a command from its file, the environment and its flags.
 * @throws SettingsError
 */
export function readSettings(command: Command, env: NodeJS.ProcessEnv): Settings {
  const values = command.opts<Record<string, string | undefined>>()
  const flags = command.options.map((option) => [option.long ?? '', values[option.attributeName()]] as const)
  return loadSettings({ file: values.config, env, flags: Object.fromEntries(flags) })
}

/** Every setting, in the order of the schema. */
export function namedLeaves(): NamedLeaf[] {
  return leavesOf(settingsSchema).map((leaf) => {
    const words = leaf.path.join('-').replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
    const variable = VARIABLE_PREFIX + words.replaceAll('-', '_').toUpperCase()
    return { ...leaf, variable, flag: `--${words}` }
  })
}

/**
 * Reads all sources. Flags override the environment, which overrides the file.
 * @throws SettingsError with the path, value, allowed values and source of each wrong setting
 */
export function loadSettings({ defaults, env, flags, file = env[CONFIG_VARIABLE] }: Sources): Settings {
  const leaves = namedLeaves()
  const origins = new Map<string, string>()
  const tree = { ...defaults, ...(file === undefined ? {} : readSettingsFile(file, leaves)) }
  const unknown = unknownVariables(
    env,
    leaves.map(({ variable }) => variable),
  )
  if (unknown.length > 0) throw new SettingsError(unknown)
  for (const leaf of leaves) {
    write(tree, leaf, env[leaf.variable], `environment variable ${leaf.variable}`, origins)
    write(tree, leaf, flags[leaf.flag], `flag ${leaf.flag}`, origins)
  }
  try {
    return parseSettings(settingsSchema, withProfileDefaults(tree))
  } catch (error) {
    throw error instanceof SettingsError ? explained(error, tree, origins, file) : error
  }
}

function write(
  tree: Tree,
  leaf: Leaf,
  text: string | undefined,
  origin: string,
  origins: Map<string, string>,
): void {
  if (text === undefined) return
  const branch = leaf.path.slice(0, -1).reduce(branchOf, tree)
  branch[leaf.path.at(-1) ?? ''] = convert(leaf, text)
  origins.set(leaf.path.join('.'), origin)
}

/** The settings below a key. Where the file has a single value there, it stays, and the schema refuses it later. */
function branchOf(tree: Tree, key: string): Tree {
  const branch = tree[key] ?? {}
  if (!isTree(branch)) return {}
  tree[key] = branch
  return branch
}

/** Converts a text to the type of the setting. A text that cannot be converted stays, and the schema refuses it. */
function convert({ type, items }: Leaf, text: string): unknown {
  if (type === 'list') {
    const texts = text.split(',').map((item) => item.trim())
    return items === 'string' ? texts : texts.map(numberOr)
  }
  if (type === 'number') return numberOr(text)
  if (type === 'boolean' && (text === 'true' || text === 'false')) return text === 'true'
  return text
}

function numberOr(text: string): number | string {
  return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text
}

/** Adds to each problem what would be right, where that is clear, and where the setting comes from. */
function explained(
  { problems }: SettingsError,
  tree: Tree,
  origins: ReadonlyMap<string, string>,
  file: string | undefined,
): SettingsError {
  return new SettingsError(
    problems.map((problem) => {
      const [path = ''] = problem.split(':')
      const hint = hintFor(path, valueAt(tree, path.split('.')))
      const origin = origins.get(path) ?? file
      const text = hint === undefined ? problem : `${problem}; ${hint}`
      return withoutPasswords(origin === undefined ? text : `${text} (${origin})`)
    }),
  )
}

function valueAt(tree: Tree, path: readonly string[]): unknown {
  return path.reduce<unknown>((value, key) => (isTree(value) ? value[key] : undefined), tree)
}
