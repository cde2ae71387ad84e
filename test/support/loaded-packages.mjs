/**
 * Writes the name of each package that a process loads to the file in LOADED_PACKAGES, one a line:
 *
 *     LOADED_PACKAGES=FILE node --import ./loaded-packages.mjs PROGRAM
 */

import { appendFileSync } from 'node:fs'
import Module, { register } from 'node:module'

const file = process.env.LOADED_PACKAGES
const hooks = `
  import { appendFileSync } from 'node:fs'
  let file
  export function initialize(data) { file = data }
  export async function load(url, context, next) {
    const name = url.split('/node_modules/').slice(1).at(-1)
    if (name !== undefined) appendFileSync(file, name + '\\n')
    return next(url, context)
  }`
register(`data:text/javascript,${encodeURIComponent(hooks)}`, { data: file })

// What CommonJS modules require does not pass those hooks.
const { _load: load } = Module
Module._load = (request, ...others) => {
  if (!request.startsWith('.') && !request.startsWith('/')) appendFileSync(file, `${request}\n`)
  return load(request, ...others)
}
