/** Where a history is played: gateways on one store, and what can be done to them. */

import type { OptionsInput } from '../../../plugin/options.ts'
import type { Random } from './choices.ts'
import type { GatewayProcess } from './gateway-process.ts'

/** What a fault can do with the clients of a round. */
export interface Clients {
  /** Resolves once so many more operations have begun, or no more will. */
  begun(count: number): Promise<void>
  /** Cuts the connections of all clients. */
  cutAll(): void
  /** Others claim, and have left before anything is claimed: it needs a store that does not answer meanwhile. */
  claimAndLeave(): Promise<void>
}

/** Does harm while clients are busy, and repairs it: gateways that it ended run again when it resolves. */
export type Harm = (clients: Clients, random: Random) => Promise<void>

export interface Stage {
  readonly gateways: readonly GatewayProcess[]
  readonly harm: Harm
  /** After the repair: until gateways keep every promise again. */
  settle?(): Promise<void>
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

/** Starts every gateway, again if it runs, with these options. */
export async function startAll(gateways: readonly GatewayProcess[], options: OptionsInput): Promise<void> {
  await Promise.all(
    gateways.map(async (gateway) => {
      await gateway.stop()
      await gateway.start(options)
    }),
  )
}
