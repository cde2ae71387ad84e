/** Messages in nostream's message handler factory: who decides, who stores, who may see. */

import { afterEach, describe, expect, it } from '@jest/globals'
import type { SignedEvent } from '../../../../plugin/nostr/messages.ts'
import { alice, bob, carol, eventOf, idsOf, newEvent, Scene } from '../../../e2e/behaviour/scene.ts'
import type { Client } from '../../../support/client.ts'
import { eventually } from '../../../support/eventually.ts'
import { signEvent } from '../../../support/key-packages.ts'
import {
  inStock,
  keptBy,
  type NostreamTarget,
  startNostreamTarget,
} from '../../../support/nostream-target.ts'

const own: NostreamTarget[] = []
afterEach(async () => {
  for (const target of own.splice(0)) await target.stop()
})

async function start(...settings: Parameters<typeof startNostreamTarget>): Promise<NostreamTarget> {
  const target = await startNostreamTarget(...settings)
  own.push(target)
  return target
}

const scene = new Scene<NostreamTarget>((options) => startNostreamTarget(options))

let notes = 0
const noteOf = (target: NostreamTarget): SignedEvent => {
  notes += 1
  return signEvent(bob.secretKey, { kind: 1, created_at: target.now(), tags: [], content: `note ${notes}` })
}

/** Every OK for an EVENT until the connection is quiet; there should be exactly one. */
async function oksFor(client: Client, event: SignedEvent): Promise<unknown[]> {
  client.send(['EVENT', event])
  return (await client.rest()).filter(([verb, id]) => verb === 'OK' && id === event.id)
}

describe('follow lists', () => {
  const followsOf = (target: NostreamTarget, author: typeof alice, age: number) =>
    signEvent(author.secretKey, {
      kind: 3,
      created_at: target.now() - age,
      tags: [['p', carol.pubkey]],
      content: '',
    })
  const isFollowed = (target: NostreamTarget, author: typeof alice) =>
    eventually('carol is followed', async () => {
      return (await target.store.follows(author.pubkey, [carol.pubkey])) === 'followed'
    })

  it('are asked for over any connection that is open, though nostream makes a factory for each', async () => {
    const target = await start({}, { factories: 'by connection' })
    for (const author of [alice, bob]) await target.nostream.events.put(followsOf(target, author, 10))
    const [first, second] = [await scene.connect(target), await scene.connect(target)]
    for (const client of [first, second]) await client.rest()
    await first.publish(await newEvent(target, alice))
    await isFollowed(target, alice)
    expect(await second.rest()).toEqual([])
    await second.close()
    await first.publish(await newEvent(target, bob))
    await isFollowed(target, bob)
    expect(await first.rest()).toEqual([])
    expect(target.nostream.errors).toEqual([])
  })
})

describe('a key package', () => {
  it("that nostream refuses is refused in nostream's words, and the gateway never sees it", async () => {
    const target = await start({}, { blocked: [alice.pubkey] })
    const client = await scene.connect(target)
    const event = await newEvent(target, alice)
    expect(await oksFor(client, event)).toEqual([['OK', event.id, false, 'blocked: pubkey not allowed']])
    expect(await inStock(target)).toBe(0)
  })

  it("needs nostream's NIP-42 where nostream requires it", async () => {
    const target = await start({}, { authRequired: true })
    const client = await scene.connect(target)
    const event = await newEvent(target, alice)
    const why = 'auth-required: authentication is required to publish events'
    expect(await client.publish(event)).toEqual([false, why])
    await client.authenticate(alice, target.now())
    expect(await client.publish(event)).toEqual([true, ''])
    expect(client.history.filter(([verb]) => verb === 'AUTH')).toHaveLength(1)
  })

  it('is stored by the gateway once it has passed nostream, and answered once', async () => {
    const target = await scene.start()
    const client = await scene.connect(target)
    const event = await newEvent(target, alice)
    expect(await oksFor(client, event)).toEqual([['OK', event.id, true, '']])
    expect(await keptBy(target, 443)).toEqual([])
    expect(await inStock(target)).toBe(1)
  })

  it('that the gateway refuses is not stored, and answered once', async () => {
    const target = await scene.start({ custody: 'relay' })
    const client = await scene.connect(target)
    const event = await newEvent(target, alice, { content: '' })
    expect(await oksFor(client, event)).toEqual([
      ['OK', event.id, false, expect.stringMatching(/^invalid: /)],
    ])
    expect(await keptBy(target, 443)).toEqual([])
  })

  it('is stored by nostream too with custody relay, answered once, and shown only to its author (I4)', async () => {
    const target = await scene.start({ custody: 'relay' })
    const [client, stranger, author] = [
      await scene.connect(target),
      await scene.connect(target),
      await scene.connect(target, alice),
    ]
    for (const listener of [stranger, author]) await listener.request('all', { authors: [alice.pubkey] })
    const event = await newEvent(target, alice)
    expect(await oksFor(client, event)).toEqual([['OK', event.id, true, '']])
    expect(await keptBy(target, 443)).toEqual([event.id])
    expect(await stranger.rest()).toEqual([])
    expect(await author.until('EVENT')).toContainEqual(['EVENT', 'all', event])
    expect((await stranger.request('ids', { ids: [event.id] })).events).toEqual([])
  })
})

describe('other kinds that concern the gateway', () => {
  it.each<[what: string, kind: number, tags: (id: string) => string[][]]>([
    ['a deletion', 5, (id) => [['e', id]]],
    ['a request to vanish', 62, () => [['relay', 'ALL_RELAYS']]],
  ])('%s acts on the stock, is stored by nostream, and answered once', async (_what, kind, tags) => {
    const { target, events, client } = await scene.stocked(1)
    const event = eventOf(target, alice, kind, tags(events[0]?.id ?? ''))
    expect(await oksFor(client, event)).toEqual([['OK', event.id, true, '']])
    expect(await keptBy(target, kind)).toEqual([event.id])
    expect(await inStock(target)).toBe(0)
  })

  it("a request to vanish is for this relay if it names nostream's address", async () => {
    const { target, client } = await scene.stocked(1)
    await client.publish(eventOf(target, alice, 62, [['relay', target.url]]))
    expect(await inStock(target)).toBe(0)
  })

  it('one that the store fails to apply is refused and not stored (I7)', async () => {
    const { target, events, client } = await scene.stocked(1)
    await target.failStore()
    const tags = [
      ['e', events[0]?.id ?? ''],
      ['k', '443'],
    ]
    const deletion = eventOf(target, alice, 5, tags)
    const why = 'error: key packages are unavailable, try again'
    expect(await oksFor(client, deletion)).toEqual([['OK', deletion.id, false, why]])
    expect(await keptBy(target, 5)).toEqual([])
  })
})

describe('key packages already in nostream', () => {
  const before = async () => {
    const target = await scene.start()
    const old = await newEvent(target, alice)
    const note = noteOf(target)
    for (const event of [old, note]) await target.nostream.events.put(event)
    return { target, old, note }
  }

  it.each([{}, { limit: 10 }, { authors: [alice.pubkey, bob.pubkey] }])(
    'are removed from the results of %j, except for their author (I4)',
    async (filter) => {
      const { target, old, note } = await before()
      const [stranger, author] = [await scene.connect(target, carol), await scene.connect(target, alice)]
      expect((await stranger.request('all', filter)).events).toEqual([note])
      expect(new Set(idsOf((await author.request('all', filter)).events))).toEqual(new Set([old.id, note.id]))
    },
  )

  it('are removed from live feeds of other workers or mirrors; other kinds pass (I4)', async () => {
    const { target, old } = await before()
    const [stranger, author] = [await scene.connect(target, carol), await scene.connect(target, alice)]
    for (const listener of [stranger, author]) await listener.request('live', { since: target.now() - 600 })
    const note = noteOf(target)
    for (const event of [old, note]) target.nostream.broadcast(event)
    expect(await stranger.rest()).toEqual([['EVENT', 'live', note]])
    expect(await author.rest()).toEqual([
      ['EVENT', 'live', old],
      ['EVENT', 'live', note],
    ])
  })

  it('are not counted for anyone (I4)', async () => {
    const { target } = await before()
    const stranger = await scene.connect(target)
    for (const filter of [{}, { authors: [alice.pubkey] }]) {
      expect(await stranger.count('all', filter)).toMatch(/^restricted: /)
    }
    expect(await stranger.count('notes', { kinds: [1, 443], authors: [bob.pubkey] })).toEqual({ count: 1 })
  })
})
