/** The proxy in this process, before a relay of its own or one that is given, with a clock that tests move. */

import { startProxy } from '../../adapters/relays/proxy/proxy.ts'
import {
  type ProxyOptions,
  proxyOptionsSchema,
  type ServerOptions,
  serverOptionsSchema,
} from '../../adapters/relays/server/server-options.ts'
import { memoryStore } from '../../adapters/storage/memory.ts'
import type { OptionsInput } from '../../plugin/options.ts'
import type { KeyPackageStore } from '../../plugin/store.ts'
import { startRelay, type TestRelay } from './relay.ts'
import { testGateway, type WatchedServer } from './serving.ts'

export interface TestProxy extends WatchedServer {
  readonly relay: TestRelay
}

export interface TestProxySettings {
  /** It is stopped with the proxy. */
  readonly relay?: TestRelay
  readonly store?: KeyPackageStore
  readonly gateway?: OptionsInput
  readonly server?: Partial<ServerOptions>
  readonly proxy?: Partial<ProxyOptions>
}

export async function startTestProxy(settings: TestProxySettings = {}): Promise<TestProxy> {
  const { store = memoryStore(), relay = await startRelay() } = settings
  const { gateway, log, served } = testGateway(store, settings.gateway)
  const listener = await startProxy({
    gateway,
    upstream: relay.url,
    options: serverOptionsSchema.parse(settings.server ?? {}),
    proxy: proxyOptionsSchema.parse(settings.proxy ?? {}),
    log,
  })
  const close = async () => {
    await listener.close()
    await relay.stop()
  }
  return Object.assign(served({ ...listener, close }), { relay })
}
