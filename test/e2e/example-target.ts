/** The relays of examples/ that embed a gateway, in this process, as targets of the suites. */

import { once } from 'node:events'
import type { WebSocketServer } from 'ws'
import { memoryStore } from '../../adapters/storage/memory.ts'
import { KeyPackageGateway } from '../../plugin/gateway.ts'
import type { OptionsInput } from '../../plugin/options.ts'
import { freePort } from '../support/redis.ts'
import { verifyEvent } from '../support/signing.ts'
import type { ControlledTarget, StartTarget } from './behaviour/scene.ts'

interface Settings {
  readonly gateway: KeyPackageGateway
  readonly host: string
  readonly port: number
}

/** `startRelay` is the example's export. The gateway's clock stays at the time of the start until the test moves it. */
export function exampleTarget(
  startRelay: (settings: Settings) => WebSocketServer,
): StartTarget<ControlledTarget> {
  return async (options: OptionsInput) => {
    const [host, port] = ['127.0.0.1', await freePort()]
    const url = `ws://${host}:${port}`
    const store = memoryStore()
    let now = Math.floor(Date.now() / 1000)
    const gateway = new KeyPackageGateway({
      publicUrl: url,
      ...options,
      store,
      verifyEvent,
      clock: () => now * 1000,
    })
    const server = startRelay({ gateway, host, port })
    await once(server, 'listening')
    return {
      url,
      storeUrl: `${url}/`,
      now: () => now,
      advance: (seconds) => {
        now += seconds
      },
      failStore: () => store.close(),
      stop: async () => {
        for (const socket of server.clients) socket.terminate()
        await new Promise((resolve) => server.close(resolve))
        gateway.close()
        await store.close()
      },
    }
  }
}
