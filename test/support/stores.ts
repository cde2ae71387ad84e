/** Opens stores for tests, each LMDB one in a directory of its own, and removes them afterwards. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { lmdbStore } from '../../adapters/storage/lmdb.ts'
import type { MovableStore } from '../../plugin/store.ts'

/** A directory that `remove` deletes with all that is in it. */
export interface Scratch {
  readonly path: string
  remove(): void
}

export function scratch(): Scratch {
  const path = mkdtempSync(join(tmpdir(), 'keypackage-gateway-'))
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}

/** Makes empty LMDB stores below one scratch directory. */
export class LmdbStores {
  readonly #scratch = scratch()
  #opened = 0

  open(): MovableStore {
    return lmdbStore({ path: join(this.#scratch.path, `${this.#opened++}`) })
  }

  remove(): void {
    this.#scratch.remove()
  }
}
