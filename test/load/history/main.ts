/** Plays rounds under faults, and says what was found: `npm run load:history -- [--fault NAME] [--rounds N] [--seed S]`. */

import { parseArgs } from 'node:util'
import { FAULTS } from './faults/every-fault.ts'
import { playFault } from './play.ts'

const { values } = parseArgs({
  options: {
    fault: { type: 'string' },
    rounds: { type: 'string', default: '5' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
})
const { fault: name, seed } = values
const rounds = Number(values.rounds)
const faults = FAULTS.filter((fault) => name === undefined || fault.name === name)
if (faults.length === 0 || !Number.isSafeInteger(rounds)) {
  process.stderr.write(`the faults are ${FAULTS.map((fault) => fault.name).join(', ')}\n`)
  process.exit(2)
}

let isAsPromised = true
for (const fault of faults) {
  const outcome = await playFault(fault, { rounds, seed, say: (line) => process.stdout.write(`${line}\n`) })
  if (outcome === 'broken') isAsPromised = false
}
await globalThis.tidyUp?.()
process.exit(isAsPromised ? 0 : 1)
