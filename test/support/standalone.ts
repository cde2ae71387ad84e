/** A relay for key packages alone, as the tests start it: on a free port, with a memory store and a fixed clock. */

import type { Listener } from '../../adapters/relays/listener.ts'
import { type ServerOptions, serverOptionsSchema } from '../../adapters/relays/server-options.ts'
import { startServer } from '../../adapters/relays/standalone.ts'
import { memoryStore } from '../../adapters/storage/memory.ts'
import { KeyPackageGateway } from '../../plugin/gateway.ts'
import type { OptionsInput } from '../../plugin/options.ts'
import type { KeyPackageStore } from '../../plugin/store.ts'
import { NOW } from './key-packages.ts'

export interface TestRelay extends Listener {
  /** What was logged as an error. */
  readonly errors: readonly unknown[]
}

export interface TestRelaySettings {
  readonly store?: KeyPackageStore
  readonly server?: Partial<ServerOptions>
  readonly options?: OptionsInput
}

export async function startRelay(settings: TestRelaySettings = {}): Promise<TestRelay> {
  const { store = memoryStore(), server = {}, options = {} } = settings
  const errors: unknown[] = []
  const log = {
    info: () => undefined,
    warn: () => undefined,
    error: (fields: object) => void errors.push(fields),
  }
  const clock = () => NOW * 1000
  const gateway = new KeyPackageGateway({ ...options, store, log, clock })
  const listener = await startServer({
    gateway,
    store,
    log,
    clock,
    version: '1.2.3',
    options: serverOptionsSchema.parse(server),
  })
  return {
    ...listener,
    errors,
    close: async () => {
      await listener.close()
      gateway.close()
    },
  }
}
