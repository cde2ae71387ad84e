/**
 * Starts PROGRAM with the stderr that it has itself, prints the process id, and ends once its standard input does. At its end
 * Node.js makes a descriptor that it shares blocking again.
 *
 *     node stderr-sharer.mjs PROGRAM [ARGUMENT...]
 */

import { spawn } from 'node:child_process'

// Opens it, so that it is put back at the end.
process.stderr.on('error', () => undefined)
const [program, ...args] = process.argv.slice(2)
const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'inherit'] })
console.log(child.pid)
process.stdin.resume().on('end', () => process.exit())
