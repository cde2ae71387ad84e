/** The function with which the suite states its tests. */

import type { KeyPackageStore } from '../../plugin/store.ts'

/** One thing that a store must do; it is given an empty one. */
export type Specify<Store = KeyPackageStore> = (title: string, check: (store: Store) => Promise<void>) => void
