/** Opens the store that a `store` setting names. */

import type { Logger } from '../../plugin/context.ts'
import { SettingsError } from '../../plugin/settings.ts'
import type { MovableStore } from '../../plugin/store.ts'
import type { Settings } from './settings-schema.ts'

const LMDB = 'lmdb:'

/**
 * Opens a store that must exist already, for a command that puts nothing into it: an empty store that a mistyped path
 * had just created would look like a good answer. (Opening a Redis store creates nothing.)
 * @throws SettingsError for a memory store; StoreError saying why it cannot be opened
 */
export async function openExistingStore(settings: Settings, log: Logger): Promise<MovableStore> {
  const { store: address } = settings
  if (address === 'memory:') {
    throw new SettingsError([
      'store: "memory:" is not allowed: only the process that fills a memory store can read it',
    ])
  }
  if (!address.startsWith(LMDB)) return openStore(settings, log)
  const { lmdbStore } = await import('../storage/lmdb.ts')
  return lmdbStore({ path: address.slice(LMDB.length), ifMissing: 'fail' })
}

/** @throws StoreError saying why it cannot be opened */
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
