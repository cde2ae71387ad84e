/**
 * Writes the types for CommonJS, part of the build. The package is ES modules, which `require` loads, but TypeScript refuses
 * that by the format of the types (TS1479 with `module: node16`). So the declarations that package.json exports are copied
 * to a folder whose package.json says CommonJS; types of packages that are ES modules alone are imported as such.
 */

import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'

const TOP = new URL('../..', import.meta.url).pathname
const FOLDER = join(TOP, 'dist/require')
/** `from` and `import()` of declarations, with what is between `import` and `from`. */
const IMPORTS = /\b(import|export)( type)?( [^'"();]*?from )(['"])([^'"]+)\4|\bimport\((['"])([^'"]+)\6\)/g
/** Declares nothing. */
const FOR_EFFECT = /^import ['"].*\n/gm

const manifest = readManifest(join(TOP, 'package.json'))
const entries = Object.values(manifest.exports).flatMap(({ types }) => types ?? [])
const copied = new Set()

rmSync(FOLDER, { recursive: true, force: true })
for (const types of entries) copy(join(TOP, types))
writeFileSync(join(FOLDER, 'package.json'), '{ "type": "commonjs" }\n')

function copy(file) {
  if (copied.has(file)) return
  copied.add(file)
  const target = join(FOLDER, relative(join(TOP, 'dist'), file))
  mkdirSync(dirname(target), { recursive: true })
  const text = readFileSync(file, 'utf8').replace(FOR_EFFECT, '')
  writeFileSync(
    target,
    text.replace(IMPORTS, (...match) => rewritten(file, match)),
  )
}

function rewritten(file, [whole, verb, isType, names, quote, from, , inline]) {
  const name = from ?? inline
  if (name.startsWith('.')) copy(join(dirname(file), name.replace(/\.[jt]s$/, '.d.ts')))
  if (!isModuleOnly(name)) return whole
  if (inline !== undefined) return `import("${name}", { with: { "resolution-mode": "import" } })`
  if (verb === 'export') throw new Error(`${file} exports from ${name}, which CommonJS cannot`)
  const onlyNames = names.replace(/\btype /g, '')
  return `${verb}${isType ?? ' type'}${onlyNames}${quote}${name}${quote} with { "resolution-mode": "import" }`
}

/** Whether a package has no types for CommonJS. */
function isModuleOnly(name) {
  if (name.startsWith('.') || name.startsWith('node:')) return false
  const [scope, rest] = name.split('/')
  const folder = name.startsWith('@') ? `${scope}/${rest}` : scope
  const { type, types = '', exports = {} } = readManifest(join(TOP, 'node_modules', folder, 'package.json'))
  return type === 'module' && !JSON.stringify([types, exports]).includes('.d.cts')
}

function readManifest(file) {
  return JSON.parse(readFileSync(file, 'utf8'))
}
