/** The YAML file with settings: reads it, and says in plain words why it cannot be read. */

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { type Leaf, SettingsError } from '../../../plugin/settings.ts'
import { reasonOf, withoutPasswords } from '../plain-words.ts'

/** Loaded only when there is a settings file, because the package consists of 73 files. */
const yaml = (): typeof import('yaml') => createRequire(import.meta.url)('yaml')

export interface Tree {
  [key: string]: unknown
}

/**
 * The settings in a file, as they are written there.
 * @throws SettingsError naming the file
 */
export function readSettingsFile(path: string, leaves: readonly Leaf[]): Tree {
  const tree = parsed(path, textOf(path))
  if (isEndless(tree)) throw new SettingsError([`${path}: an alias (*) refers to a node that contains it`])
  if (!isTree(tree))
    throw new SettingsError([`${path}: must be a mapping of settings, such as "profile: marmot"`])
  return withTexts(tree, leaves)
}

function textOf(path: string): string {
  if (path === '') throw new SettingsError(['KPG_CONFIG: it is empty; expected the path of a YAML file'])
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new SettingsError([`${path}: cannot read the file with settings: ${reasonOf(error)}`])
  }
}

function parsed(path: string, text: string): unknown {
  try {
    return yaml().parse(text, { logLevel: 'error' }) ?? {}
  } catch (error) {
    throw new SettingsError([`${path}: cannot read it as YAML: ${faultIn(error)}`])
  }
}

/** Whether a value contains itself, as YAML's anchors and aliases allow. */
function isEndless(value: unknown, above: readonly unknown[] = []): boolean {
  if (typeof value !== 'object' || value === null) return false
  return above.includes(value) || Object.values(value).some((inside) => isEndless(inside, [...above, value]))
}

/** What is wrong, and the line where. The line may hold the password of a store. */
function faultIn(error: unknown): string {
  if (error instanceof yaml().YAMLParseError && error.code === 'MULTIPLE_DOCS')
    return 'it holds several documents; leave out the "---" between them'
  const lines = (error as Error).message.split('\n').filter((line) => line.trim() !== '')
  return withoutPasswords(lines.join('\n'))
}

/** YAML takes `listen: 7447` and `contact: 42` for numbers; where text is expected, they are text. */
function withTexts(tree: Tree, leaves: readonly Leaf[], path: readonly string[] = []): Tree {
  const entries = Object.entries(tree).map(([key, value]) => {
    const here = [...path, key]
    if (isTree(value)) return [key, withTexts(value, leaves, here)]
    const leaf = leaves.find((known) => known.path.join('.') === here.join('.'))
    const isText = leaf?.type === 'string' && Number.isSafeInteger(value)
    return [key, isText ? String(value) : value]
  })
  return Object.fromEntries(entries)
}

export function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
