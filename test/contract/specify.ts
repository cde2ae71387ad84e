/** How the parts of the suite state what a store must do. */

import type { KeyPackageStore } from '../../plugin/store.ts'

/** One thing that a store must do; it is given an empty one. */
export type Specify<Store = KeyPackageStore> = (title: string, check: (store: Store) => Promise<void>) => void
