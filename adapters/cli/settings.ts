/** Puts the settings together: a YAML file, then `KPG_*` environment variables, then flags. */

import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import { withProfileDefaults } from '../../plugin/options.ts'
import { type Leaf, leavesOf, parseSettings, SettingsError } from '../../plugin/settings.ts'
import { type Settings, settingsSchema } from './settings-schema.ts'

/** Where settings are written. */
export interface Sources {
  /** What goes for a setting at the top that is written nowhere, in place of the schema's default. */
  readonly defaults?: Readonly<Record<string, unknown>>
  /** Path of a YAML file. */
  readonly file?: string | undefined
  readonly env: Readonly<Record<string, string | undefined>>
  /** Flags by their name, as in `--quota-per-author-max`. */
  readonly flags: Readonly<Record<string, string | undefined>>
}

/** A setting and the names it goes by outside of a file. */
export interface NamedLeaf extends Leaf {
  /** As in `KPG_QUOTA_PER_AUTHOR_MAX`. */
  readonly variable: string
  /** As in `--quota-per-author-max`. */
  readonly flag: string
}

interface Tree {
  [key: string]: unknown
}

const VARIABLE_PREFIX = 'KPG_'

/** Every setting, in the order of the schema. */
export function namedLeaves(): NamedLeaf[] {
  return leavesOf(settingsSchema).map((leaf) => {
    const words = leaf.path.join('-').replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
    const variable = VARIABLE_PREFIX + words.replaceAll('-', '_').toUpperCase()
    return { ...leaf, variable, flag: `--${words}` }
  })
}

/**
 * Reads all sources; of a setting that is written in several, flags win, then the environment.
 * @throws SettingsError naming path, value, what is allowed and where it was written
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
    throw new SettingsError([`${path}: cannot be read as YAML: ${(error as Error).message}`])
  }
  if (!isTree(tree)) throw new SettingsError([`${path}: must hold settings by name, as in "store: memory:"`])
  return tree
}

function checkVariables(env: Sources['env'], leaves: readonly NamedLeaf[]): void {
  const known = new Set(leaves.map(({ variable }) => variable))
  const unknown = Object.keys(env).filter((name) => name.startsWith(VARIABLE_PREFIX) && !known.has(name))
  if (unknown.length === 0) return
  throw new SettingsError(
    unknown.map((name) => `${name}: unknown setting; known settings: ${likeNamed(name, known)}`),
  )
}

/** The variables that begin with the same word, where there are any. */
function likeNamed(name: string, known: ReadonlySet<string>): string {
  const [, word] = name.split('_')
  const alike = [...known].filter((other) => other.split('_')[1] === word)
  return (alike.length > 0 ? alike : [...known]).join(', ')
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
  branch[leaf.path.at(-1) ?? ''] = read(leaf, text)
  origins.set(leaf.path.join('.'), origin)
}

/** The settings below a key. What a file holds there instead of settings is kept, and refused later. */
function branchOf(tree: Tree, key: string): Tree {
  const branch = tree[key] ?? {}
  if (!isTree(branch)) return {}
  tree[key] = branch
  return branch
}

/** A text as the value it stands for; one that stands for none is left to the schema to refuse. */
function read({ type }: Leaf, text: string): unknown {
  if (type === 'list') return text.split(',').map((item) => numberOr(item.trim()))
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

/** A text without the user and password of the addresses in it. */
export function withoutPasswords(text: string): string {
  return text.replace(/\/\/[^\s"]*@/g, '//***@')
}

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
