/** The whole life of a key package on every store: what only time shows, and what becomes of it between a claim and its end. */

import { describe } from '@jest/globals'
import { everyStore } from '../support/every-store.ts'
import { startTestServer, type WatchedServer } from '../support/server.ts'
import type { StartTarget } from './behaviour/scene.ts'
import { describeControlledRelay } from './behaviour.ts'
import { describeLastPackages } from './life/last-packages.ts'
import { describeLowStock, describeLowStockByTime } from './life/low-stock.ts'
import { describeRotation, TRUSTED } from './life/rotation.ts'
import { describeSlots } from './life/slots.ts'
import { describeUndelivered } from './life/undelivered.ts'

describe.each(everyStore())('serve, on %s', (name, open) => {
  const start: StartTarget<WatchedServer> = async (options) => startTestServer(await open(), options)
  describeLowStock(start)
  describeLowStockByTime(start)
  describeLastPackages(start)
  describeUndelivered(start)
  describeSlots(start)
  describeRotation(async (options) => startTestServer(await open(), options, {}, TRUSTED))
  // standalone.test.ts has it on the other two.
  if (name === 'Redis') describeControlledRelay('over time', start)
})
