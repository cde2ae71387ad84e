/** rust-nostr as WebAssembly, which answers AUTH by itself. */

import {
  ClientBuilder,
  Duration,
  Event,
  Filter,
  Keys,
  loadWasmSync,
  NostrSigner,
} from '@rust-nostr/nostr-sdk'
import { eventually } from '../../support/eventually.ts'
import type { Library } from './library.ts'
import './people.ts'

loadWasmSync()

const PATIENCE = Duration.fromSecs(10)

export const rustNostr: Library = {
  name: 'rust-nostr',
  connect: async (url, { secretKey }) => {
    const signer = NostrSigner.keys(Keys.parse(Buffer.from(secretKey).toString('hex')))
    const client = new ClientBuilder().signer(signer).build()
    client.automaticAuthentication(true)
    await client.addRelay(url)
    let answered = false
    client.handleNotifications({
      handleEvent: async () => false,
      handleMsg: async (_, message) => {
        const [verb, , accepted]: unknown[] = JSON.parse(message.asJson())
        if (verb === 'OK' && accepted === true) answered = true
        return answered
      },
    })
    await client.tryConnect(PATIENCE)
    return {
      publish: async (event) => {
        const { failed } = await client.sendEvent(Event.fromJson(JSON.stringify(event)))
        for (const { error } of failed) throw new Error(error)
      },
      fetch: async (filter) => {
        const events = await client.fetchEvents(Filter.fromJson(JSON.stringify(filter)), PATIENCE)
        return events.toVec().map((event) => JSON.parse(event.asJson()) as { id: string })
      },
      authenticated: () => eventually('rust-nostr has authenticated', () => answered),
      close: () => client.shutdown(),
    }
  },
}
