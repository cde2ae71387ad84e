/** A store that is opened on the first call works like any other, and its calls time out. */

import { describe, expect, it } from '@jest/globals'
import { lazyStore } from '../../../adapters/storage/lazy.ts'
import { memoryStore } from '../../../adapters/storage/memory.ts'
import type { KeyPackageStore } from '../../../plugin/store.ts'
import { describeKeyPackageStore } from '../../contract/index.ts'
import { gate } from '../../support/gate.ts'
import { LmdbStores } from '../../support/stores.ts'

const TIMEOUT = { timeoutMs: 60_000 }

const lmdb = new LmdbStores()

describeKeyPackageStore(
  'a late store',
  async () => lazyStore({ ...TIMEOUT, open: async () => lmdb.open() }),
  { describe, it },
)

describe('a lazy store', () => {
  it('is opened once, by the first call', async () => {
    let times = 0
    const store = lazyStore({
      ...TIMEOUT,
      open: async () => {
        times += 1
        return memoryStore()
      },
    })
    expect(times).toBe(0)
    await Promise.all([store.stats(), store.stats()])
    await store.stats()
    expect(times).toBe(1)
  })

  it('tries to open again after a failure', async () => {
    const stores = [Promise.reject(new Error('not yet')), Promise.resolve(memoryStore())]
    const store = lazyStore({ ...TIMEOUT, open: () => stores.shift() ?? Promise.reject(new Error('again')) })
    await expect(store.stats()).rejects.toThrow('not yet')
    expect(await store.stats()).toEqual({ authors: 0, packages: 0 })
  })

  it('rejects if opening takes too long, and answers once it is open', async () => {
    const { opened, open } = gate()
    const store = lazyStore({ timeoutMs: 20, open: () => opened.then(memoryStore) })
    await expect(store.stats()).rejects.toThrow('the store did not answer within 20 ms')
    open()
    expect(await store.stats()).toEqual({ authors: 0, packages: 0 })
  })

  it('rejects if a call takes too long', async () => {
    const never = new Promise<never>(() => {})
    const hanging: KeyPackageStore = Object.assign(memoryStore(), { stats: () => never, close: () => never })
    const store = lazyStore({ timeoutMs: 20, open: async () => hanging })
    await expect(store.stats()).rejects.toMatchObject({ code: 'KPG_STORE' })
    await expect(store.close()).rejects.toMatchObject({ code: 'KPG_STORE' })
  })

  it('that was never opened can be closed, and stays closed', async () => {
    const store = lazyStore({ ...TIMEOUT, open: async () => memoryStore() })
    await store.close()
    await expect(store.stats()).rejects.toThrow('the store is closed')
  })
})
