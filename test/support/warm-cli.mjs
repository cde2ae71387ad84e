/**
 * Runs commands of the command line, as it was built, one after another in this process. Each comes as `{ args, env, input }`, and
 * is answered with its exit code; a NUL ends its output on stdout and on stderr.
 */

import { on } from 'node:events'
import { Readable } from 'node:stream'
import { runCommand } from '../../dist/adapters/cli/run.js'

const environment = { ...process.env }

for await (const [{ args, env, input }] of on(process, 'message')) {
  process.env = { ...environment, ...env }
  process.exitCode = 0
  Object.defineProperty(process, 'stdin', { value: Readable.from([Buffer.from(input)]), configurable: true })
  await runCommand(args)
  process.stdout.write('\0')
  process.stderr.write('\0')
  process.send(process.exitCode)
}
