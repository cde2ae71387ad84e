/** `npm run programs`, the first step of `npm test`: finds what the tests need from outside npm, or installs it as root on Debian. */

import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { missingPrograms } from './programs.mjs'

const missing = missingPrograms()
if (missing.length > 0) {
  const packages = missing.map(({ debianPackage }) => debianPackage)
  const titles = missing.map(({ title }) => title).join(' and ')
  if (process.getuid?.() === 0 && existsSync('/etc/debian_version')) install(titles, packages)
  else fail(titles, packages)
}

/**
 * @param {string} titles
 * @param {readonly string[]} packages
 */
function install(titles, packages) {
  console.error(`The tests need ${titles}: installing ${packages.join(' and ')} with apt-get.`)
  apt('update')
  apt('install', '-y', '--no-install-recommends', ...packages)
}

/** @param {readonly string[]} words */
function apt(...words) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const { status } = spawnSync('apt-get', ['-q', ...words], { env, stdio: 'inherit' })
  if (status !== 0) process.exit(status ?? 1)
}

/**
 * @param {string} titles
 * @param {readonly string[]} packages
 */
function fail(titles, packages) {
  console.error(`The tests need ${titles}, not found on PATH. On Debian or Ubuntu:

  sudo apt-get install ${packages.join(' ')}

With Homebrew: brew install redis; brew install --cask chromium`)
  process.exit(1)
}
