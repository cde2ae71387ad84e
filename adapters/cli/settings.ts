/** Reads settings from a YAML file, `KPG_*` environment variables and flags; later sources override earlier ones. */

import { readFileSync } from 'node:fs'
import type { Command, Option } from 'commander'
import { parse } from 'yaml'
import { withProfileDefaults } from '../../plugin/options.ts'
import { type Leaf, leavesOf, parseSettings, SettingsError } from '../../plugin/settings.ts'
import { type Settings, settingsSchema } from './settings-schema.ts'

/** Where settings are read from. */
export interface Sources {
  /** Overrides the schema's default of top-level settings. */
  readonly defaults?: Readonly<Record<string, unknown>>
  /** The path of a YAML file. */
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

interface Tree {
  [key: string]: unknown
}

const VARIABLE_PREFIX = 'KPG_'

/** Adds `--config` and the settings below the given keys to a command; without keys, all settings. */
export function addSettings(command: Command, keys?: readonly string[]): Command {
  command.option('--config <file>', 'YAML file with settings; environment variables and flags override it')
  for (const leaf of namedLeaves()) {
    if (keys?.includes(leaf.path[0] ?? '') ?? true) command.addOption(optionOf(command, leaf))
  }
  return command
}

function optionOf(command: Command, { flag, description, allowed, defaultValue }: NamedLeaf): Option {
  const shown = defaultValue === undefined ? '' : `; default: ${String(defaultValue) || 'none'}`
  return command.createOption(`${flag} <value>`, `${description} (${allowed}${shown})`)
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
export function loadSettings({ defaults, file, env, flags }: Sources): Settings {
  const leaves = namedLeaves()
  const origins = new Map<string, string>()
  const tree = { ...defaults, ...(file === undefined ? {} : readFile(file)) }
  checkVariables(env, leaves)
  for (const leaf of leaves) {
    write(tree, leaf, env[leaf.variable], `environment variable ${leaf.variable}`, origins)
    write(tree, leaf, flags[leaf.flag], `flag ${leaf.flag}`, origins)
  }
  try {
    return parseSettings(settingsSchema, withProfileDefaults(tree))
  } catch (error) {
    throw error instanceof SettingsError ? withOrigins(error, origins, file) : error
  }
}

function readFile(path: string): Tree {
  let tree: unknown
  try {
    tree = parse(readFileSync(path, 'utf8')) ?? {}
  } catch (error) {
    throw new SettingsError([`${path}: cannot read it as YAML: ${(error as Error).message}`])
  }
  if (!isTree(tree))
    throw new SettingsError([`${path}: must be a mapping of settings, such as "profile: marmot"`])
  return tree
}

function checkVariables(env: Sources['env'], leaves: readonly NamedLeaf[]): void {
  const known = new Set(leaves.map(({ variable }) => variable))
  const unknown = Object.keys(env).filter((name) => name.startsWith(VARIABLE_PREFIX) && !known.has(name))
  if (unknown.length === 0) return
  throw new SettingsError(
    unknown.map((name) => `${name}: unknown setting; expected ${similarTo(name, known)}`),
  )
}

/** The variables that begin with the same word; all variables where none do. */
function similarTo(name: string, known: ReadonlySet<string>): string {
  const [, word] = name.split('_')
  const similar = [...known].filter((other) => other.split('_')[1] === word)
  return (similar.length > 0 ? similar : [...known]).join(', ')
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

function withOrigins(
  { problems }: SettingsError,
  origins: ReadonlyMap<string, string>,
  file: string | undefined,
): SettingsError {
  return new SettingsError(
    problems.map((problem) => {
      const [path = ''] = problem.split(':')
      const origin = origins.get(path) ?? file
      return withoutPasswords(origin === undefined ? problem : `${problem} (${origin})`)
    }),
  )
}

/** Hides the user and password of every address in a text. */
export function withoutPasswords(text: string): string {
  return text.replace(/\/\/[^\s"]*@/g, '//***@')
}

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
