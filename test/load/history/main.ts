/**
 * Plays rounds under faults, and says what was found:
 *
 *     npm run load:history -- [--fault NAME ...] [--rounds N] [--seed S] [--terms NAME] [--until-found]
 */

import { parseArgs } from 'node:util'
import { FAULTS } from './faults/every-fault.ts'
import { playFault } from './play.ts'
import { TERMS_NAMES } from './terms.ts'

const { values } = parseArgs({
  options: {
    fault: { type: 'string', multiple: true, default: [] },
    rounds: { type: 'string', default: '5' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    // One of those that rounds otherwise take in turns.
    terms: { type: 'string' },
    'until-found': { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
const { fault: names, seed } = values
const rounds = Number(values.rounds)
const faults = FAULTS.filter((fault) => names.length === 0 || names.includes(fault.name))
const terms = TERMS_NAMES.filter((known) => values.terms === undefined || known === values.terms)
const isWrong = faults.length === 0 || terms.length === 0 || !(Number.isSafeInteger(rounds) && rounds > 0)
if (values.help || isWrong) {
  process[values.help ? 'stdout' : 'stderr'].write(usage())
  process.exit(values.help ? 0 : 2)
}
// The round that is being played is the last, and what was found is printed; a second signal ends it at once.
let isInterrupted = false
process.once('SIGINT', () => {
  isInterrupted = true
})

let isAsPromised = true
for (const fault of faults) {
  if (isInterrupted) break
  const outcome = await playFault(fault, {
    rounds,
    seed,
    terms,
    isInterrupted: () => isInterrupted,
    end: values['until-found'] ? 'once found' : 'after all',
    say: (line) => process.stdout.write(`${line}\n`),
  })
  if (outcome === 'broken') isAsPromised = false
}
await globalThis.tidyUp?.()
process.exit(exitCode())

function exitCode(): number {
  if (!isAsPromised) return 1
  return isInterrupted ? 130 : 0
}

function usage(): string {
  const rows = FAULTS.map(({ name, promised }) => {
    return promised === 'yes' ? `  ${name}` : `  ${name} (not promised: ${promised.no})`
  })
  return `npm run load:history -- [--fault NAME ...] [--rounds N] [--seed S] [--terms NAME] [--until-found]

faults:
${rows.join('\n')}
terms: ${TERMS_NAMES.join(', ')}; by default each for some rounds
--until-found: the first round with a violation is the last
`
}
