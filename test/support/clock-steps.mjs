/**
 * Preloaded into a process (`--import`): at each SIGUSR2 its clock is as far ahead as the file CLOCK_FILE says, in seconds, and
 * it says so on stderr as a line of the log.
 */

import { readFileSync, writeSync } from 'node:fs'

const { now } = Date
let aheadSeconds = 0

Date.now = () => now() + aheadSeconds * 1000

process.on('SIGUSR2', () => {
  aheadSeconds = Number(readFileSync(process.env.CLOCK_FILE, 'utf8'))
  writeSync(2, `${JSON.stringify({ level: 30, msg: 'the clock was stepped', aheadSeconds })}\n`)
})
