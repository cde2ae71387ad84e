/** Where a history is played: gateways on one store, and what can be done to them. */

import type { OptionsInput } from '../../../plugin/options.ts'
import type { Random } from './choices.ts'
import type { GatewayProcess } from './gateway-process.ts'

/** What a fault can do to the clients of a round. */
export interface Clients {
  /** Resolves once so many more operations have begun, or no more will. */
  begun(count: number): Promise<void>
  /** Cuts the connections of all clients. */
  cutAll(): void
}

export interface Stage {
  readonly gateways: readonly GatewayProcess[]
  /** Does harm while clients are busy, and repairs it; gateways that it ended run again when it resolves. */
  harm(clients: Clients, random: Random): Promise<void>
  /** Ends the store. Gateways are ended by whoever started them. */
  close(): Promise<void>
}

export interface Fault {
  readonly name: string
  /** Whether every promise holds all the same, and if not, why not: then violations are to be found. */
  readonly promised: 'yes' | { readonly no: string }
  /** Says why it cannot be done here. */
  readonly missing?: () => string | undefined
  /** Starts the store; the gateways are not started yet. */
  open(): Promise<Stage>
}

/** Gives every gateway the options, whether it runs or not. */
export async function startAll(gateways: readonly GatewayProcess[], options: OptionsInput): Promise<void> {
  await Promise.all(
    gateways.map(async (gateway) => {
      await gateway.stop()
      await gateway.start(options)
    }),
  )
}
