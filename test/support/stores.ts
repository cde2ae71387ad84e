/** Opens stores for tests, each LMDB one in a directory of its own. */

import { join } from 'node:path'
import { lmdbStore } from '../../adapters/storage/lmdb.ts'
import type { MovableStore } from '../../plugin/store.ts'
import { scratch } from './scratch.ts'

/** Makes empty LMDB stores below one scratch directory. */
export class LmdbStores {
  readonly #scratch = scratch()
  #opened = 0

  open(): MovableStore {
    return lmdbStore({ path: join(this.#scratch, `${this.#opened++}`) })
  }
}
