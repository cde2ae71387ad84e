/**
 * Adds lines to the file in PATH, in a shell that limits the size of files, beyond that size; makes room, fills it
 * again, moves the file away and goes on. Prints what was logged as JSON.
 */

import { renameSync, truncateSync } from 'node:fs'
import { AuditFile } from '../../dist/adapters/audit/audit-file.js'

const [path] = process.argv.slice(2)
const logged = []
const note = (_fields, message) => logged.push(message)
const file = new AuditFile({
  path,
  log: { info: note, warn: note, error: note },
  gap: (missed) => JSON.stringify({ missed }),
})
const fill = () => {
  for (let number = 0; number < 12; number++) file.write(JSON.stringify({ number, text: 'x'.repeat(180) }))
}
fill()
truncateSync(path, 300)
fill()
renameSync(path, `${path}.1`)
file.reopen()
file.write(JSON.stringify({ number: 'last' }))
file.close()
file.write('after the end')
console.log(JSON.stringify(logged))
