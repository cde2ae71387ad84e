/**
 * Loads the tests in plain Node.js, without jest: TypeScript is read by swc, and what only jest has comes from `stand-ins.mjs`.
 * One process then tests many mutants, which takes milliseconds each; jest would load every module again for each.
 */

import { readFile } from 'node:fs/promises'
import { register } from 'node:module'
import { fileURLToPath } from 'node:url'
import { isMainThread } from 'node:worker_threads'
import { transform } from '@swc/core'

const STAND_INS = new URL('./stand-ins.mjs', import.meta.url).href

/** What is loaded instead of a module, by its specifier. */
const INSTEAD = [
  [/^@jest\/globals$/, STAND_INS],
  [/\/support\/every-store\.ts$/, STAND_INS],
]

// Node.js runs the hooks below in a thread of their own, which loads this file again.
if (isMainThread) register(import.meta.url)

export async function resolve(specifier, context, next) {
  const [, url] = INSTEAD.find(([pattern]) => pattern.test(specifier)) ?? []
  return url === undefined ? next(specifier, context) : { url, shortCircuit: true }
}

export async function load(url, context, next) {
  if (!url.endsWith('.ts')) return next(url, context)
  const filename = fileURLToPath(url)
  const { code } = await transform(await readFile(filename, 'utf8'), {
    filename,
    jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
    module: { type: 'es6' },
    sourceMaps: 'inline',
  })
  return { format: 'module', source: code, shortCircuit: true }
}
