/** Opens the store that the settings name: for a server, or for a command that uses it once and closes it. */

import { readFileSync } from 'node:fs'
import { type Audit, auditTo, removalEntry } from '../../plugin/audit.ts'
import type { Logger } from '../../plugin/context.ts'
import { SettingsError } from '../../plugin/settings.ts'
import type { MovableStore } from '../../plugin/store.ts'
import { accessOf } from '../storage/redis/redis-options.ts'
import { createLogger, startAuditLog } from './logging.ts'
import type { Settings } from './settings-schema.ts'
import { countInTextfile } from './textfile.ts'

/** The settings that say where the store is and how it is reached. */
export const STORE_SETTINGS: readonly string[] = ['store', 'redis', 'log']

/** The settings that say who runs low; `low` must exceed `keep`. */
export const LOW_SETTINGS: readonly string[] = ['stock.low', 'stock.keep']

const LMDB = 'lmdb:'

/**
 * Opens a store; an LMDB store that does not exist is created.
 * @throws StoreError saying why it cannot be opened
 */
export async function openStore(settings: Settings, log: Logger): Promise<MovableStore> {
  const { store: address, redis } = settings
  if (address === 'memory:') {
    const { memoryStore } = await import('../storage/memory.ts')
    return memoryStore()
  }
  if (address.startsWith(LMDB)) return openLmdb(address.slice(LMDB.length), 'create')
  const { redisStore } = await import('../storage/redis.ts')
  return redisStore({ redis: address, log, waitReplicas: redis.wait, ...accessOf(redis, readSecret) })
}

/** @throws SettingsError with the path */
function readSecret(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new SettingsError([`redis.tls: cannot read ${JSON.stringify(path)}: ${(error as Error).message}`])
  }
}

/** No process must stand still because another one has locked the store (I7), or end without a word because of a damaged file. */
async function openLmdb(path: string, ifMissing: 'create' | 'fail'): Promise<MovableStore> {
  const { requireOpening } = await import('../storage/lmdb/trial.ts')
  await requireOpening(path)
  const { lmdbStore } = await import('../storage/lmdb.ts')
  return lmdbStore({ path, ifMissing })
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
  return openLmdb(address.slice(LMDB.length), 'fail')
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
 * Changes a store, and writes to the audit log what is removed from it and what `use` reports; and to the metrics textfile.
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
  const counted = await countInTextfile(settings, log)
  let outcome: 'succeeded' | 'failed' = 'failed'
  try {
    const result = await useStore(await open(settings, log), (opened) => {
      opened.onRemoved((removals) => {
        audit(() => removals.map(removalEntry))
        for (const { why } of removals) counted?.observer.removed(why)
      })
      return use(counted?.measured(opened) ?? opened, audit)
    })
    outcome = 'succeeded'
    return result
  } finally {
    await counted?.end(outcome)
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
