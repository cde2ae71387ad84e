/** applesauce's Relay. It authenticates when told to, and shows every event, verified or not. */

import { Relay } from 'applesauce-relay'
import { eventually } from '../../support/eventually.ts'
import type { Library } from './library.ts'
import { signerOf } from './people.ts'

export const applesauce: Library = {
  name: 'applesauce',
  connect: async (url, person) => {
    const relay = new Relay(url, { keepAlive: 0 })
    const kept = relay.subscription({ kinds: [10051], authors: [person.pubkey] }).subscribe()
    await eventually('applesauce has the challenge', () => relay.challenge !== null)
    return {
      publish: async (event) => {
        const { ok, message } = await relay.publish(event, { retries: 0 })
        if (!ok) throw new Error(message)
      },
      fetch: (filter) =>
        new Promise((resolve, reject) => {
          const events: { id: string }[] = []
          relay.request(filter).subscribe({
            next: (event) => events.push(event),
            error: reject,
            complete: () => resolve(events),
          })
        }),
      authenticated: () => relay.authenticate({ signEvent: signerOf(person) }),
      close: () => {
        kept.unsubscribe()
        relay.close()
      },
    }
  },
}
