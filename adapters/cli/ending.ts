/** How a server ends: on a signal, with its store closed, and also when the store does not let go. */

import type { Logger } from '../../plugin/context.ts'
import type { KeyPackageStore } from '../../plugin/store.ts'

/** Resolves with the first SIGTERM or SIGINT; a second one ends the process immediately. */
export function waitForSignal(): Promise<string> {
  return new Promise((resolve) => {
    let signals = 0
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.on(signal, () => {
        signals += 1
        if (signals > 1) process.exit(1)
        resolve(signal)
      })
    }
  })
}

/** What a store that does not close in time still does is not waited for: it has acknowledged nothing of it. */
export async function closeStore(store: KeyPackageStore, log: Logger): Promise<'closed' | 'given up'> {
  try {
    await store.close()
    return 'closed'
  } catch (error) {
    log.error({ err: error }, 'cannot close the store')
    return 'given up'
  }
}

/**
 * Ends the process as SIGTERM does by default. Node.js waits at its exit for threads that are blocked in the store, for
 * instance because another process has locked it, so it would not end otherwise.
 */
export function endBySignal(): void {
  process.removeAllListeners('SIGTERM')
  process.kill(process.pid, 'SIGTERM')
}
