/** Polls for something that another process will do, with a time limit. */

import { setTimeout as wait } from 'node:timers/promises'

const STEP_MS = 20

/**
 * Resolves with the first answer that holds.
 * @throws what the last try threw, or an Error with `what`, when none did within `withinMs`
 */
export async function eventually<Answer>(
  what: string,
  ask: () => Answer | Promise<Answer>,
  withinMs = 10_000,
): Promise<Answer> {
  const deadline = performance.now() + withinMs
  for (;;) {
    let failure: unknown
    try {
      const answer = await ask()
      if (answer) return answer
    } catch (error) {
      failure = error
    }
    if (performance.now() > deadline)
      throw new Error(`not within ${withinMs} ms: ${what}`, { cause: failure })
    await wait(STEP_MS)
  }
}
