/** The relay for key packages alone: the behaviour suite on both stores, and what only this relay does. */

import { afterAll } from '@jest/globals'
import { memoryStore } from '../../adapters/storage/memory.ts'
import { startTestServer } from '../support/server.ts'
import { LmdbStores } from '../support/stores.ts'
import {
  type ControlledTarget,
  describeControlledRelay,
  describeKeyPackageRelay,
  type StartTarget,
} from './behaviour.ts'

const stores = new LmdbStores()
afterAll(() => stores.remove())

const onMemory: StartTarget<ControlledTarget> = (options) => startTestServer(memoryStore(), options)
const onLmdb: StartTarget<ControlledTarget> = (options) => startTestServer(stores.open(), options)

describeKeyPackageRelay('serve, on memory', onMemory)
describeControlledRelay('serve, on memory', onMemory)
describeKeyPackageRelay('serve, on LMDB', onLmdb)
describeControlledRelay('serve, on LMDB', onLmdb)
