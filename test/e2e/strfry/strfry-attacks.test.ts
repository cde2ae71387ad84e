/** What a stranger may try on the real strfry behind the proxy, to see key packages stored in strfry (I4). */

import { describe, expect, it } from '@jest/globals'
import type { SignedEvent } from '../../../plugin/nostr/messages.ts'
import { Client } from '../../support/client.ts'
import { signEvent } from '../../support/key-packages.ts'
import { alice, bob, idsOf, newEvent, Scene } from '../behaviour/scene.ts'
import { strfryProgram } from './strfry-relay.ts'
import { type StrfryTarget, startStrfry } from './strfry-target.ts'

/** Negentropy (NIP-77): I have nothing, so tell me the ids of all you have. */
const HAVE_NOTHING = '6100000200'
const describeStrfry = strfryProgram === undefined ? describe.skip : describe

describeStrfry.each(['here', 'upstream'] as const)(
  'key packages stored in strfry, proxy.publish: %s',
  (publish) => {
    const scene = new Scene<StrfryTarget>((options) => startStrfry(options, { publish }))

    async function start() {
      const target = await scene.start()
      const note = noteBy(alice, target.now())
      const [first, second] = [await newEvent(target, alice), await newEvent(target, alice)]
      await target.strfry.import(note, first)
      return { target, note, first, second, stranger: await scene.connect(target, bob) }
    }

    it('are shown by no REQ, whatever its filters', async () => {
      const { note, first, stranger } = await start()
      for (const filter of [
        {},
        { ids: [first.id] },
        { authors: [alice.pubkey] },
        { since: 1 },
        { '#i': first.tags.flatMap(([name, value]) => (name === 'i' ? [String(value)] : [])) },
        { kinds: [1, 443], ids: idsOf([first, note]), authors: [alice.pubkey] },
        { kinds: [443 + 65_536] },
      ]) {
        const { events } = await stranger.request('any', filter)
        expect([filter, idsOf(events).filter((id) => id !== note.id)]).toEqual([filter, []])
      }
      for (const frame of [
        `["REQ","s",{"kinds":[1],"kinds":[443]}]`,
        `["REQ","s",{"\\u006binds":[443]}]`,
        `["REQ","s",[{"kinds":[443]}]]`,
        ` ["REQ","s",{"kinds":[443.0],"ids":["${first.id}"]}]`,
        `["EVENT",{"kind":1},["REQ","s",{}]]`,
        `["NEG-MSG","s"]["REQ","s",{}]`,
      ]) {
        stranger.sendRaw(frame)
      }
      expect(shown(await stranger.rest(), first)).toEqual([])
    })

    it('are sent by no live feed when they are imported, except to their author', async () => {
      const { target, second, stranger } = await start()
      const owner = await scene.connect(target, alice)
      for (const client of [stranger, owner]) {
        await client.request('all', {})
        await client.request('alices', { authors: [alice.pubkey], limit: 0 })
      }
      const later = noteBy(alice, target.now())
      await target.strfry.import(second, later)
      for (const client of [stranger, owner])
        for (const id of ['all', 'alices']) await hears(client, id, later)
      expect(shown(owner.history, second)).toHaveLength(2)
      expect(shown(stranger.history, second)).toEqual([])
    })

    it('are revealed by no COUNT or negentropy', async () => {
      const { target, note, first, stranger } = await start()
      const direct = await Client.connect(target.strfry.url)
      const everything = { kinds: [1, 443] }
      expect(await direct.count('all', everything)).toEqual({ count: 2 })
      expect(await stranger.count('all', everything)).toEqual({ count: 1 })
      const idsFor = async (client: Client) => {
        client.send(['NEG-OPEN', 'sync', everything, HAVE_NOTHING])
        return String((await client.until('NEG-MSG', 'sync')).at(-1)?.[2])
      }
      expect(await idsFor(direct)).toContain(first.id)
      const told = await idsFor(stranger)
      expect(told).toContain(note.id)
      expect(told).not.toContain(first.id)
      for (const filter of [{}, { authors: [alice.pubkey] }, { ids: [first.id] }, { kinds: [443] }]) {
        expect(await stranger.count('count', filter)).toMatch(/^restricted: /)
        stranger.send(['NEG-OPEN', 'other', filter, HAVE_NOTHING])
        expect((await stranger.untilAny('NEG-ERR', 'NEG-MSG')).at(-1)?.[0]).toBe('NEG-ERR')
      }
    })
  },
)

let notes = 0
function noteBy({ secretKey }: typeof alice, now: number): SignedEvent {
  notes += 1
  return signEvent(secretKey, { kind: 1, created_at: now, tags: [], content: `note ${notes}` })
}

/** Resolves once a subscription has received an event. */
async function hears(client: Client, id: string, { id: eventId }: SignedEvent): Promise<void> {
  const isHeard = () =>
    client.history.some(([verb, subscription, event]) => {
      return verb === 'EVENT' && subscription === id && Object(event).id === eventId
    })
  while (!isHeard()) await client.until('EVENT')
}

/** The messages that contain an event, or its content. */
function shown(messages: Client['history'], { id, content }: SignedEvent): unknown[] {
  return messages.filter(([verb, ...rest]) => {
    const text = JSON.stringify(rest)
    return verb !== 'OK' && (text.includes(id) || text.includes(content))
  })
}
