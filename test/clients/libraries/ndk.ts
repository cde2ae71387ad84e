/** NDK, which authenticates by its sign-in policy. */

import { afterEach, describe, expect } from '@jest/globals'
import NDK, { NDKEvent, NDKPrivateKeySigner, NDKPublishError, NDKRelayAuthPolicies } from '@nostr-dev-kit/ndk'
import type { Rows } from '../../e2e/behaviour/rows.ts'
import { alice, bob, Scene, type StartTarget } from '../../e2e/behaviour/scene.ts'
import { eventually } from '../../support/eventually.ts'
import type { Person } from '../../support/people.ts'
import type { Library } from './library.ts'
import { noteOf } from './people.ts'

export const ndk: Library = {
  name: 'NDK',
  connect: async (url, person) => {
    const client = clientOf(url, person)
    const [relay] = client.pool.relays.values()
    const authenticated = new Promise<void>((resolve) => relay?.once('authed', resolve))
    await connected(client)
    return {
      publish: (event) => new NDKEvent(client, event).publish().catch(throwReasons),
      fetch: async (filter) => [...(await client.fetchEvents(JSON.parse(JSON.stringify(filter))))],
      authenticated: () => authenticated,
      close: () => relay?.disconnect(),
    }
  },
}

function clientOf(url: string, { secretKey }: Person): NDK {
  const signer = new NDKPrivateKeySigner(Buffer.from(secretKey).toString('hex'))
  const client = new NDK({ explicitRelayUrls: [url], signer, enableOutboxModel: false })
  client.relayAuthDefaultPolicy = NDKRelayAuthPolicies.signIn({ ndk: client, signer })
  return client
}

async function connected(client: NDK): Promise<NDK> {
  await client.connect(5000)
  await eventually('NDK is connected', () => client.pool.connectedRelays().length === 1)
  return client
}

/** The message of NDK's error only counts the relays. */
function throwReasons(error: unknown): never {
  throw error instanceof NDKPublishError ? new Error(error.relayErrors) : error
}

export function describeNdk(startTarget: StartTarget, it: Rows): void {
  describe('NDK', () => {
    const scene = new Scene(startTarget)
    const clients: NDK[] = []
    afterEach(() => {
      for (const { pool } of clients.splice(0)) for (const relay of pool.relays.values()) relay.disconnect()
    })

    it('publishes notes and receives them live', async () => {
      const { url } = await scene.start()
      const [author, listener] = [clientOf(url, bob), clientOf(url, alice)]
      clients.push(author, listener)
      await Promise.all(clients.map(connected))
      const received: string[] = []
      const live = listener.subscribe({ kinds: [1] }, { closeOnEose: false, groupable: false })
      live.on('event', ({ content }: NDKEvent) => received.push(content))
      await new Promise<void>((resolve) => live.once('eose', () => resolve()))
      expect((await new NDKEvent(author, noteOf(bob, 'hello')).publish()).size).toBe(1)
      await eventually('the note is received', () => received.includes('hello'))
      live.stop()
    })
  })
}
