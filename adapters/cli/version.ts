/** The version of this software, from its package.json. */

import { existsSync, readFileSync } from 'node:fs'

export function readVersion(): string {
  const { version } = JSON.parse(readFileSync(findManifest(), 'utf8')) as { version: string }
  return version
}

/** The package.json above this file, which is nearer to the source than to what is built from it. */
function findManifest(): URL {
  let here = new URL('.', import.meta.url)
  while (!existsSync(new URL('package.json', here))) here = new URL('..', here)
  return new URL('package.json', here)
}
