/** nostrify's NRelay1, which answers AUTH by itself. */

import { NRelay1 } from '@nostrify/nostrify'
import { eventually } from '../../support/eventually.ts'
import type { Library } from './library.ts'
import { authFor } from './people.ts'

export const nostrify: Library = {
  name: 'nostrify',
  connect: async (url, person) => {
    let answered = false
    const relay = new NRelay1(url, {
      backoff: false,
      auth: async (challenge) => authFor(person, url, challenge),
      log: ({ data }) => {
        if (Array.isArray(data) && data[0] === 'OK' && data[2] === true) answered = true
      },
    })
    return {
      publish: (event) => relay.event(event),
      fetch: (filter) => relay.query([filter]),
      authenticated: () => eventually('nostrify has authenticated', () => answered),
      close: () => relay.close(),
    }
  },
}
