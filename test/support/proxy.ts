/** The proxy in this process, before a relay of its own or one that is given, with a clock that tests move. */

import { startProxy } from '../../adapters/relays/proxy.ts'
import { type ProxyOptions, proxyOptionsSchema } from '../../adapters/relays/proxy-options.ts'
import { type ServerOptions, serverOptionsSchema } from '../../adapters/relays/server-options.ts'
import { memoryStore } from '../../adapters/storage/memory.ts'
import { KeyPackageGateway } from '../../plugin/gateway.ts'
import type { OptionsInput } from '../../plugin/options.ts'
import type { KeyPackageStore } from '../../plugin/store.ts'
import { NOW } from './key-packages.ts'
import { type TestLog, testLog } from './log.ts'
import { startRelay, type TestRelay } from './relay.ts'
import type { TestServer } from './server.ts'

export interface TestProxy extends TestServer {
  readonly relay: TestRelay
  readonly log: TestLog
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
  let now = NOW
  const log = testLog()
  const gateway = new KeyPackageGateway({ ...settings.gateway, store, log, clock: () => now * 1000 })
  const server = await startProxy({
    gateway,
    upstream: relay.url,
    options: serverOptionsSchema.parse(settings.server ?? {}),
    proxy: proxyOptionsSchema.parse(settings.proxy ?? {}),
    log,
  })
  return {
    url: server.url,
    relay,
    log,
    get errors() {
      return log.lines.filter(({ level }) => level === 'error')
    },
    now: () => now,
    advance: (seconds) => {
      now += seconds
    },
    failStore: () => store.close(),
    stop: async () => {
      await server.close()
      gateway.close()
      await store.close()
      await relay.stop()
    },
  }
}
