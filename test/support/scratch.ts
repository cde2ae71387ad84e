/** Directories for tests. */

import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { tellWatchdog } from './watchdog.ts'

/** Makes an empty one, which is there until the test file is over. */
export function scratch(): string {
  const path = mkdtempSync(join(tmpdir(), 'keypackage-gateway-'))
  tellWatchdog('folder', path)
  return path
}
