/** Every kind of store, empty, for tests that run on each. */

import { afterAll, beforeAll } from '@jest/globals'
import { memoryStore } from '../../adapters/storage/memory.ts'
import type { KeyPackageStore } from '../../plugin/store.ts'
import { RealStores } from './real-stores.ts'

export type NamedStore = readonly [name: string, open: () => KeyPackageStore | Promise<KeyPackageStore>]

/** Call it in a describe block: a Redis server runs for as long as its tests. */
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
