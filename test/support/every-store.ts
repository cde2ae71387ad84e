/** Every kind of store, empty, for tests that are played on each. */

import { afterAll, beforeAll } from '@jest/globals'
import { memoryStore } from '../../adapters/storage/memory.ts'
import type { KeyPackageStore } from '../../plugin/store.ts'
import { RealStores } from './real-stores.ts'

export type NamedStore = readonly [name: string, open: () => KeyPackageStore | Promise<KeyPackageStore>]

/** To be called where tests are described: a Redis server runs while they do. */
export function everyStore(): readonly NamedStore[] {
  let real: RealStores
  beforeAll(async () => {
    real = await RealStores.start()
  })
  afterAll(() => real?.stop())
  return [
    ['memory', memoryStore],
    ['LMDB', () => real.lmdb()],
    ['Redis', () => real.redis()],
  ]
}
