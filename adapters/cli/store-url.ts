/** Opens the store that a `store` setting names. */

import type { KeyPackageStore } from '../../plugin/store.ts'

/** @throws StoreError saying why it cannot be opened */
export async function openStore(address: string): Promise<KeyPackageStore> {
  if (address === 'memory:') {
    const { memoryStore } = await import('../storage/memory.ts')
    return memoryStore()
  }
  const { lmdbStore } = await import('../storage/lmdb.ts')
  return lmdbStore({ path: address.slice('lmdb:'.length) })
}
