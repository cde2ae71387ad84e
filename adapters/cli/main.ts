#!/usr/bin/env node
/** The executable `keypackage-gateway`: refuses an unsupported Node.js version before it loads anything else. */

import { unsupportedReason } from '../../plugin/node-version.ts'

/** Commands that run until they are stopped. */
const SERVERS = ['serve', 'strfry']

// SIGHUP never ends a server, not even while the program is loading; the command handles it once it has started.
if (SERVERS.includes(process.argv[2] ?? '')) process.on('SIGHUP', () => undefined)

const objection = unsupportedReason(process.versions.node)
if (objection === undefined) {
  const { runProcess } = await import('./run.ts')
  await runProcess()
} else {
  process.stderr.write(`error: ${objection}\n`)
  process.exitCode = 1
}
