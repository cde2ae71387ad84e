/** A test file that leaves what it has made: watchdog.test.ts runs it. UNTIDY_FILE is where it says what that is. */

import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { beforeAll, it } from '@jest/globals'
import { serveCli } from './cli.ts'
import { startProcess } from './processes.ts'
import { scratch } from './scratch.ts'

const { UNTIDY_FILE, UNTIDY_END } = process.env
const SERVER = `
  const server = require('node:http').createServer()
  server.listen(0, '127.0.0.1', () => console.log(server.address().port))`

const folder = scratch()
writeFileSync(join(folder, 'file'), '')
if (UNTIDY_END === 'loaded') say([])

beforeAll(async () => {
  const { url } = await serveCli(['--store', `lmdb:${folder}/store`, '--upstream', 'ws://127.0.0.1:1'])
  // It ends at once, and what it has started does not.
  const shell = startProcess('sh', ['-c', '"$0" -e "$1" &', process.execPath, SERVER])
  const [port] = await once(createInterface(shell.stdout), 'line')
  say([url.replace('ws', 'http'), `http://127.0.0.1:${port}`])
  if (UNTIDY_END === 'failure') throw new Error('this setup fails')
  await new Promise(() => {})
}, 600_000)

it('is never run', () => {})

function say(servers) {
  writeFileSync(UNTIDY_FILE, JSON.stringify({ folder, servers }))
}
