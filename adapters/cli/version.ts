/** Which version this is. Nothing else is loaded for it, so `--version` answers at once. */

import { existsSync, readFileSync } from 'node:fs'

/** The version in the package.json of this software. */
export function readVersion(): string {
  const { version } = JSON.parse(readFileSync(findManifest(), 'utf8')) as { version: string }
  return version
}

/** The nearest package.json above this file; the compiled file lies one folder deeper than the source. */
function findManifest(): URL {
  let here = new URL('.', import.meta.url)
  while (!existsSync(new URL('package.json', here))) here = new URL('..', here)
  return new URL('package.json', here)
}
