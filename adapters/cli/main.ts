#!/usr/bin/env node
/** What is run as `keypackage-gateway`: refuses a Node.js that is too old before it loads anything else. */

import { objectionTo } from '../../plugin/node-version.ts'

const objection = objectionTo(process.versions.node)
if (objection === undefined) {
  await import('./program.ts')
} else {
  process.stderr.write(`error: ${objection}\n`)
  process.exitCode = 1
}
