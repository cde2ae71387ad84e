/** Clients that applications use, on the relay for key packages alone and over the proxy. */

import { memoryStore } from '../../adapters/storage/memory.ts'
import { startTestProxy } from '../support/proxy.ts'
import { startRelay } from '../support/relay.ts'
import { startTestServer } from '../support/server.ts'
import type { ControlledTarget } from './behaviour/scene.ts'
import { describeClients } from './clients.ts'

const NO_NOTES = 'it keeps key packages alone'

describeClients('serve', async (options) => byMachineTime(await startTestServer(memoryStore(), options)), {
  'publishes and hears notes live, and claims key packages beside it': NO_NOTES,
  'publishes and hears notes live': NO_NOTES,
})
describeClients('the proxy', async (gateway) => byMachineTime(await startTestProxy({ gateway })))
describeClients('the proxy, before a relay that authenticates itself', async (gateway) =>
  byMachineTime(await startTestProxy({ gateway, relay: await startRelay({ hostname: '127.0.0.1' }) })),
)

function byMachineTime<Kind extends ControlledTarget>(target: Kind): Kind {
  target.advance(Math.floor(Date.now() / 1000) - target.now())
  return target
}
