/** The programs from outside npm that the tests run: which they are, and where they are on this machine. */

import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Without these the tests fail. Of the names of a program any one will do. */
export const REQUIRED_PROGRAMS = [
  {
    title: 'Redis',
    names: ['redis-server', 'valkey-server'],
    debianPackage: 'redis-server',
    variable: 'REDIS_SERVER',
  },
  {
    title: 'Chromium',
    names: ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome'],
    debianPackage: 'chromium',
  },
]

/**
 * The path of a program on PATH or in other folders; undefined where there is none.
 * @param {string} program
 * @param {readonly string[]} others
 * @returns {string | undefined}
 */
export function onPath(program, others = []) {
  const folders = [...(process.env.PATH ?? '').split(delimiter), ...others]
  return folders.map((folder) => join(folder, program)).find(isExecutable)
}

/** The required programs that are not on this machine. */
export function missingPrograms() {
  return REQUIRED_PROGRAMS.filter(
    ({ names, variable }) => !(variable && process.env[variable]) && !names.some((name) => onPath(name)),
  )
}

/**
 * The path of a required program.
 * @param {string} title as in REQUIRED_PROGRAMS
 * @returns {string}
 * @throws Error with the command that installs it
 */
export function requiredProgram(title) {
  const program = REQUIRED_PROGRAMS.find((required) => required.title === title)
  const found = program?.names.flatMap((name) => onPath(name) ?? [])[0]
  if (found === undefined) throw new Error(`the tests need ${title}, not found on PATH: run npm run programs`)
  return found
}

/** @param {string} path */
function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
