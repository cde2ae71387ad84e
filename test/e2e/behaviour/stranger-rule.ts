/** Who gets a fresh package with the default options, on the wire: strangers up to their share, and whom the author knows (DESIGN section 6). */

import { describe, expect, it, jest } from '@jest/globals'
import type { SignedEvent } from '../../../plugin/nostr/messages.ts'
import { type OptionsInput, resolveOptions } from '../../../plugin/options.ts'
import type { KeyPackageStore } from '../../../plugin/store.ts'
import { Client } from '../../support/client.ts'
import { eventually } from '../../support/eventually.ts'
import type { Person } from '../../support/people.ts'
import type { TestRelay } from '../../support/relay.ts'
import { alice, bob, carol, eventOf, idsOf, newEvent, packagesOf, Scene, type Target } from './scene.ts'

/** A relay that believes the X-Forwarded-For of its clients. */
export interface RuleTarget extends Target {
  readonly store: KeyPackageStore
  /** The one behind, if there is one. */
  readonly relay?: TestRelay
  /** Undefined where the clock is the machine's. */
  readonly advance?: (seconds: number) => void
}

const { quota, stock } = resolveOptions({})
/** Named, because set-ups of tests switch the rule off. */
export const DEFAULTS: OptionsInput = {
  quota: { strangers: quota.strangers, freshPerAddress: quota.freshPerAddress },
  stock: { keep: stock.keep, low: stock.low },
}

const PACKAGES = 10
/** Of ten packages three are kept, and one stays. */
const FOR_STRANGERS = 6
const DAY = 86_400

export class RuleScene<Kind extends RuleTarget = RuleTarget> extends Scene<Kind> {
  /** Ten packages of Alice, who follows Bob: his list has arrived. */
  async followed(): Promise<{ target: Kind; events: readonly SignedEvent[] }> {
    const target = await this.start(DEFAULTS)
    const events = await this.publish(target, alice, PACKAGES)
    const client = await this.connect(target)
    expect((await client.publish(eventOf(target, alice, 3, [['p', bob.pubkey]])))[0]).toBe(true)
    await learns(target, 'followed')
    return { target, events }
  }

  /** What a REQ for a package of Alice is answered, on a connection of its own. */
  async claim(target: Kind, address: number, as?: Person): Promise<SignedEvent> {
    const headers = { 'x-forwarded-for': `198.51.100.${address}` }
    const client = await Client.connect(target.url, { headers })
    try {
      if (as !== undefined) await client.authenticate(as, target.now())
      await client.rest()
      client.send(['REQ', 'invite', packagesOf(alice)])
      const [event, ...others] = await client.rest()
      // Nothing on the wire tells who is a stranger.
      expect([event?.slice(0, 2), ...others]).toEqual([
        ['EVENT', 'invite'],
        ['EOSE', 'invite'],
      ])
      return event?.[2] as SignedEvent
    } finally {
      await client.close()
    }
  }

  async claims(target: Kind, count: number): Promise<SignedEvent[]> {
    const events: SignedEvent[] = []
    for (let address = 1; address <= count; address++) events.push(await this.claim(target, address))
    return events
  }
}

/** That Alice follows Bob, or does not any more. */
export function learns({ store }: RuleTarget, expected: 'followed' | 'unknown'): Promise<boolean> {
  return eventually(`Bob is ${expected}`, async () => {
    return (await store.follows(alice.pubkey, [bob.pubkey])) === expected
  })
}

function lookUpsOf({ store, relay }: RuleTarget): () => number {
  const follows = jest.spyOn(store, 'follows')
  const asked = () => (relay?.received ?? []).filter((frame) => frame.startsWith('["REQ","follows:')).length
  const before = asked()
  return () => follows.mock.calls.length + asked() - before
}

export function describeStrangerRule<Kind extends RuleTarget>(
  name: string,
  start: (options: OptionsInput) => Promise<Kind>,
): void {
  describe(`the stranger rule: ${name}`, () => {
    const scene = new RuleScene<Kind>(start)

    it('strangers get six of ten, then all of them one; whom the author follows gets a fresh one', async () => {
      const { target, events } = await scene.followed()
      const lookUps = lookUpsOf(target)
      const fresh = await scene.claims(target, FOR_STRANGERS)
      expect(new Set(idsOf(fresh)).size).toBe(FOR_STRANGERS)
      // In peace, nobody is looked up.
      expect(lookUps()).toBe(0)
      const shared = await scene.claim(target, 21)
      expect(idsOf(fresh)).not.toContain(shared.id)
      expect(await scene.claim(target, 22)).toEqual(shared)
      expect(await scene.claim(target, 23, carol)).toEqual(shared)
      expect(lookUps()).toBeGreaterThan(0)
      const known = await scene.claim(target, 24, bob)
      expect(idsOf([...fresh, shared])).not.toContain(known.id)
      expect(events).toEqual(expect.arrayContaining([...fresh, shared, known]))
    })

    it('an address gets one fresh package a day, whoever comes from it', async () => {
      const { target } = await scene.followed()
      const [first] = await scene.claims(target, 1)
      const second = await scene.claim(target, 1, carol)
      expect(second.id).not.toBe(first?.id)
      expect(await scene.claim(target, 1)).toEqual(second)
      expect((await scene.claim(target, 2)).id).not.toBe(second.id)
      expect((await scene.claim(target, 1, bob)).id).not.toBe(second.id)
      if (target.advance === undefined) return
      target.advance(DAY)
      expect((await scene.claim(target, 1)).id).not.toBe(second.id)
    })

    it('whom an author followed who has vanished (NIP-62) is a stranger', async () => {
      const { target } = await scene.followed()
      const client = await scene.connect(target, alice)
      expect((await client.publish(eventOf(target, alice, 62, [['relay', 'ALL_RELAYS']])))[0]).toBe(true)
      await learns(target, 'unknown')
      for (let index = 1; index <= PACKAGES; index++) {
        const createdAt = target.now() + index
        expect((await client.publish(await newEvent(target, alice, { createdAt })))[0]).toBe(true)
      }
      await scene.claims(target, FOR_STRANGERS)
      const shared = await scene.claim(target, 21)
      expect(await scene.claim(target, 22, bob)).toEqual(shared)
    })
  })
}
