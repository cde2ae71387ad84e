/** rx-nostr, which answers AUTH by itself. */

import { verifyEvent } from 'nostr-tools/pure'
import { createRxBackwardReq, createRxNostr, noopSigner } from 'rx-nostr'
import { WebSocket } from 'ws'
import { eventually } from '../../support/eventually.ts'
import type { Library } from './library.ts'
import { forClients, signerOf } from './people.ts'

export const rxNostr: Library = {
  name: 'rx-nostr',
  connect: async (url, person) => {
    const signEvent = signerOf(person)
    const rx = createRxNostr({
      verifier: async (event) => verifyEvent(forClients(event)),
      authenticator: {
        signer: {
          signEvent: async ({ kind, content, tags = [], created_at = Math.floor(Date.now() / 1000) }) => ({
            ...(await signEvent({ kind, content, tags, created_at })),
            kind,
          }),
          getPublicKey: async () => person.pubkey,
        },
      },
      connectionStrategy: 'aggressive',
      websocketCtor: WebSocket,
      skipFetchNip11: true,
    })
    let answered = false
    rx.createAllMessageObservable().subscribe((packet) => {
      if (packet.type === 'OK' && packet.ok) answered = true
    })
    rx.setDefaultRelays([url])
    return {
      publish: (event) =>
        new Promise<void>((resolve, reject) => {
          rx.send(event, { signer: noopSigner() }).subscribe({
            next: ({ ok, notice, done }) => {
              if (done && !ok) reject(new Error(notice))
            },
            error: reject,
            complete: resolve,
          })
        }),
      fetch: (filter) =>
        new Promise((resolve, reject) => {
          const events: { id: string }[] = []
          const request = createRxBackwardReq()
          rx.use(request).subscribe({
            next: ({ event }) => events.push(event),
            error: reject,
            complete: () => resolve(events),
          })
          request.emit(filter)
          request.over()
        }),
      authenticated: () => eventually('rx-nostr has authenticated', () => answered),
      close: () => rx.dispose(),
    }
  },
}
