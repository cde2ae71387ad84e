/** How a server ends: on a signal, with its store closed, and also when the store does not let go. */

import type { Logger } from '../../plugin/context.ts'
import type { KeyPackageStore } from '../../plugin/store.ts'
import { stderrLog } from './log-writer.ts'

/** Resolves with the first SIGTERM or SIGINT; a second one ends the process immediately. */
export function waitForSignal(): Promise<string> {
  return new Promise((resolve) => {
    let signals = 0
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.on(signal, () => {
        signals += 1
        if (signals > 1) endNow()
        resolve(signal)
      })
    }
  })
}

/** A thread that is stuck in a write would keep `process.exit` from returning. */
function endNow(): never {
  if (stderrLog.isStuck()) process.kill(process.pid, 'SIGKILL')
  process.exit(1)
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

/** Ends the process with its exit code, whatever it still does, once the log is written. */
export async function endProcess(): Promise<void> {
  if ((await stderrLog.end()) === 'stuck') endBySignal()
  else process.exit()
}

/**
 * Lets the process end by itself once the log is written. A log whose reader has stalled is given up, so that it cannot hold
 * the process.
 */
export async function endLog(): Promise<void> {
  if ((await stderrLog.end()) === 'stuck') endBySignal()
}

/** Ends the process although its store does not let go. */
export async function giveUp(): Promise<void> {
  await stderrLog.end()
  endBySignal()
}

/**
 * Ends the process as SIGTERM does by default. Node.js waits at its exit for threads that are blocked, for instance in a store
 * that another process has locked, so it would not end otherwise.
 */
function endBySignal(): void {
  process.removeAllListeners('SIGTERM')
  process.kill(process.pid, 'SIGTERM')
}
