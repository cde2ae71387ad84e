/** Finds files of the project from the tests, and from the programs compiled into a folder of dist/. */

import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const ROOT = rootAbove(new URL('./', import.meta.url))

/** The path of a file by its path from the top of the project. */
export function projectFile(path: string): string {
  return fileURLToPath(new URL(path, ROOT))
}

function rootAbove(folder: URL): URL {
  return existsSync(new URL('package-lock.json', folder)) ? folder : rootAbove(new URL('../', folder))
}
