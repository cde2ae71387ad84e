/** Plays many rounds under one fault, and tells what came out of them. */

import { playRound, type RoundResult } from './round.ts'
import { type Fault, type Stage, startAll } from './stage.ts'
import { type TermsName, termsNamed } from './terms.ts'

export interface PlaySettings {
  readonly rounds: number
  readonly seed: string
  /** Whose turn it is for some rounds each. */
  readonly terms: readonly TermsName[]
  /** `once found`: the first round with a violation is the last. */
  readonly end: 'after all' | 'once found'
  /** Asked after each round: whether it is the last. */
  readonly isInterrupted?: () => boolean
  readonly say: (line: string) => void
}

/** `broken`: a promise did not hold, or a history could not be decided. */
export type PlayOutcome = 'as promised' | 'broken'

/** Where much is lost, many histories have no order, and each is searched to the end. */
const FEW_STATES = 10_000

/** So many rounds are played with gateways of the same settings. */
const ROUNDS_EACH = 4

export async function playFault(fault: Fault, settings: PlaySettings): Promise<PlayOutcome> {
  const { rounds, seed, end, isInterrupted, say } = settings
  const missing = fault.missing?.()
  if (missing !== undefined) {
    say(`${fault.name}: SKIPPED, ${missing}`)
    return 'as promised'
  }
  const began = performance.now()
  const stage = await fault.open()
  const results: RoundResult[] = []
  try {
    for (let round = 0; round < rounds; round++) {
      const turn = Math.floor(round / ROUNDS_EACH) % settings.terms.length
      const terms = termsNamed(settings.terms[turn] ?? 'default')
      if (round % ROUNDS_EACH === 0) await startAll(stage.gateways, terms.settings)
      const mostStates = fault.promised === 'yes' ? {} : { mostStates: FEW_STATES }
      const result = await playRound({ stage, terms, seed: `${seed} ${fault.name} ${round}`, ...mostStates })
      results.push(result)
      for (const violation of result.violations) {
        say(`${fault.name}, round ${round}, ${terms.name} settings: no legal order for ${violation}`)
        say(`again: npm run load:history -- --fault ${fault.name} --rounds ${round + 1} --seed ${seed}`)
      }
      for (const author of result.undecided)
        say(`${fault.name}, round ${round}, ${terms.name} settings: the search was given up for ${author}`)
      if (end === 'once found' && result.violations.length > 0) break
      if (isInterrupted?.()) break
    }
  } finally {
    await endAll(stage)
  }
  return told(fault, results, (performance.now() - began) / 1000, say)
}

async function endAll(stage: Stage): Promise<void> {
  await Promise.all(stage.gateways.map((gateway) => gateway.kill()))
  await stage.close()
}

function told(
  { name, promised }: Fault,
  results: readonly RoundResult[],
  seconds: number,
  say: PlaySettings['say'],
): PlayOutcome {
  const sum = (of: (result: RoundResult) => number) =>
    results.reduce((total, result) => total + of(result), 0)
  const violations = sum((result) => result.violations.length)
  const undecided = sum((result) => result.undecided.length)
  const expected = promised === 'yes' ? '' : ` (not promised: ${promised.no})`
  say(
    `${name}: ${results.length} rounds, ${sum((result) => result.operations)} operations, ` +
      `${sum((result) => result.unknown)} unknown outcomes, ${sum((result) => result.authors)} authors checked, ` +
      `${violations} violations${expected}${undecided > 0 ? `, ${undecided} undecided` : ''}, ${seconds.toFixed(0)} s`,
  )
  return promised === 'yes' && violations + undecided > 0 ? 'broken' : 'as promised'
}
