/** Directories for tests. */

import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { tellWatchdog } from './watchdog.ts'

/** Makes an empty directory that exists until the test file ends. */
export function scratch(): string {
  const path = mkdtempSync(join(tmpdir(), 'keypackage-gateway-'))
  tellWatchdog('folder', path)
  return path
}
