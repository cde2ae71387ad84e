/** Opens the store of a command that works on one and ends. */

import type { MovableStore } from '../../plugin/store.ts'
import { createLogger } from './logger.ts'
import type { Settings } from './settings-schema.ts'
import { openStore } from './store-url.ts'

/** The settings that say where the store is and how it is reached. */
export const STORE_SETTINGS: readonly string[] = ['store', 'redis', 'log']

/** @throws StoreError saying why it cannot be opened, or what `use` throws */
export async function withStore<Result>(
  settings: Settings,
  use: (store: MovableStore) => Promise<Result>,
): Promise<Result> {
  const store = await openStore(settings, await createLogger(settings.log.level))
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
