/** The model of nostream with the gateway in it, in this process, with a clock that tests move. */

import { withKeyPackageGateway } from '../../adapters/relays/nostream/nostream.ts'
import { memoryStore } from '../../adapters/storage/memory.ts'
import { KeyPackageGateway } from '../../plugin/gateway.ts'
import type { OptionsInput } from '../../plugin/options.ts'
import { newStoreUrl } from '../../plugin/publish/home.ts'
import type { KeyPackageStore } from '../../plugin/store.ts'
import type { ControlledTarget } from '../e2e/behaviour/scene.ts'
import { NOW } from './key-packages.ts'
import { type ModelSettings, type NostreamModel, startNostreamModel } from './nostream-model.ts'
import { verifyEvent } from './signing.ts'

export interface NostreamTarget extends ControlledTarget {
  readonly nostream: NostreamModel
  readonly store: KeyPackageStore
}

interface OwnSettings extends Pick<ModelSettings, 'blocked' | 'authRequired'> {
  /** Whether the gateway wraps one factory, or one for each connection, as nostream makes them. */
  readonly factories?: 'one' | 'by connection'
}

export async function startNostreamTarget(
  options: OptionsInput = {},
  { factories = 'one', ...settings }: OwnSettings = {},
): Promise<NostreamTarget> {
  let now = NOW
  const store = memoryStore()
  const gateways: KeyPackageGateway[] = []
  const nostream = await startNostreamModel({
    ...settings,
    now: () => now,
    wrap: (factory, url) => {
      const gateway = new KeyPackageGateway({
        publicUrl: url,
        ...options,
        store,
        verifyEvent,
        clock: () => now * 1000,
      })
      gateways.push(gateway)
      if (factories === 'one') return withKeyPackageGateway(factory, gateway)
      const byConnection = new WeakMap<object, typeof factory>()
      return ([message, adapter]) => {
        const own = byConnection.get(adapter) ?? withKeyPackageGateway(factory, gateway)
        byConnection.set(adapter, own)
        return own([message, adapter])
      }
    },
  })
  return {
    url: nostream.url,
    storeUrl: newStoreUrl(nostream.url),
    nostream,
    store,
    now: () => now,
    advance: (seconds) => {
      now += seconds
    },
    failStore: () => store.close(),
    stop: async () => {
      await nostream.stop()
      for (const gateway of gateways) gateway.close()
      await store.close()
    },
  }
}

/** The ids of the events of these kinds that nostream keeps itself. */
export async function keptBy({ nostream }: NostreamTarget, ...kinds: readonly number[]): Promise<string[]> {
  return (await nostream.events.find([{ kinds }])).map(({ id }) => id)
}

/** How many key packages the gateway has. */
export async function inStock({ store }: NostreamTarget): Promise<number> {
  return (await store.stats()).packages
}
