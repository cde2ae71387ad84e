/** The store of a server, which starts without waiting for it: other kinds flow, and key packages fail closed (I7). */

import type { Logger } from 'pino'
import type { KeyPackageStore } from '../../plugin/store.ts'
import { lazyStore } from '../storage/lazy.ts'
import { openStore } from './open-store.ts'
import type { Settings } from './settings-schema.ts'

/** A client waits no longer than this for an answer (I7). The stores themselves give up a little earlier. */
const TIMEOUT_MS = 2_000
/** A store that is there opens sooner. Where it does, the log says what it is before the server listens. */
const WAIT_MS = 1_000

export interface ServingStore {
  readonly store: KeyPackageStore
  /**
   * Rejects if the store cannot be used as it is configured, which the first attempt to open it finds out; the server should
   * end then. Resolves once the store is open, however long that takes.
   */
  readonly opened: Promise<void>
}

/**
 * Opens the store, or goes on opening it in the background. The clock of this machine is compared with the store's.
 * @throws StoreError if it cannot be used as it is configured
 */
export async function startStore(settings: Settings, log: Logger): Promise<ServingStore> {
  if (settings.store === 'memory:')
    return { store: await openStore(settings, log), opened: Promise.resolve() }
  const open = () => openStore(settings, log)
  const store = lazyStore({ open, timeoutMs: TIMEOUT_MS, log, clock: Date.now })
  const opened = store.start()
  await Promise.race([opened, waited()])
  return { store, opened }
}

function waited(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, WAIT_MS).unref())
}
