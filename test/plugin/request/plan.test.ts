/** Each way to query the key packages of others, and its answer (adapters/client/README.md). */

import { describe, expect, it } from '@jest/globals'
import { keyPackageRef } from '../../../plugin/key-package/decode.ts'
import { eventsIn, idsIn, keyPackagesBy, startGateway, stock, wordsIn } from '../../support/gateway.ts'
import { keyPackageEvent, makeKeyPackage, NOW } from '../../support/key-packages.ts'
import { person } from '../../support/people.ts'

const alice = person('alice')
const bob = person('bob')
const carol = person('carol')
const EOSE = ['EOSE', 'sub']

describe('{"kinds":[443],"authors":[a,b,c]}', () => {
  it('is one claim for each distinct author: one package each, then EOSE', async () => {
    const test = startGateway()
    const packages = [...(await stock(test, alice, 3)), ...(await stock(test, bob, 3))]
    const client = test.connect()

    const { replies, forward } = await client.say('REQ', 'sub', keyPackagesBy(alice, bob, alice, carol))

    expect(eventsIn(replies).map(({ pubkey }) => pubkey)).toEqual([alice.pubkey, bob.pubkey])
    expect(packages.map(({ id }) => id)).toEqual(expect.arrayContaining(idsIn(replies)))
    expect(replies.at(-1)).toEqual(EOSE)
    expect(wordsIn(replies)).toEqual([EOSE])
    expect(forward).toBeUndefined()
    expect(await test.store.count([alice.pubkey, bob.pubkey], test.now)).toEqual([2, 2])
  })

  it.each([
    { perAuthor: 1, limit: 5, count: 1 },
    { perAuthor: 2, limit: undefined, count: 2 },
    { perAuthor: 2, limit: 1, count: 1 },
    { perAuthor: 2, limit: 100, count: 2 },
    { perAuthor: 2, limit: 0, count: 0 },
  ])('`limit` is per author: $limit of at most $perAuthor is $count', async ({ perAuthor, limit, count }) => {
    const test = startGateway({ claim: { perAuthor } })
    await stock(test, alice, 4)
    await stock(test, bob, 4)
    const filter = { ...keyPackagesBy(alice, bob), ...(limit !== undefined && { limit }) }
    const replies = await test.connect().ask('REQ', 'sub', filter)
    expect(idsIn(replies)).toHaveLength(2 * count)
    expect(wordsIn(replies)).toEqual([EOSE])
  })

  it('`limit: 0` claims nothing and costs no quota', async () => {
    const test = startGateway({ quota: { perAuthor: { max: 1 } } })
    await stock(test, alice, 2)
    const client = test.connect()
    await client.ask('REQ', 'none', { ...keyPackagesBy(alice), limit: 0 })
    expect(idsIn(await client.ask('REQ', 'sub', keyPackagesBy(alice)))).toHaveLength(1)
  })
})

describe('several filters, one author', () => {
  it('are one claim for that author, and packages that match either are candidates', async () => {
    const test = startGateway({ claim: { perAuthor: 2 }, quota: { perAuthor: { max: 1 } } })
    const [oldest, , newest] = await stock(test, alice, 3)
    const client = test.connect()
    const replies = await client.ask(
      'REQ',
      'sub',
      { ...keyPackagesBy(alice), ids: [newest?.id], limit: 1 },
      { ...keyPackagesBy(alice), ids: [oldest?.id] },
    )
    expect(idsIn(replies)).toEqual([oldest?.id, newest?.id])
    expect(wordsIn(replies)).toEqual([EOSE])
  })
})

describe('since, until, ids beside authors, #i, #d and other tags', () => {
  it('narrow the candidates', async () => {
    const made = await Promise.all([0, 1, 2].map(() => makeKeyPackage(alice)))
    const refs = made.map(({ bytes, ciphersuite }) => keyPackageRef(bytes, ciphersuite))
    const events = made.map((keyPackage, index) =>
      keyPackageEvent(alice, keyPackage, {
        createdAt: NOW - 3 + index,
        tags: { i: [String(refs[index])], x: [`x${index}`] },
        place: { index, of: 3 },
      }),
    )
    const claimed = async (narrowing: object) => {
      const test = startGateway()
      for (const event of events) await test.gateway.publish(event)
      return idsIn(await test.connect().ask('REQ', 'sub', { ...keyPackagesBy(alice), ...narrowing }))
    }
    const [first, second, third] = events.map(({ id }) => [id])
    expect(await claimed({})).toEqual(first)
    expect(await claimed({ since: NOW - 1 })).toEqual(third)
    expect(await claimed({ since: NOW - 2, until: NOW - 2 })).toEqual(second)
    expect(await claimed({ since: NOW - 1, until: NOW - 2 })).toEqual([])
    expect(await claimed({ ids: second })).toEqual(second)
    expect(await claimed({ ids: [] })).toEqual([])
    expect(await claimed({ '#i': [refs[1]] })).toEqual(second)
    expect(await claimed({ '#x': ['other', 'x2'] })).toEqual(third)
    expect(await claimed({ '#x': ['x2'], '#i': [refs[1]] })).toEqual([])
    expect(await claimed({ '#d': [''] })).toEqual([])
  })

  it('judges "last" on the whole stock: the only one that fits is spent beside another (I2)', async () => {
    const test = startGateway()
    const [, newer] = await stock(test, alice, 2)
    const filter = { ...keyPackagesBy(alice), ids: [newer?.id] }
    expect(idsIn(await test.connect().ask('REQ', 'sub', filter))).toEqual([newer?.id])
    expect(idsIn(await test.connect().ask('REQ', 'sub', filter))).toEqual([])
    expect(await test.store.count([alice.pubkey], test.now)).toEqual([1])
  })
})

describe('no `authors`', () => {
  it('only key package filters: CLOSED', async () => {
    const test = startGateway()
    await stock(test, alice, 1)
    const { replies, forward } = await test
      .connect()
      .say('REQ', 'sub', { kinds: [443] }, { kinds: [443], authors: [] })
    expect(replies).toEqual([
      EOSE,
      ['CLOSED', 'sub', 'restricted: a key package query must name its authors'],
    ])
    expect(forward).toBeUndefined()
  })

  it('with other filters: they run, and a NOTICE says the same', async () => {
    const test = startGateway()
    const [event] = await stock(test, alice, 1)
    const notice = ['NOTICE', 'restricted: a key package query must name its authors']

    const named = await test.connect().ask('REQ', 'sub', { kinds: [443] }, keyPackagesBy(alice))
    expect(idsIn(named)).toEqual([event?.id])
    expect(wordsIn(named)).toEqual([notice, EOSE])

    const mixed = await test.connect().say('REQ', 'sub', { kinds: [443, 1] })
    expect(mixed.replies).toEqual([notice])
    expect(mixed.forward).toEqual(['REQ', 'sub', { kinds: [1] }])
  })
})

describe('more than `maxAuthors`', () => {
  it('CLOSED; each author counts once', async () => {
    const test = startGateway({ claim: { maxAuthors: 2 } })
    const client = test.connect()
    const twice = await client.ask('REQ', 'sub', keyPackagesBy(alice, bob), keyPackagesBy(bob, alice))
    expect(twice).toEqual([EOSE])
    const many = await client.ask('REQ', 'sub', keyPackagesBy(alice, bob), keyPackagesBy(carol))
    expect(many).toEqual([EOSE, ['CLOSED', 'sub', 'restricted: at most 2 authors per key package query']])
  })

  it('500 by default', async () => {
    const authors = Array.from({ length: 501 }, (_, index) => index.toString(16).padStart(64, '0'))
    const replies = await startGateway()
      .connect()
      .ask('REQ', 'sub', { kinds: [443], authors })
    expect(replies).toEqual([
      EOSE,
      ['CLOSED', 'sub', 'restricted: at most 500 authors per key package query'],
    ])
  })

  it('at most 100 ids and tag values, which are compared with every package (I9)', async () => {
    const client = startGateway().connect()
    const values = Array.from({ length: 60 }, (_, index) => `value ${index}`)
    const filter = { ...keyPackagesBy(alice), ids: values, '#x': values.slice(0, 40) }
    expect(await client.ask('REQ', 'sub', filter)).toEqual([EOSE])
    expect(await client.ask('REQ', 'sub', filter, { ...keyPackagesBy(bob), '#y': ['one more'] })).toEqual([
      EOSE,
      ['CLOSED', 'sub', 'restricted: at most 100 ids and tag values per key package query'],
    ])
  })
})

describe('author has none', () => {
  it('no event for that author, then EOSE', async () => {
    const test = startGateway()
    const [event] = await stock(test, bob, 1)
    const replies = await test.connect().ask('REQ', 'sub', keyPackagesBy(alice, bob))
    expect(idsIn(replies)).toEqual([event?.id])
    expect(wordsIn(replies)).toEqual([EOSE])
  })
})

describe('#f is not a filter', () => {
  it.each([
    { hint: { '#f': ['base64'] }, encoding: 'base64' },
    { hint: { '#f': ['hex'] }, encoding: 'hex' },
    { hint: { '#f': ['cbor', 'base64', 'hex'] }, encoding: 'base64' },
    { hint: { '#f': ['cbor'] }, encoding: 'hex' },
    { hint: { '#f': [] }, encoding: 'hex' },
    { hint: {}, encoding: 'hex' },
  ])('but the output hint: $hint is answered in $encoding', async ({ hint, encoding }) => {
    const test = startGateway({ delivery: { encoding: 'hex' } })
    const [published] = await stock(test, alice, 1)
    const [event] = eventsIn(await test.connect().ask('REQ', 'sub', { ...keyPackagesBy(alice), ...hint }))
    expect(event?.tags).toContainEqual(['encoding', encoding])
    expect(event?.content).toBe(
      encoding === 'base64'
        ? published?.content
        : Buffer.from(String(published?.content), 'base64').toString('hex'),
    )
    expect(event).toEqual({ ...published, content: event?.content, tags: event?.tags })
  })
})
