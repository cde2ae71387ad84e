/** The relay for key packages in this process, with a clock that tests move. */

import { type ServerOptions, serverOptionsSchema } from '../../adapters/relays/server-options.ts'
import { startServer } from '../../adapters/relays/standalone.ts'
import { KeyPackageGateway } from '../../plugin/gateway.ts'
import type { OptionsInput } from '../../plugin/options.ts'
import type { KeyPackageStore } from '../../plugin/store.ts'
import { NOW } from './key-packages.ts'

export interface TestServer {
  readonly url: string
  /** Seconds since the epoch, as the server sees it. */
  now(): number
  advance(seconds: number): void
  /** Errors the server reported since it started. */
  readonly errors: readonly unknown[]
  /** Closes the store under the server: from now on all its calls reject. */
  failStore(): Promise<void>
  stop(): Promise<void>
}

/** Serves from `store`, and closes it with the server. */
export async function startTestServer(
  store: KeyPackageStore,
  gatewayOptions: OptionsInput = {},
  serverOptions: Partial<ServerOptions> = {},
): Promise<TestServer> {
  let now = NOW
  const clock = () => now * 1000
  const errors: unknown[] = []
  const log = { info() {}, warn() {}, error: (fields: object) => errors.push(fields) }
  const gateway = new KeyPackageGateway({ ...gatewayOptions, store, clock, log })
  const options = serverOptionsSchema.parse(serverOptions)
  const server = await startServer({ gateway, store, clock, log, options, version: '0.0.0-test' })
  return {
    url: server.url,
    errors,
    now: () => now,
    advance: (seconds) => {
      now += seconds
    },
    failStore: () => store.close(),
    stop: async () => {
      await server.close()
      gateway.close()
      await store.close()
    },
  }
}
