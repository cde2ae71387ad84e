/** The relay for key packages in this process, with a clock that tests move. */

import {
  type ProxyOptions,
  proxyOptionsSchema,
  type ServerOptions,
  serverOptionsSchema,
} from '../../adapters/relays/server/server-options.ts'
import { startStandalone } from '../../adapters/relays/standalone/standalone.ts'
import type { OptionsInput } from '../../plugin/options.ts'
import type { KeyPackageStore } from '../../plugin/store.ts'
import { testGateway, type WatchedServer } from './serving.ts'

export type { TestServer, WatchedServer } from './serving.ts'

/** Serves from `store`, and closes it with the server. */
export async function startTestServer(
  store: KeyPackageStore,
  gatewayOptions: OptionsInput = {},
  serverOptions: Partial<ServerOptions> = {},
  proxyOptions: Partial<ProxyOptions> = {},
): Promise<WatchedServer> {
  const { gateway, clock, log, served } = testGateway(store, gatewayOptions)
  const options = serverOptionsSchema.parse(serverOptions)
  const proxy = proxyOptionsSchema.parse(proxyOptions)
  return served(await startStandalone({ gateway, store, clock, log, options, proxy, version: '0.0.0-test' }))
}
