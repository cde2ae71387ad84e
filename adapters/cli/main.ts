#!/usr/bin/env node
/** The executable `keypackage-gateway`: refuses an unsupported Node.js version before it loads anything else. */

import { unsupportedReason } from '../../plugin/node-version.ts'

const objection = unsupportedReason(process.versions.node)
if (objection === undefined) {
  await import('./program.ts')
} else {
  process.stderr.write(`error: ${objection}\n`)
  process.exitCode = 1
}
