/** Opens the store that a `store` setting names. */

import type { Logger } from '../../plugin/context.ts'
import type { MovableStore } from '../../plugin/store.ts'
import type { Settings } from './settings-schema.ts'

/** @throws StoreError saying why it cannot be opened */
export async function openStore({ store: address, redis }: Settings, log: Logger): Promise<MovableStore> {
  if (address === 'memory:') {
    const { memoryStore } = await import('../storage/memory.ts')
    return memoryStore()
  }
  if (address.startsWith('lmdb:')) {
    const { lmdbStore } = await import('../storage/lmdb.ts')
    return lmdbStore({ path: address.slice('lmdb:'.length) })
  }
  const { redisStore } = await import('../storage/redis.ts')
  return redisStore({ redis: address, log, waitReplicas: redis.wait })
}
