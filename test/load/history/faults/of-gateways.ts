/** Harm to gateways and their clients, on any store. */

import { oneOf } from '../choices.ts'
import type { GatewayProcess } from '../gateway-process.ts'
import type { Harm } from '../stage.ts'

const HOUR = 3600

/** Nothing happens to them: clients are at work side by side, and that is all. */
export const noHarm: Harm = (clients) => clients.begun(20)

/** kill -9 of one of them, and a new one in its place. */
export function killOne(gateways: readonly GatewayProcess[]): Harm {
  return async (clients, random) => {
    await clients.begun(1 + random(20))
    const gateway = oneOf(random, gateways)
    await gateway.kill()
    await gateway.start()
  }
}

/** Clients lose their connections again and again. */
export const cutClients: Harm = async (clients, random) => {
  for (let times = 0; times < 4; times++) {
    await clients.begun(1 + random(10))
    clients.cutAll()
  }
}

/** The clock of the first gateway jumps an hour ahead, then to an hour behind, and is set right. */
export function stepClock([gateway]: readonly GatewayProcess[]): Harm {
  return async (clients, random) => {
    const ways = random(2) === 0 ? [HOUR, -HOUR, 0] : [-HOUR, HOUR, 0]
    for (const seconds of ways) {
      await clients.begun(1 + random(15))
      await gateway?.stepClock(seconds)
    }
  }
}
