import { afterAll, describe, it } from '@jest/globals'
import { describeKeyPackageStore } from '../../contract/index.ts'
import { LmdbStores } from '../../support/stores.ts'

const stores = new LmdbStores()
afterAll(() => stores.remove())

describeKeyPackageStore('the LMDB store', async () => stores.open(), { describe, it })
