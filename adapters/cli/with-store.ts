/** Opens the store of a command that works on one and ends, and its audit log where it changes the store. */

import { type Audit, auditTo, removalEntry } from '../../plugin/audit.ts'
import type { MovableStore } from '../../plugin/store.ts'
import { startAuditLog } from './auditing.ts'
import { createLogger } from './logger.ts'
import type { Settings } from './settings-schema.ts'
import { openExistingStore, type openStore } from './store-url.ts'

/** The settings that say where the store is and how it is reached. */
export const STORE_SETTINGS: readonly string[] = ['store', 'redis', 'log']

/**
 * For a command that only reads: the store must exist.
 * @throws StoreError saying why it cannot be opened, or what `use` throws
 */
export async function withStore<Result>(
  settings: Settings,
  use: (store: MovableStore) => Promise<Result>,
): Promise<Result> {
  const log = await createLogger(settings.log.level)
  return useStore(await openExistingStore(settings, log), use)
}

/**
 * Uses a store with an audit log of what leaves it, and of what `use` tells it.
 * @param open `openStore`, or `openExistingStore` for a command that puts nothing into the store
 * @throws SettingsError where its file cannot be opened
 */
export async function withAuditedStore<Result>(
  settings: Settings,
  open: typeof openStore,
  use: (store: MovableStore, audit: Audit) => Promise<Result>,
): Promise<Result> {
  const log = await createLogger(settings.log.level)
  const auditLog = startAuditLog(settings, log)
  const audit = auditTo(auditLog?.keep, secondsNow, log)
  try {
    return await useStore(await open(settings, log), (store) => {
      store.onRemoved((removals) => audit(() => removals.map(removalEntry)))
      return use(store, audit)
    })
  } finally {
    auditLog?.close()
  }
}

async function useStore<Result>(
  store: MovableStore,
  use: (store: MovableStore) => Promise<Result>,
): Promise<Result> {
  try {
    return await use(store)
  } finally {
    await store.close()
  }
}

/** Seconds since the epoch. */
export function secondsNow(): number {
  return Math.floor(Date.now() / 1000)
}
