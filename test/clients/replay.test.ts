/** Real clients, replayed frame by frame with the default settings, on every store and through the proxy. */

import { describe } from '@jest/globals'
import { everyStore } from '../support/every-store.ts'
import { startTestProxy } from '../support/proxy.ts'
import { startTestServer } from '../support/server.ts'
import { describeLife } from './replay/life.ts'
import { describeParticulars } from './replay/particulars.ts'
import type { Home } from './replay/stage.ts'

function describeRealClients(name: string, home: Home): void {
  describe(name, () => {
    describeLife(home)
    describeParticulars(home)
  })
}

describe('real clients', () => {
  for (const [name, open] of everyStore()) {
    describeRealClients(`on ${name}`, async (options) => startTestServer(await open(), options))
  }
  describeRealClients('through the proxy', (gateway) => startTestProxy({ gateway }))
})
