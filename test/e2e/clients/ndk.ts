/** NDK: authenticates by its sign-in policy, publishes, claims and subscribes. */

import { afterEach, describe, expect } from '@jest/globals'
import NDK, { NDKEvent, NDKPrivateKeySigner, NDKRelayAuthPolicies } from '@nostr-dev-kit/ndk'
import { eventually } from '../../support/eventually.ts'
import type { Person } from '../../support/people.ts'
import type { Rows } from '../behaviour/rows.ts'
import { alice, bob, newEvent, Scene, type StartTarget, type Target } from '../behaviour/scene.ts'
import { forClients, noteOf } from './people.ts'

export function describeNdk(startTarget: StartTarget, it: Rows): void {
  describe('NDK', () => {
    const scene = new Scene(startTarget)
    const connected: NDK[] = []
    afterEach(() => {
      for (const ndk of connected.splice(0)) for (const relay of ndk.pool.relays.values()) relay.disconnect()
    })

    const connect = async (target: Target, { secretKey }: Person) => {
      const signer = new NDKPrivateKeySigner(Buffer.from(secretKey).toString('hex'))
      const ndk = new NDK({ explicitRelayUrls: [target.url], signer, enableOutboxModel: false })
      ndk.relayAuthDefaultPolicy = NDKRelayAuthPolicies.signIn({ ndk, signer })
      connected.push(ndk)
      await ndk.connect(5000)
      await eventually('NDK is connected', () => ndk.pool.connectedRelays().length === 1)
      return ndk
    }

    it('publishes a key package, and another client claims it', async () => {
      const target = await scene.start()
      const [author, requester] = [await connect(target, alice), await connect(target, bob)]
      const event = await newEvent(target, alice)
      expect((await new NDKEvent(author, forClients(event)).publish()).size).toBe(1)
      const claimed = await requester.fetchEvents({ kinds: [443 as never], authors: [alice.pubkey] })
      expect([...claimed].map(({ id }) => id)).toEqual([event.id])
    })

    it('publishes notes and receives them live', async () => {
      const target = await scene.start()
      const [author, listener] = [await connect(target, bob), await connect(target, alice)]
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
