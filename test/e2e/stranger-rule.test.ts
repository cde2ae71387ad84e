/** The stranger rule over sockets, with the default options, in every relay that knows its clients' addresses, on every store. */

import { describe, expect, it } from '@jest/globals'
import { memoryStore } from '../../adapters/storage/memory.ts'
import type { IsKnown } from '../../plugin/lifecycle/known-requesters.ts'
import type { OptionsInput } from '../../plugin/options.ts'
import { everyStore } from '../support/every-store.ts'
import { signEvent } from '../support/key-packages.ts'
import { startNostrRelay } from '../support/nostr-relay.ts'
import { person } from '../support/people.ts'
import { startTestProxy } from '../support/proxy.ts'
import { startTestServer } from '../support/server.ts'
import { alice, bob, carol, idsOf } from './behaviour/scene.ts'
import {
  DEFAULTS,
  describeStrangerRule,
  learns,
  RuleScene,
  type RuleTarget,
} from './behaviour/stranger-rule.ts'

const proxy = { trust: ['127.0.0.1'] }

/** `@nostr-relay/core`, told the addresses of its clients by a proxy. */
async function startForwarded(options: OptionsInput, isKnown?: IsKnown) {
  const { url, store, now, stop } = await startNostrRelay({
    options: { ...options, ...(isKnown && { isKnown }) },
    relay: { addressOf: ({ headers, socket }) => String(headers['x-forwarded-for'] ?? socket.remoteAddress) },
  })
  return { url, store, now, stop }
}

describe.each(everyStore())('on the %s store', (_name, open) => {
  describeStrangerRule('serve', async (options) => {
    const store = await open()
    return Object.assign(await startTestServer(store, options, {}, proxy), { store })
  })

  describeStrangerRule('serve --upstream', async (gateway) => {
    const store = await open()
    return Object.assign(await startTestProxy({ store, gateway, proxy }), { store })
  })
})

describeStrangerRule('@nostr-relay/core', (options) => startForwarded(options))

describe('serve --upstream', () => {
  const scene = new RuleScene<RuleTarget>(async (gateway) => {
    const store = memoryStore()
    return Object.assign(await startTestProxy({ store, gateway, proxy }), { store })
  })

  it('knows by the list that the relay had before the author came with packages', async () => {
    const target = await scene.start(DEFAULTS)
    const tags = [['p', bob.pubkey]]
    target.relay?.keep(signEvent(alice.secretKey, { kind: 3, created_at: target.now(), tags, content: '' }))
    await scene.publish(target, alice, 10)
    await learns(target, 'followed')
    const fresh = await scene.claims(target, 6)
    const shared = await scene.claim(target, 21, carol)
    expect(idsOf([...fresh, shared])).not.toContain((await scene.claim(target, 22, bob)).id)
  })
})

describe('a relay with `isKnown`', () => {
  const dave = person('dave')
  const asked: string[][] = []
  const isKnown: IsKnown = (...pair) => {
    asked.push(pair)
    return pair[1] === bob.pubkey
  }
  const scene = new RuleScene((options) => startForwarded(options, isKnown))

  it('is asked only when strangers have had their share, and says who gets a fresh package', async () => {
    const target = await scene.start(DEFAULTS)
    await scene.publish(target, alice, 10)
    const fresh = [...(await scene.claims(target, 5)), await scene.claim(target, 20, carol)]
    expect(asked).toEqual([])
    const shared = await scene.claim(target, 21, dave)
    expect(idsOf([...fresh, shared])).not.toContain((await scene.claim(target, 22, bob)).id)
    expect(asked).toEqual([
      [alice.pubkey, dave.pubkey],
      [alice.pubkey, bob.pubkey],
    ])
  })
})
