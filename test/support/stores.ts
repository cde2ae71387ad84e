/** Opens stores for tests, each LMDB one in a directory of its own. */

import { join } from 'node:path'
import { lmdbStore } from '../../adapters/storage/lmdb.ts'
import type { MovableStore } from '../../plugin/store.ts'
import { scratch } from './scratch.ts'

/** Makes empty LMDB stores below one scratch directory. */
export class LmdbStores {
  readonly #scratch = scratch()
  readonly #paths = new WeakMap<MovableStore, string>()
  #opened = 0

  open(): MovableStore {
    return this.#at(join(this.#scratch, `${this.#opened++}`))
  }

  /** Opens the contents of one of these stores again, whether it is closed or open. */
  again(store: MovableStore): MovableStore {
    return this.#at(this.#paths.get(store) ?? '')
  }

  #at(path: string): MovableStore {
    const store = lmdbStore({ path })
    this.#paths.set(store, path)
    return store
  }
}
