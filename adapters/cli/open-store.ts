/** Opens the store that the settings name: for a server, or for a command that uses it once and closes it. */

import { type Audit, auditTo, removalEntry } from '../../plugin/audit.ts'
import type { Logger } from '../../plugin/context.ts'
import { SettingsError } from '../../plugin/settings.ts'
import type { MovableStore } from '../../plugin/store.ts'
import { createLogger, startAuditLog } from './logging.ts'
import type { Settings } from './settings-schema.ts'

/** The settings that say where the store is and how it is reached. */
export const STORE_SETTINGS: readonly string[] = ['store', 'redis', 'log']

/** The settings that say who runs low; `low` must exceed `keep`. */
export const LOW_SETTINGS: readonly string[] = ['stock.low', 'stock.keep']

const LMDB = 'lmdb:'

/**
 * Opens a store; an LMDB store that does not exist is created.
 * @throws StoreError saying why it cannot be opened
 */
export async function openStore({ store: address, redis }: Settings, log: Logger): Promise<MovableStore> {
  if (address === 'memory:') {
    const { memoryStore } = await import('../storage/memory.ts')
    return memoryStore()
  }
  if (address.startsWith(LMDB)) {
    const { lmdbStore } = await import('../storage/lmdb.ts')
    return lmdbStore({ path: address.slice(LMDB.length) })
  }
  const { redisStore } = await import('../storage/redis.ts')
  return redisStore({ redis: address, log, waitReplicas: redis.wait })
}

/**
 * The same for a server, which must not stand still meanwhile (I7): opening an LMDB store that another process has locked
 * would block it.
 * @throws StoreError saying why it cannot be opened
 */
export async function openServersStore(settings: Settings, log: Logger): Promise<MovableStore> {
  await requireFreeStore(settings)
  return openStore(settings, log)
}

/** @throws StoreError while another process has locked an LMDB store */
export async function requireFreeStore({ store: address }: Settings): Promise<void> {
  if (!address.startsWith(LMDB)) return
  const { requireFreeLock } = await import('../storage/lmdb/write-lock.ts')
  await requireFreeLock(address.slice(LMDB.length))
}

/**
 * Opens a store that must exist, for commands that add nothing to it: with a mistyped path they would otherwise create
 * an empty store and report on that. Opening a Redis store creates nothing.
 * @throws SettingsError for a memory store; StoreError saying why it cannot be opened
 */
export async function openExistingStore(settings: Settings, log: Logger): Promise<MovableStore> {
  const { store: address } = settings
  if (address === 'memory:') {
    throw new SettingsError([
      'store: "memory:" is not allowed: a memory store can only be read by the process that fills it',
    ])
  }
  if (!address.startsWith(LMDB)) return openStore(settings, log)
  const { lmdbStore } = await import('../storage/lmdb.ts')
  return lmdbStore({ path: address.slice(LMDB.length), ifMissing: 'fail' })
}

/**
 * Uses an existing store.
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
 * Changes a store, and writes to the audit log what is removed from it and what `use` reports.
 * @param open `openStore`, or `openExistingStore` for a command that adds nothing to the store
 * @throws SettingsError where the audit file cannot be opened
 */
export async function withAuditedStore<Result>(
  settings: Settings,
  open: typeof openStore,
  use: (store: MovableStore, audit: Audit) => Promise<Result>,
): Promise<Result> {
  const log = await createLogger(settings.log.level)
  const auditLog = startAuditLog(settings, log)
  const audit = auditTo(auditLog?.write, secondsNow, log)
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
