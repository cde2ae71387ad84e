/** Whom a connection is authenticated as (NIP-42), and which authors the gateway asks for more packages. */

import { describe, expect } from '@jest/globals'
import type { SignedEvent } from '../../../plugin/nostr/messages.ts'
import type { Client } from '../../support/client.ts'
import { eventually } from '../../support/eventually.ts'
import { type AuthSettings, authEvent } from '../../support/gateway.ts'
import { type Person, person } from '../../support/people.ts'
import type { Rows } from './rows.ts'
import { alice, bob, carol, eventOf, packagesOf, Scene, type StartTarget, type Target } from './scene.ts'

const LOW = ['REQ', 'keypackages:low', { kinds: [443], authors: [alice.pubkey] }]

type MakeAuth = (target: Target, challenge: string) => SignedEvent

const ELSEWHERE = 'wss://elsewhere.example.com'

/** Bob's answer to a challenge, valid apart from these settings. */
function bobsAuth({ url, now }: Target, settings: AuthSettings): SignedEvent {
  return authEvent(bob, { relay: url, createdAt: now(), ...settings })
}

const refused: readonly (readonly [what: string, make: MakeAuth])[] = [
  ['another challenge', (target) => bobsAuth(target, { challenge: 'f'.repeat(32) })],
  ['another relay', (target, challenge) => bobsAuth(target, { challenge, relay: ELSEWHERE })],
  [
    'a time 11 minutes ago',
    (target, challenge) => bobsAuth(target, { challenge, createdAt: target.now() - 660 }),
  ],
  [
    'a time 11 minutes ahead',
    (target, challenge) => bobsAuth(target, { challenge, createdAt: target.now() + 660 }),
  ],
  [
    "somebody else's name",
    (target, challenge) => ({ ...bobsAuth(target, { challenge }), pubkey: carol.pubkey }),
  ],
  ['another kind', (target, challenge) => bobsAuth(target, { challenge, kind: 1 })],
]

export function describeAuthentication(startTarget: StartTarget, it: Rows): void {
  describe('authentication (NIP-42)', () => {
    const scene = new Scene(startTarget)
    const isOwner = async (target: Target, client: Client, who: Person) =>
      typeof (await client.count(`of ${target.now()}`, packagesOf(who))) === 'object'

    it('a new challenge for each client that connects', async () => {
      const target = await scene.start()
      const challenges = await Promise.all([1, 2].map(async () => (await scene.connect(target)).challenge()))
      expect(new Set(challenges).size).toBe(2)
      for (const challenge of challenges) expect(challenge).toMatch(/^.{16,}$/)
    })

    it.each(refused)('an AUTH with %s is not accepted', async (_what, make) => {
      const target = await scene.start()
      const client = await scene.connect(target)
      const event = make(target, await client.challenge())
      client.send(['AUTH', event])
      expect((await client.until('OK', event.id)).at(-1)?.[2]).toBe(false)
      for (const someone of [bob, carol]) expect(await isOwner(target, client, someone)).toBe(false)
    })

    it('an AUTH for another connection is not accepted on this one', async () => {
      const target = await scene.start()
      const [victim, thief] = [await scene.connect(target), await scene.connect(target)]
      const event = authEvent(alice, {
        challenge: await victim.challenge(),
        relay: target.url,
        createdAt: target.now(),
      })
      thief.send(['AUTH', event])
      expect((await thief.until('OK', event.id)).at(-1)?.[2]).toBe(false)
      expect(await isOwner(target, thief, alice)).toBe(false)
    })

    it('several pubkeys per connection are kept', async () => {
      const target = await scene.start()
      const client = await scene.connect(target)
      for (const someone of [alice, bob]) await client.authenticate(someone, target.now())
      for (const someone of [alice, bob]) expect(await isOwner(target, client, someone)).toBe(true)
      expect(await isOwner(target, client, carol)).toBe(false)
    })

    it('an owner who asked before has used up no package and no quota (I10)', async () => {
      const { target, events, client } = await scene.stocked(3, { quota: { perRequester: { max: 1 } } })
      expect((await client.request('early', packagesOf(alice))).events).toHaveLength(1)
      await client.authenticate(alice, target.now())
      expect((await client.request('own', packagesOf(alice))).events).toEqual(events.toReversed())
      const [published] = await scene.publish(target, alice, 1, 10)
      const isPushed = (subscription: string) =>
        client.history.some(
          ([verb, id, event]) =>
            verb === 'EVENT' && id === subscription && (event as SignedEvent).id === published?.id,
        )
      await eventually(
        'both subscriptions are those of the owner',
        () => isPushed('early') && isPushed('own'),
      )
      const neighbour = await scene.connect(target)
      expect((await neighbour.request('claim', packagesOf(alice))).events).toHaveLength(1)
      expect((await neighbour.request('more', packagesOf(alice))).closed).toMatch(/^rate-limited: /)
    })

    it('a requester who asked before gets the same package after', async () => {
      const { target, client } = await scene.stocked(3, { claim: { redeliverySeconds: 60 } })
      const { events } = await client.request('early', packagesOf(alice))
      await client.authenticate(bob, target.now())
      expect((await client.request('again', packagesOf(alice))).events).toEqual(events)
    })

    it('is not published: kind 22242 is refused as an EVENT', async () => {
      const target = await scene.start()
      const client = await scene.connect(target)
      const [accepted] = await client.publish(eventOf(target, bob, 22242, []))
      expect(accepted).toBe(false)
    })
  })

  describe('replenishment', () => {
    const scene = new Scene(startTarget)

    it('asks an author who authenticates while low, and expects no answer', async () => {
      const { target } = await scene.stocked(2)
      const author = await scene.connect(target, alice)
      expect(await author.until('REQ')).toEqual([LOW])
      author.send(['EOSE', 'keypackages:low'])
      expect(await author.publish(eventOf(target, alice, 10051, [['relay', target.url]]))).toEqual([true, ''])
    })

    it('asks every connection of the author when a claim leaves the stock low, and nobody else', async () => {
      const { target, client } = await scene.stocked(3)
      const authors = [await scene.connect(target, alice), await scene.connect(target, alice)]
      const stranger = await scene.connect(target, person('dave'))
      for (const author of authors) expect(await author.rest()).toEqual([])
      await client.request('claim', packagesOf(alice))
      for (const author of authors) expect(await author.until('REQ')).toEqual([LOW])
      await client.request('again', packagesOf(alice))
      for (const listener of [...authors, stranger]) expect(await listener.rest()).toEqual([])
    })

    it('asks nobody if it is disabled', async () => {
      const { target } = await scene.stocked(1, { replenish: { enabled: false } })
      const author = await scene.connect(target, alice)
      expect(await author.rest()).toEqual([])
    })
  })
}
