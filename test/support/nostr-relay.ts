/** `@nostr-relay/core` with the gateway's plugin among others, by the machine's clock. */

import { keyPackages, type NostrRelayOptions } from '../../adapters/relays/nostr-relay/nostr-relay.ts'
import { memoryStore } from '../../adapters/storage/memory.ts'
import { type GatewaySettings, KeyPackageGateway } from '../../plugin/gateway.ts'
import type { OptionsInput } from '../../plugin/options.ts'
import type { KeyPackageStore } from '../../plugin/store.ts'
import type { Target } from '../e2e/behaviour/scene.ts'
import { fixOrder } from './delivery-order.ts'
import { type RelaySettings, startRelay, type TestRelay } from './relay.ts'
import { verifyEvent } from './signing.ts'

export interface NostrRelayTarget extends Target {
  readonly relay: TestRelay
  readonly store: KeyPackageStore
}

export type Plugin = NonNullable<RelaySettings['plugins']>[number]

interface Settings {
  readonly options?: OptionsInput & Pick<GatewaySettings, 'isKnown'>
  readonly plugin?: NostrRelayOptions
  readonly relay?: RelaySettings
  readonly store?: KeyPackageStore
  /** Registered before the gateway's plugin. */
  readonly before?: readonly Plugin[]
  readonly after?: readonly Plugin[]
}

export const machineTime = () => Math.floor(Date.now() / 1000)

export async function startNostrRelay(settings: Settings = {}): Promise<NostrRelayTarget> {
  const { options, plugin, relay: relaySettings, store = memoryStore(), before = [], after = [] } = settings
  fixOrder(store)
  const gateway = new KeyPackageGateway({ ...options, store, verifyEvent })
  const plugins = [...before, keyPackages(gateway, plugin), ...after]
  const relay = await startRelay({ hostname: '127.0.0.1', ...relaySettings, plugins })
  return {
    url: relay.url,
    relay,
    store,
    now: machineTime,
    stop: async () => {
      await relay.stop()
      gateway.close()
      await store.close()
    },
  }
}
