/** How each REQ for another author's key packages is answered (adapters/client/README.md, "The protocol"). */

import { describe, expect } from '@jest/globals'
import { type Client, isEnd } from '../../support/client.ts'
import { person } from '../../support/people.ts'
import type { Rows } from './rows.ts'
import {
  alice,
  bob,
  carol,
  EACH_ANEW,
  eventOf,
  idsOf,
  newEvent,
  packagesOf,
  Scene,
  type StartTarget,
} from './scene.ts'

const BROWSING = 'restricted: a key package query must name its authors'

export function describeQueries(startTarget: StartTarget, it: Rows): void {
  describe('a REQ for key packages', () => {
    const scene = new Scene(startTarget)

    it('{"kinds":[443],"authors":[a,b,c]}: one claim per distinct author in the REQ, one package each', async () => {
      const { target, client } = await scene.stocked(2)
      for (const author of [bob, carol]) await scene.publish(target, author, 2)
      const { events, closed } = await client.request('claim', packagesOf(alice, bob, carol, alice))
      expect(closed).toBeUndefined()
      expect(events.map(({ pubkey }) => pubkey).sort()).toEqual(
        [alice, bob, carol].map(({ pubkey }) => pubkey).sort(),
      )
    })

    it('`limit` is per author: min(limit, perAuthor)', async () => {
      const { client } = await scene.stocked(6, { claim: { perAuthor: 2, redeliverySeconds: 0 } })
      const delivered = async (limit: object) =>
        (await client.request('claim', { ...packagesOf(alice), ...limit })).events.length
      expect(await delivered({})).toBe(2)
      expect(await delivered({ limit: 100 })).toBe(2)
      expect(await delivered({ limit: 1 })).toBe(1)
    })

    it('`limit: 0` claims nothing', async () => {
      const { events, client } = await scene.stocked(2, { quota: { perAuthor: { max: 1 } } })
      for (const turn of [1, 2]) {
        expect(await client.request(`none ${turn}`, { ...packagesOf(alice), limit: 0 })).toEqual({
          events: [],
          notices: [],
          closed: undefined,
        })
      }
      expect(idsOf((await client.request('claim', packagesOf(alice))).events)).toEqual([events[0]?.id])
    })

    it('several filters, one author: one claim for that author', async () => {
      const { client } = await scene.stocked(4)
      const filters = [packagesOf(alice), { ...packagesOf(alice), since: 1 }, packagesOf(alice, bob)]
      expect((await client.request('claim', ...filters)).events).toHaveLength(1)
    })

    it('`since`, `until`, `ids` beside authors, `#i`, other tags: narrow the candidates', async () => {
      const { events, target, client } = await scene.stocked(5, EACH_ANEW)
      const tagged = await newEvent(target, alice, { tags: { t: ['phone'] } })
      await client.publish(tagged)
      const claimed = async (narrowing: object) => {
        const reply = await client.request('claim', { ...packagesOf(alice), ...narrowing })
        return idsOf(reply.events)
      }
      const [first, second, third, fourth] = events
      expect(await claimed({ until: (first?.created_at ?? 0) - 1 })).toEqual([])
      expect(await claimed({ since: fourth?.created_at, until: fourth?.created_at })).toEqual([fourth?.id])
      expect(await claimed({ ids: [third?.id] })).toEqual([third?.id])
      expect(await claimed({ ids: ['0'.repeat(64)] })).toEqual([])
      expect(await claimed({ '#i': ['0'.repeat(64)] })).toEqual([])
      expect(await claimed({ '#t': ['phone'] })).toEqual([tagged.id])
      expect(await claimed({ since: second?.created_at })).toEqual([second?.id])
    })

    it('"last" is still judged on the whole stock', async () => {
      const { events, client } = await scene.stocked(2, EACH_ANEW)
      const [, second] = events
      const narrowed = { ...packagesOf(alice), ids: [second?.id] }
      expect(idsOf((await client.request('claim', narrowed)).events)).toEqual([second?.id])
      expect((await client.request('again', narrowed)).events).toEqual([])
    })

    it('no `authors`, only key package filters: CLOSED', async () => {
      const { events, client } = await scene.stocked(1)
      for (const filter of [
        { kinds: [443] },
        { kinds: [443], authors: [] },
        { kinds: [443], ids: idsOf(events) },
        { kinds: [443], '#e': idsOf(events), limit: 1 },
      ]) {
        expect(await client.request('browse', filter)).toEqual({ events: [], notices: [], closed: BROWSING })
      }
    })

    it('no `authors`, a filter with a multi-letter tag: CLOSED', async () => {
      const { client } = await scene.stocked(1)
      const filter = { kinds: [443], '#relays': ['wss://relay.example.com'], limit: 1 }
      expect((await client.request('browse', filter)).closed).toBe(BROWSING)
    })

    it("a filter without `kinds`: an owner's own, named by `ids`, are added", async () => {
      const { target, events, client } = await scene.stocked(3)
      const [first, second] = events
      const owner = await scene.connect(target, alice)
      const filter = { ids: idsOf([first, second].flatMap((event) => event ?? [])) }
      expect((await owner.request('own', filter)).events).toEqual([second, first])
      expect(await endsOf(owner, 'own')).toBe(0)
      expect((await client.request('others', filter)).events).toEqual([])
    })

    it('no `authors`, next to other filters: those are answered, and a NOTICE says the same', async () => {
      const { events, client } = await scene.stocked(2)
      const reply = await client.request('mixed', { kinds: [443, 10051] }, packagesOf(alice))
      expect(idsOf(reply.events)).toEqual([events[0]?.id])
      expect(reply.notices).toEqual([BROWSING])
      expect(reply.closed).toBeUndefined()
    })

    it('a filter for other kinds too: the rest is forwarded without the key package kind', async () => {
      const { target, events, client } = await scene.stocked(2)
      const list = eventOf(target, alice, 10051, [['relay', 'wss://relay.example.com']])
      await client.publish(list)
      const reply = await client.request('mixed', { kinds: [10051, 443], authors: [alice.pubkey] })
      expect(idsOf(reply.events)).toEqual([events[0]?.id, list.id])
      expect(await endsOf(client, 'mixed')).toBe(0)
    })

    it('more than `maxAuthors`: CLOSED', async () => {
      const target = await scene.start()
      const client = await scene.connect(target)
      const authors = Array.from({ length: 501 }, (_, index) => person(`author ${index}`))
      expect((await client.request('many', packagesOf(...authors))).closed).toBe(
        'restricted: at most 500 authors per key package query',
      )
      expect(await client.request('enough', packagesOf(...authors.slice(1)))).toEqual({
        events: [],
        notices: [],
        closed: undefined,
      })
    })

    it('a filter without `kinds`: key packages of others are removed from the results (I4)', async () => {
      const { events, client } = await scene.stocked(3)
      for (const filter of [
        {},
        { authors: [alice.pubkey] },
        { ids: idsOf(events) },
        { '#e': idsOf(events) },
      ]) {
        expect((await client.request('wildcard', filter)).events).toEqual([])
      }
      const { events: claimed } = await client.request('claim', packagesOf(alice))
      expect(idsOf(claimed)).toEqual([events[0]?.id])
    })

    it('an author without packages: no event for that author, then EOSE', async () => {
      const { client } = await scene.stocked(1)
      const { events, closed } = await client.request('claim', packagesOf(bob, alice))
      expect(events.map(({ pubkey }) => pubkey)).toEqual([alice.pubkey])
      expect(closed).toBeUndefined()
    })

    it('quota used up for some authors: the others are served, then NOTICE, then EOSE (I5)', async () => {
      const { target, client } = await scene.stocked(4, { quota: { perAuthor: { max: 2 } } })
      await scene.publish(target, bob, 2)
      for (const turn of [1, 2]) await client.request(`${turn}`, packagesOf(alice))
      client.send(['REQ', 'both', packagesOf(alice, bob)])
      const answer = await client.until('EOSE', 'both')
      expect(answer).toEqual([
        ['EVENT', 'both', expect.objectContaining({ pubkey: bob.pubkey })],
        [
          'NOTICE',
          expect.stringMatching(
            /^rate-limited: 1 of 2 authors: 2 queries per 3600 s for each author; try again in \d+ s$/,
          ),
        ],
        ['EOSE', 'both'],
      ])
    })

    it('quota used up for all: CLOSED, however much is in stock (I5)', async () => {
      const { target, client } = await scene.stocked(3)
      for (let turn = 1; turn <= 10; turn++) {
        const { events, closed } = await client.request(`${turn}`, packagesOf(alice))
        expect([events.length, closed]).toEqual([1, undefined])
      }
      await scene.publish(target, alice, 3, 30)
      expect((await client.request('eleventh', packagesOf(alice))).closed).toMatch(
        /^rate-limited: 10 queries per 3600 s for each author; try again in \d+ s$/,
      )
    })

    it('EOSE precedes CLOSED: a client that waits for EOSE alone does not hang', async () => {
      const { client } = await scene.stocked(2, { quota: { perRequester: { max: 1 } } })
      await client.request('first', packagesOf(alice))
      for (const [id, filter] of [
        ['limited', packagesOf(alice)],
        ['browsing', { kinds: [443] }],
      ] as const) {
        client.send(['REQ', id, filter])
        expect(await client.until('CLOSED', id)).toEqual([
          ['EOSE', id],
          ['CLOSED', id, expect.stringMatching(/^(rate-limited|restricted): /)],
        ])
      }
    })

    it('`requester: auth`, not authenticated: AUTH challenge and CLOSED', async () => {
      const { target, client } = await scene.stocked(1, { requester: 'auth' })
      const challenge = await client.challenge()
      await client.rest()
      client.send(['REQ', 'claim', packagesOf(alice)])
      expect(await client.until('CLOSED', 'claim')).toEqual([
        ['AUTH', challenge],
        ['CLOSED', 'claim', 'auth-required: authenticate to query key packages'],
      ])
      await client.authenticate(bob, target.now())
      expect((await client.request('claim', packagesOf(alice))).events).toHaveLength(1)
    })

    it('always exactly one EOSE, after the claimed events', async () => {
      const { client } = await scene.stocked(3)
      const filters = [
        [packagesOf(alice)],
        [packagesOf(bob)],
        [{ kinds: [443, 10051], authors: [alice.pubkey] }],
      ]
      for (const [index, some] of filters.entries()) {
        await client.request(`sub ${index}`, ...some)
        expect(await endsOf(client, `sub ${index}`)).toBe(0)
      }
    })
  })
}

/** How many EOSE and CLOSED arrive for a subscription after the first one. */
async function endsOf(client: Client, id: string): Promise<number> {
  return (await client.rest()).filter((message) => isEnd(message, id)).length
}
