/** Opens the store that a `store` setting names. */

import type { MovableStore } from '../../plugin/store.ts'
import type { RedisStoreOptions } from '../storage/redis.ts'

/**
 * @param redis what a store in Redis needs beside its address
 * @throws StoreError saying why it cannot be opened
 */
export async function openStore(
  address: string,
  redis: Omit<RedisStoreOptions, 'redis'> = {},
): Promise<MovableStore> {
  if (address === 'memory:') {
    const { memoryStore } = await import('../storage/memory.ts')
    return memoryStore()
  }
  if (address.startsWith('lmdb:')) {
    const { lmdbStore } = await import('../storage/lmdb.ts')
    return lmdbStore({ path: address.slice('lmdb:'.length) })
  }
  const { redisStore } = await import('../storage/redis.ts')
  return redisStore({ redis: address, ...redis })
}
