/** Reads settings by their schema. An error names the path, the value and the allowed values of every invalid setting. */

import { z } from 'zod'

/** Invalid settings. The message has one line for each. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError'
  readonly code = 'KPG_SETTINGS'
  /** One for each invalid setting: its path, its value and what is allowed. */
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(problems.join('\n'))
    this.problems = problems
  }
}

/** A setting that has a value, not a group of settings. */
export interface Leaf {
  /** Such as `['quota', 'perAuthor', 'max']`. */
  readonly path: readonly string[]
  readonly description: string
  readonly defaultValue: unknown
  /** The allowed values, in words. */
  readonly allowed: string
  readonly type: 'number' | 'boolean' | 'string' | 'list'
  /** Of a list: what its items are. */
  readonly items?: 'number' | 'string'
  /** The allowed values of the setting, or of the items of a list; empty where any number or string is allowed. */
  readonly choices: readonly unknown[]
}

/** Every setting of a schema, in the schema's order. */
export function leavesOf(schema: z.ZodObject): Leaf[] {
  return walk(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Node, [])
}

/** @throws SettingsError */
export function parseSettings<Schema extends z.ZodObject>(schema: Schema, input: unknown): z.output<Schema> {
  const result = schema.safeParse(input)
  if (result.success) return result.data
  const leaves = leavesOf(schema)
  throw new SettingsError(result.error.issues.flatMap((issue) => explain(issue, input, leaves)))
}

interface Node {
  readonly type?: string
  readonly properties?: Record<string, Node>
  readonly description?: string
  readonly default?: unknown
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly anyOf?: readonly Node[]
  readonly items?: Node
  readonly minimum?: number
  readonly maximum?: number
  readonly pattern?: string
  readonly format?: string
  readonly examples?: readonly unknown[]
}

function walk(node: Node, path: readonly string[]): Leaf[] {
  return Object.entries(node.properties ?? {}).flatMap(([key, child]) => {
    const here = [...path, key]
    return child.properties === undefined ? [leafOf(child, here)] : walk(child, here)
  })
}

function leafOf(node: Node, path: readonly string[]): Leaf {
  return {
    path,
    description: node.description ?? '',
    defaultValue: node.default,
    allowed: allowedBy(node),
    type: typeOf(node),
    ...(node.items && { items: typeOf(node.items) === 'string' ? 'string' : 'number' }),
    choices: choicesOf(node.items ?? node),
  }
}

function choicesOf({ enum: values, const: value, anyOf = [] }: Node): readonly unknown[] {
  if (values !== undefined) return values
  return value === undefined ? anyOf.flatMap(choicesOf) : [value]
}

function typeOf({ type, anyOf }: Node): Leaf['type'] {
  // A text that is no number is left as it is.
  if (anyOf?.some((one) => typeOf(one) === 'number')) return 'number'
  if (type === 'array') return 'list'
  if (type === 'boolean') return 'boolean'
  return type === 'integer' || type === 'number' ? 'number' : 'string'
}

function allowedBy(node: Node): string {
  const { type, minimum, maximum } = node
  if (node.enum !== undefined) return node.enum.join(' or ')
  if (node.const !== undefined) return String(node.const)
  if (node.anyOf !== undefined) return node.anyOf.map(allowedBy).join(' or ')
  if (node.items !== undefined) return `a list of ${plural(allowedBy(node.items))}`
  if (type === 'integer') return `an integer from ${minimum} to ${maximum}`
  if (type === 'boolean') return 'true or false'
  if (node.examples !== undefined) return `a string such as ${node.examples.join(' or ')}`
  if (node.format === 'uri') return 'a URL such as wss://relay.example.com'
  return node.pattern === undefined ? 'a string' : `a string such as ${String(node.default)}`
}

/** Of `an integer from 1 to 7`, for example. Of choices it is the same. */
function plural(allowed: string): string {
  return allowed.replace(/^an? (integer|string)\b/, '$1s')
}

/** `params` of an issue about settings that do not go together: the value in effect, and what is expected. */
interface Conflict {
  readonly value?: unknown
  readonly expected?: string
}

function explain(issue: z.core.$ZodIssue, input: unknown, leaves: readonly Leaf[]): string[] {
  const path = issue.path.map(String)
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => explainUnknown([...path, key], leaves))
  }
  const leaf = leaves.find((known) => startsWith(path, known.path))
  const here = leaf?.path ?? path
  const { value = valueAt(input, here), expected }: Conflict =
    issue.code === 'custom' ? (issue.params ?? {}) : {}
  const allowed = expected ?? leaf?.allowed ?? childrenOf(path, leaves)
  return [`${here.join('.') || 'settings'}: ${JSON.stringify(value)} is not allowed; expected ${allowed}`]
}

function explainUnknown(path: readonly string[], leaves: readonly Leaf[]): string {
  return `${path.join('.')}: unknown setting; expected ${childrenOf(path.slice(0, -1), leaves)}`
}

function childrenOf(path: readonly string[], leaves: readonly Leaf[]): string {
  const below = leaves.filter((leaf) => startsWith(leaf.path, path)).map((leaf) => leaf.path[path.length])
  return [...new Set(below)].join(', ')
}

function startsWith(path: readonly string[], start: readonly string[]): boolean {
  return start.every((key, index) => path[index] === key)
}

function valueAt(input: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], input)
}
