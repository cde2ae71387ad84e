/** A store that is opened on the first call works like any other, and its calls time out. */

import { describe, expect, it } from '@jest/globals'
import { lazyStore } from '../../../adapters/storage/lazy.ts'
import { memoryStore } from '../../../adapters/storage/memory.ts'
import { type KeyPackageStore, StoreError } from '../../../plugin/store.ts'
import { authorNamed, describeKeyPackageStore, LIMITS, NOW, packageNamed } from '../../contract/index.ts'
import { eventually } from '../../support/eventually.ts'
import { gate } from '../../support/gate.ts'
import { testLog } from '../../support/log.ts'
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
    const put = store.put(packageNamed('one', authorNamed('alice')), LIMITS, NOW)
    await expect(put).rejects.toThrow('the store did not answer within 20 ms')
    open()
    // What was answered with an error is not done later: nobody would receive what a claim took.
    expect(await store.stats()).toEqual({ authors: 0, packages: 0 })
  })

  it('rejects if a call takes too long', async () => {
    const never = new Promise<never>(() => {})
    const hanging: KeyPackageStore = Object.assign(memoryStore(), { stats: () => never, close: () => never })
    const store = lazyStore({ timeoutMs: 20, open: async () => hanging })
    await expect(store.stats()).rejects.toMatchObject({ code: 'KPG_STORE' })
    await expect(store.close()).rejects.toMatchObject({ code: 'KPG_STORE' })
  })

  it('logs each reason why it cannot be opened once, and once that it is open', async () => {
    const why = ['no route', 'no route', 'loading']
    const log = testLog()
    const store = lazyStore({
      ...TIMEOUT,
      log,
      open: async () => {
        const reason = why.shift()
        if (reason !== undefined) throw new StoreError(reason)
        return memoryStore()
      },
    })
    for (const reason of [...why]) await expect(store.stats()).rejects.toThrow(reason)
    await store.stats()
    await store.stats()
    expect(log.lines.map(({ level, message }) => [level, message])).toEqual([
      ['error', 'key packages are unavailable: no route'],
      ['error', 'key packages are unavailable: loading'],
      ['info', 'key packages are available: the store is open'],
    ])
  })

  it('that was never opened can be closed, and stays closed', async () => {
    const store = lazyStore({ ...TIMEOUT, open: async () => memoryStore() })
    await store.close()
    await expect(store.stats()).rejects.toThrow('the store is closed')
  })
})

describe('a lazy store that is started', () => {
  it('tries again by itself, and refuses calls at once meanwhile', async () => {
    const { opened, open } = gate()
    let times = 0
    const store = lazyStore({
      ...TIMEOUT,
      open: async () => {
        times += 1
        if (times === 1) throw new StoreError('not yet')
        await opened
        return memoryStore()
      },
    })
    const started = store.start()
    await expect(store.stats()).rejects.toThrow('not yet')
    await eventually('it tries again', () => times === 2)
    await expect(store.stats()).rejects.toThrow('not yet')
    open()
    await started
    expect(await store.stats()).toEqual({ authors: 0, packages: 0 })
  })

  it('gives up if the first attempt finds a wrong configuration, which its caller says', async () => {
    const log = testLog()
    const open = () => Promise.reject(new StoreError('wrong password', { fault: 'configuration' }))
    const store = lazyStore({ ...TIMEOUT, log, open })
    await expect(store.start()).rejects.toThrow('wrong password')
    await expect(store.stats()).rejects.toThrow('wrong password')
    expect(log.lines).toEqual([])
    await store.close()
  })

  it('goes on if a later attempt finds one, and logs it', async () => {
    const failures = [new StoreError('refused'), new StoreError('wrong password', { fault: 'configuration' })]
    const log = testLog()
    const store = lazyStore({
      ...TIMEOUT,
      log,
      open: async () => {
        const failure = failures.shift()
        if (failure !== undefined) throw failure
        return memoryStore()
      },
    })
    await store.start()
    expect(log.lines.map(({ message }) => message)).toEqual([
      'key packages are unavailable: refused',
      'key packages are unavailable: wrong password',
      'key packages are available: the store is open',
    ])
  })

  it('stops trying when it is closed', async () => {
    const open = () => Promise.reject(new StoreError('refused'))
    const store = lazyStore({ ...TIMEOUT, open })
    const started = store.start()
    await expect(store.stats()).rejects.toThrow('refused')
    await store.close()
    await started
    await expect(store.stats()).rejects.toThrow('the store is closed')
  })
})
