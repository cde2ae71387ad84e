/**
 * Writes plugin/options-input.ts: what an embedder may write as options, each with its meaning, default and bounds, so that
 * an editor shows them. The schema in plugin/options.ts is where they are defined. `npm run api` updates the file; with
 * `--check` (part of `npm run check`) a difference is an error.
 */

import { readFileSync, writeFileSync } from 'node:fs'
import { optionsSchema } from '../../dist/plugin/options.js'
import { leavesOf } from '../../dist/plugin/settings.js'

const file = new URL('../../plugin/options-input.ts', import.meta.url)
const MAX_LINE = 110

const text = `/** What an embedder may write as options. Made by \`npm run api\` from the schema in options.ts: change that. */

${interfacesOf(leavesOf(optionsSchema), []).join('\n\n')}
`

if (!process.argv.includes('--check')) writeFileSync(file, text)
else if (readFileSync(file, 'utf8') !== text) {
  console.error('plugin/options-input.ts does not say what plugin/options.ts says: npm run api')
  process.exitCode = 1
}

/**
 * The interface of the options below a path, and those of the groups in it.
 * @param {readonly import('../../plugin/settings.ts').Leaf[]} leaves
 * @param {readonly string[]} path
 * @returns {string[]}
 */
function interfacesOf(leaves, path) {
  const names = [...new Set(leaves.map((leaf) => leaf.path[path.length] ?? ''))]
  const groups = names.flatMap((name) => {
    const below = leaves.filter((leaf) => leaf.path[path.length] === name)
    const isGroup = below.some((leaf) => leaf.path.length > path.length + 1)
    return isGroup ? interfacesOf(below, [...path, name]) : []
  })
  const members = names.flatMap((name) => {
    const leaf = leaves.find((each) => each.path[path.length] === name)
    return leaf === undefined || leaf.path.length > path.length + 1
      ? [`  readonly ${name}?: ${nameOf([...path, name])} | undefined`]
      : [...commentOf(leaf), `  readonly ${name}?: ${typeOf(leaf)} | undefined`]
  })
  const head = path.length === 0 ? 'export interface OptionsInput' : `interface ${nameOf(path)}`
  return [[`${head} {`, ...members, '}'].join('\n'), ...groups]
}

/** @param {readonly string[]} path */
function nameOf(path) {
  return `${path.map((name) => name.charAt(0).toUpperCase() + name.slice(1)).join('')}Options`
}

/**
 * The comment of an option: its meaning, default and bounds.
 * @param {import('../../plugin/settings.ts').Leaf} leaf
 */
function commentOf({ description, defaultValue, allowed, type, choices }) {
  const bounds = type === 'boolean' || choices.length > 0 ? [] : [`Allowed: ${allowed}.`]
  const standard = defaultValue === undefined ? [] : [`Default: ${JSON.stringify(defaultValue)}.`]
  const sentences = [`${description}.`, ...standard, ...bounds].join(' ')
  const line = `  /** ${sentences} */`
  if (line.length <= MAX_LINE) return [line]
  return [`  /**`, ...wrapped(sentences, MAX_LINE - '   * '.length).map((part) => `   * ${part}`), `   */`]
}

/**
 * @param {string} sentences
 * @param {number} width
 */
function wrapped(sentences, width) {
  const lines = ['']
  for (const word of sentences.split(' ')) {
    const line = lines.at(-1) ?? ''
    if (`${line} ${word}`.length > width) lines.push(word)
    else lines[lines.length - 1] = `${line} ${word}`.trim()
  }
  return lines
}

/** @param {import('../../plugin/settings.ts').Leaf} leaf */
function typeOf({ type, items, choices }) {
  const union = choices
    .map((choice) => (typeof choice === 'string' ? `'${choice}'` : String(choice)))
    .join(' | ')
  if (type === 'list') return union === '' ? `readonly ${items}[]` : `readonly (${union})[]`
  return union || type
}
