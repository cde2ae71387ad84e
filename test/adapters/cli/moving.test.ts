/** A store that was exported and imported into any other store behaves the same. */

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { memoryStore } from '../../../adapters/storage/memory.ts'
import type { SignedEvent } from '../../../plugin/nostr/messages.ts'
import { rankOf } from '../../../plugin/publish/home.ts'
import type { MovableStore } from '../../../plugin/store.ts'
import { recordsIn } from '../../../plugin/store-records.ts'
import { claimBy, deletionOf, POLICY } from '../../contract/index.ts'
import { inOrder, storedPackages } from '../../contract/reading.ts'
import { STORE_URL } from '../../support/delivery-order.ts'
import { importLine } from '../../support/import-line.ts'
import { keyPackageEvent, makeKeyPackage, NOW, signEvent } from '../../support/key-packages.ts'
import { type Person, person } from '../../support/people.ts'
import { RealStores } from '../../support/real-stores.ts'
import { verifyEvent } from '../../support/signing.ts'

let real: RealStores

beforeAll(async () => {
  real = await RealStores.start()
})
const opened: MovableStore[] = []
afterAll(async () => {
  for (const store of opened) await store.close()
  await real?.stop()
})

const STORES: Readonly<Record<string, () => Promise<MovableStore>>> = {
  memory: async () => memoryStore(),
  LMDB: async () => real.lmdb(),
  Redis: () => real.redis(),
}
const PAIRS = Object.keys(STORES).flatMap((from) => Object.keys(STORES).map((to) => [from, to] as const))

const [alice, bob, carol, dave, erin] = ['alice', 'bob', 'carol', 'dave', 'erin'].map(person) as [
  Person,
  Person,
  Person,
  Person,
  Person,
]
const PEOPLE = [alice, bob, carol, dave, erin]
const AUTHORS = PEOPLE.map(({ pubkey }) => pubkey)

/** Five real packages of each author, oldest first, in different encodings. */
const packages = new Map(await Promise.all(PEOPLE.map(async (who) => [who, await packagesOf(who)] as const)))
const slots = await Promise.all(['phone', 'desk', 'phone'].map((slot, age) => slotOf(erin, slot, NOW - age)))

describe('a store that is exported and imported', () => {
  it.each(PAIRS)('from %s to %s gives everyone the same answers', async (from, to) => {
    const [original, copy] = [await open(from), await open(to)]
    await populate(original)
    for (const line of await linesOf(original)) await importOne(copy, line)

    expect((await linesOf(copy)).sort()).toEqual((await linesOf(original)).sort())
    for (const event of [...packages.values(), slots].flat()) {
      expect(await importOne(copy, event)).toBe(await importOne(original, event))
    }
    for (const author of AUTHORS) {
      const [known, list] = [await original.remembered(author, NOW), await storedPackages(original, author)]
      const { names, deletions } = await copy.remembered(author, NOW)
      expect(new Set(names)).toEqual(new Set(known.names))
      expect(deletions).toEqual(known.deletions)
      expect(new Set(await storedPackages(copy, author))).toEqual(new Set(list))
    }
    for (const requester of ['xavier', 'yvonne', 'zoe', 'walter', 'victor', 'ursula']) {
      const claims = AUTHORS.map((author) => claimBy(requester, author))
      const outcomes = await copy.claim(claims, POLICY, NOW)
      expect(outcomes.map(inOrder)).toEqual((await original.claim(claims, POLICY, NOW)).map(inOrder))
    }
  })

  it.each(Object.keys(STORES))(
    'gives each one-time package its rank in the %s store it comes to',
    async (to) => {
      const store = await open(to)
      const events = [...(packages.get(alice) ?? []), ...slots]
      for (const event of events) await importOne(store, event)
      const ranks = await Promise.all([alice, erin].map(({ pubkey }) => store.list(pubkey, NOW)))
      const expected = events.map((event) => [
        event.id,
        event.kind === 443 ? rankOf(event, STORE_URL) : undefined,
      ])
      const listed = ranks.flat().map(({ id, rank }): [string, string | undefined] => [id, rank])
      for (const one of listed) expect(expected).toContainEqual(one)
      expect(listed).toHaveLength(7)
    },
  )

  it('is the same when it is imported twice', async () => {
    const [original, copy] = [memoryStore(), memoryStore()]
    await populate(original)
    const lines = await linesOf(original)
    for (const line of lines) await importOne(copy, line)
    for (const line of lines) await importOne(copy, line)
    expect((await linesOf(copy)).sort()).toEqual(lines.sort())
  })

  it('is the same for any order of lines, also where the events are there already (I3)', async () => {
    const [original, copy] = [memoryStore(), memoryStore()]
    await populate(original)
    const lines = await linesOf(original)
    for (const event of packages.get(dave) ?? []) await importOne(copy, event)
    for (const line of lines.toReversed()) await importOne(copy, line)
    expect((await linesOf(copy)).sort()).toEqual(lines.sort())
  })

  it('exports each event as its author signed it (I8)', async () => {
    const store = memoryStore()
    await populate(store)
    const exported: SignedEvent[] = []
    for await (const record of recordsIn(store, NOW)) if ('event' in record) exported.push(record.event)
    expect(exported).toHaveLength(12)
    for (const event of exported) expect(verifyEvent(event)).toBe(true)
  })
})

/** Puts some of everything that a store remembers into it. */
async function populate(store: MovableStore): Promise<void> {
  const claim = async (who: Person, requester: string) =>
    store.claim([claimBy(requester, who.pubkey)], POLICY, NOW)
  for (const event of [packages.get(alice) ?? [], slots].flat()) await importOne(store, event)
  await claim(alice, 'mallory')
  await store.drop(alice.pubkey, deletionOf({ ids: [packages.get(alice)?.[3]?.id ?? ''] }), NOW)

  const [, , last, ...later] = packages.get(bob) ?? []
  await importOne(store, last)
  for (const requester of ['mallory', 'trent']) await claim(bob, requester)
  await importOne(store, later[0])

  await importOne(store, packages.get(carol)?.[0])
  await claim(carol, 'mallory')

  for (const event of packages.get(dave) ?? []) await importOne(store, event)
  await store.drop(dave.pubkey, deletionOf({ everything: true, createdUntil: NOW }), NOW)

  await importOne(store, relayList(alice, NOW))
  await store.dropRelayLists(bob.pubkey, [10051], NOW)
  await store.dropRelayLists(carol.pubkey, [10002, 10051], NOW - 1)
  await importOne(store, relayList(carol, NOW))
  await importOne(store, relayList(alice, NOW, 10002))
  await store.putAccessRule({ list: 'ban', subject: dave.pubkey, reason: 'spam', at: NOW })
  await store.putAccessRule({ list: 'allow', subject: '203.0.113.0/24', at: NOW })
  await store.putInformation('name', 'Keys')
  await store.putInformation('icon', '')
  await importOne(store, relayList(alice, NOW - 1, 10050))
}

async function linesOf(store: MovableStore): Promise<string[]> {
  const lines: string[] = []
  for await (const record of recordsIn(store, NOW)) lines.push(JSON.stringify(record))
  return lines
}

/** Imports a line, or an event as a relay exports it. */
function importOne(store: MovableStore, what: string | SignedEvent | undefined): Promise<string> {
  const line = typeof what === 'string' ? what : JSON.stringify(what)
  return importLine(store, line, { now: NOW, storeUrl: STORE_URL, verifyEvent })
}

async function open(name: string): Promise<MovableStore> {
  const store = await STORES[name]?.()
  if (store === undefined) throw new Error(`there is no store ${name}`)
  opened.push(store)
  return store
}

async function packagesOf(who: Person): Promise<SignedEvent[]> {
  const lifetime = (index: number) => ({ notBefore: NOW - 100, notAfter: NOW + 86_400 * (index + 1) })
  return Promise.all(
    [0, 1, 2, 3, 4].map(async (index) => {
      const made = await makeKeyPackage(who, {
        lifetime: lifetime(index),
        lastResort: index % 2 === 0 ? 0x000a : null,
      })
      const hex = Buffer.from(made.bytes).toString('hex').toUpperCase()
      return keyPackageEvent(who, made, {
        createdAt: NOW - 100 + index,
        ...(index === 1 && { encoding: 'hex', content: hex }),
        tags: index === 2 ? { '-': [] } : {},
        place: { index, of: 5 },
      })
    }),
  )
}

async function slotOf(who: Person, slot: string, createdAt: number): Promise<SignedEvent> {
  return keyPackageEvent(who, await makeKeyPackage(who), { kind: 30443, createdAt, tags: { d: [slot] } })
}

function relayList({ secretKey }: Person, createdAt: number, kind = 10051): SignedEvent {
  const tags = [[kind === 10002 ? 'r' : 'relay', 'wss://relay.example.com']]
  return signEvent(secretKey, { kind, created_at: createdAt, tags, content: '' })
}
