/** Widely used client libraries with `serve`, alone and as a proxy. */

import { memoryStore } from '../../adapters/storage/memory.ts'
import type { ControlledTarget } from '../e2e/behaviour/scene.ts'
import { startTestProxy } from '../support/proxy.ts'
import { startRelay } from '../support/relay.ts'
import { startTestServer } from '../support/server.ts'
import { describeLibraries } from './libraries.ts'

const NO_NOTES = 'it only stores key packages'

describeLibraries('serve', async (options) => onMachineClock(await startTestServer(memoryStore(), options)), {
  'publishes notes, receives them live, and claims key packages on the same connection': NO_NOTES,
  'publishes notes and receives them live': NO_NOTES,
})
describeLibraries('the proxy', async (gateway) => onMachineClock(await startTestProxy({ gateway })))
describeLibraries('the proxy in front of a relay with its own NIP-42', async (gateway) =>
  onMachineClock(await startTestProxy({ gateway, relay: await startRelay({ hostname: '127.0.0.1' }) })),
)

function onMachineClock<Kind extends ControlledTarget>(target: Kind): Kind {
  target.advance(Math.floor(Date.now() / 1000) - target.now())
  return target
}
