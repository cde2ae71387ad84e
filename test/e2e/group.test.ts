/** The main use case with real MLS: a key package is published, claimed, and used to add its author to a group. */

import { describe, expect, it } from '@jest/globals'
import { verifyEvent } from 'nostr-tools/pure'
import { decrypt, encrypt, joinFrom, openGroupWith } from '../../adapters/cli/demo/mls.ts'
import { restoreSignedEvent } from '../../plugin/index.ts'
import type { SignedEvent } from '../../plugin/nostr/messages.ts'
import { keyPackageEvent, type MadeKeyPackage, makeKeyPackage } from '../support/key-packages.ts'
import { startTestServer } from '../support/server.ts'
import { LmdbStores } from '../support/stores.ts'
import { alice, bob, carol, packagesOf, Scene } from './behaviour/scene.ts'

const stores = new LmdbStores()

describe('from a published key package to a group', () => {
  // ts-mls uses the machine's clock, so the server must too.
  const scene = new Scene(async (options) => {
    const server = await startTestServer(stores.open(), options)
    server.advance(Math.floor(Date.now() / 1000) - server.now())
    return server
  })

  it('Bob and Carol each add Alice, who is offline, with a different package, and she can read their messages', async () => {
    const target = await scene.start()
    const publisher = await scene.connect(target)
    const made = new Map<string, MadeKeyPackage>()
    for (let index = 0; index < 3; index++) {
      const keyPackage = await makeKeyPackage(alice, { now: target.now() })
      const event = keyPackageEvent(alice, keyPackage, { createdAt: target.now() - index })
      expect(await publisher.publish(event)).toEqual([true, ''])
      made.set(event.id, keyPackage)
    }
    await publisher.close()

    const used = new Set<string>()
    for (const [adder, hint] of [
      [bob, {}],
      [carol, { '#f': ['base64'] }],
    ] as const) {
      const client = await scene.connect(target, adder)
      const { events } = await client.request('claim', { ...packagesOf(alice), ...hint })
      const [event] = events
      if (event === undefined) throw new Error('nothing was delivered')
      expect(verifyEvent(restoreSignedEvent(event) as never)).toBe(true)

      const own = await makeKeyPackage(adder, { now: target.now() })
      const { group, message: welcome } = await openGroupWith(contentOf(event), own, own.impl)
      const hers = made.get(event.id)
      if (hers === undefined) throw new Error('not one of her packages')
      used.add(event.id)
      const joined = await joinFrom(welcome, hers, hers.impl)
      const { message } = await encrypt(group, `hello from ${adder.pubkey}`, own.impl)
      expect(await decrypt(joined, message, hers.impl)).toBe(`hello from ${adder.pubkey}`)
    }
    expect(used.size).toBe(2)
  })

  it('a Welcome for one package cannot be opened with another', async () => {
    const { client, target } = await scene.stocked(1)
    const [event] = (await client.request('claim', packagesOf(alice))).events
    if (event === undefined) throw new Error('nothing was delivered')
    const own = await makeKeyPackage(bob, { now: target.now() })
    const { message: welcome } = await openGroupWith(contentOf(event), own, own.impl)
    const another = await makeKeyPackage(alice, { now: target.now() })
    await expect(joinFrom(welcome, another, another.impl)).rejects.toThrow()
  })
})

/** The KeyPackage in a delivered event, decoded by the `encoding` tag as a client does. */
function contentOf({ content, tags }: SignedEvent): Uint8Array {
  const encoding = tags.find(([name]) => name === 'encoding')?.[1] === 'base64' ? 'base64' : 'hex'
  return Uint8Array.from(Buffer.from(content, encoding))
}
