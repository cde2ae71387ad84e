/** The answers to an EVENT with a key package: the checks of validate.ts (rows 1 to 17), quota and store. */

import { describe, expect, it } from '@jest/globals'
import type { SignedEvent } from '../../plugin/nostr/messages.ts'
import type { OptionsInput } from '../../plugin/options.ts'
import { challengeIn, idsIn, keyPackagesBy, keyPackagesOf, startGateway, stock } from '../support/gateway.ts'
import { keyPackageEvent, makeKeyPackage, NOW } from '../support/key-packages.ts'
import { person } from '../support/people.ts'

const alice = person('alice')
const bob = person('bob')

describe('row 1: event shape, id, signature', () => {
  it('answers OK false if there is an id, else NOTICE', async () => {
    const client = startGateway().connect()
    const [event] = await keyPackagesOf(alice, 1)
    expect(await client.ask('EVENT', { ...event, sig: 'x' })).toEqual([
      ['OK', event?.id, false, 'invalid: sig must be 128 lower-case hex characters'],
    ])
    expect(await client.ask('EVENT', { ...event, created_at: NOW })).toEqual([
      ['OK', event?.id, false, expect.stringMatching(/^invalid: the id is not the hash of the event/)],
    ])
    const forged = { ...event, sig: `${event?.sig.slice(0, -2)}00` }
    expect(await client.ask('EVENT', forged)).toEqual([
      ['OK', event?.id, false, 'invalid: the signature is wrong'],
    ])
    expect(await client.ask('EVENT')).toEqual([['NOTICE', 'invalid: an event must be a JSON object']])
    expect(await client.ask('EVENT', { kind: '443' })).toEqual([
      ['NOTICE', 'invalid: id must be 64 lower-case hex characters'],
    ])
  })

  it('detects an event that was changed after it was verified', async () => {
    const { gateway, store } = startGateway()
    const [event, other] = await keyPackagesOf(alice, 2)
    if (event === undefined) throw new Error('no key package')
    const verdicts = [
      await gateway.publish(event),
      await gateway.publish({ ...event, sig: String(other?.sig) }),
    ]
    expect(verdicts).toEqual([
      { outcome: 'stored', accepted: true, message: '' },
      { outcome: 'refused', accepted: false, message: 'invalid: the signature is wrong' },
    ])
    expect(await store.count([alice.pubkey], NOW)).toEqual([1])
  })
})

describe('row 2: ["-"]', () => {
  it('requires the connection to be authenticated as the author, and sends a challenge', async () => {
    const test = startGateway()
    const event = keyPackageEvent(alice, await makeKeyPackage(alice), { tags: { '-': [] } })
    const client = test.connect()
    const challenge = ['AUTH', challengeIn(client.pushed)]
    const refused = [
      challenge,
      ['OK', event.id, false, 'auth-required: this event may only be published by its author'],
    ]
    expect(await client.ask('EVENT', event)).toEqual(refused)
    await client.authenticate(bob)
    expect(await client.ask('EVENT', event)).toEqual(refused)
    await client.authenticate(alice)
    expect(await client.ask('EVENT', event)).toEqual([['OK', event.id, true, '']])
  })

  it('uses the pubkeys of an embedding relay with its own NIP-42', async () => {
    const test = startGateway()
    const event = keyPackageEvent(alice, await makeKeyPackage(alice), { tags: { '-': [] } })
    const known = new Set<string>()
    const client = test.connect({ authenticated: () => known })
    expect(client.pushed).toEqual([])
    expect(await client.ask('EVENT', event)).toEqual([
      ['OK', event.id, false, 'auth-required: this event may only be published by its author'],
    ])
    known.add(alice.pubkey)
    expect(await client.ask('EVENT', event)).toEqual([['OK', event.id, true, '']])
  })
})

describe('rows 4 to 17', () => {
  const refusals: {
    row: number
    options?: OptionsInput
    made?: Parameters<typeof makeKeyPackage>[1]
    change?: Parameters<typeof keyPackageEvent>[2]
    why: RegExp
  }[] = [
    { row: 4, change: { createdAt: NOW + 901 }, why: /^invalid: created_at / },
    { row: 4, change: { tags: { p: [bob.pubkey] } }, why: /^invalid: the p tag / },
    { row: 5, change: { tags: { expiration: [`${NOW}`] } }, why: /^invalid: the key package has expired$/ },
    { row: 5, change: { tags: { exp: [`${NOW}`] } }, why: /^invalid: the key package has expired$/ },
    { row: 6, change: { tags: { mls_protocol_version: ['2.0'] } }, why: /^invalid: / },
    { row: 7, change: { tags: { encoding: ['x'] } }, why: /^invalid: unsupported encoding "x"$/ },
    { row: 8, change: { content: '' }, why: /^invalid: content is empty/ },
    {
      row: 8,
      options: { validation: { maxBytes: 256 } },
      change: {},
      why: /^invalid: the key package has \d+ bytes/,
    },
    { row: 9, change: { content: 'AAAA' }, why: /^invalid: not an MLS KeyPackage \(.+\)$/ },
    { row: 10, change: { tags: { mls_ciphersuite: ['0x0002'] } }, why: /^invalid: the mls_ciphersuite tag/ },
    {
      row: 10,
      options: { validation: { ciphersuites: [2] } },
      change: {},
      why: /^invalid: ciphersuite 0x0001/,
    },
    {
      row: 12,
      made: { capabilities: { ciphersuites: [] } },
      why: /^invalid: ciphersuite 0x0001 is not in the capabilities/,
    },
    {
      row: 13,
      options: { validation: { requireLastResort: true } },
      made: { lastResort: null },
      change: { tags: { mls_extensions: ['0xf2ee'] } },
      why: /^invalid: neither the mls_extensions tag/,
    },
    { row: 16, change: { tags: { i: ['00'] } }, why: /^invalid: the i tag is not the KeyPackageRef/ },
    { row: 17, change: { kind: 30443 }, why: /^invalid: / },
  ]

  it.each(refusals)('row $row: OK false, $why', async ({ options = {}, made = {}, change = {}, why }) => {
    const test = startGateway(options)
    const event = keyPackageEvent(alice, await makeKeyPackage(alice, made), change)
    const replies = await test.connect().ask('EVENT', event)
    expect(replies).toEqual([['OK', event.id, false, expect.stringMatching(why)]])
    expect(await test.store.count([alice.pubkey], NOW)).toEqual([undefined])
  })

  it('row 9: bytes after the KeyPackage may be private keys', async () => {
    const keyPackage = await makeKeyPackage(alice)
    const bytes = Buffer.concat([keyPackage.bytes, Buffer.alloc(3)])
    const event = keyPackageEvent(alice, keyPackage, { bytes })
    expect(await startGateway().connect().ask('EVENT', event)).toEqual([
      [
        'OK',
        event.id,
        false,
        'invalid: 3 bytes follow the KeyPackage; a KeyPackageBundle holds private keys and must never be published',
      ],
    ])
  })

  it('rows 11, 14 and 15: the identity, the lifetime and both signatures', async () => {
    const client = startGateway().connect()
    const stolen = keyPackageEvent(alice, await makeKeyPackage(bob))
    const old = keyPackageEvent(
      alice,
      await makeKeyPackage(alice, { lifetime: { notBefore: NOW - 7200, notAfter: NOW } }),
    )
    const { bytes, ...keyPackage } = await makeKeyPackage(alice)
    const broken = keyPackageEvent(alice, { ...keyPackage, bytes: flipLast(bytes) })
    const why = async (event: typeof old) => (await client.ask('EVENT', event))[0]?.at(-1)
    expect(await why(stolen)).toBe("invalid: the credential's identity is not the pubkey of the author")
    expect(await why(old)).toMatch(/^invalid: the KeyPackage was valid until/)
    expect(await why(broken)).toBe('invalid: a signature of the KeyPackage or its leaf node is wrong')
  })
})

describe('row 18: publish quota', () => {
  it('rate-limited; known events are not counted, and the window slides', async () => {
    const test = startGateway({ quota: { publish: { max: 2 } } })
    const [first, second, third] = await keyPackagesOf(alice, 3)
    const client = test.connect()
    await client.authenticate(alice)
    for (const event of [first, first, second]) {
      expect((await client.ask('EVENT', event))[0]?.[2]).toBe(true)
    }
    const limited = [
      'OK',
      third?.id,
      false,
      'rate-limited: 2 key packages per 3600 s for each author; try again later',
    ]
    expect(await client.ask('EVENT', third)).toEqual([limited])
    test.now += 3600
    expect(await client.ask('EVENT', third)).toEqual([['OK', third?.id, true, '']])
  })

  it('counts what authors send that is older than the package in its slot: it is remembered (I9)', async () => {
    const test = startGateway({ quota: { publish: { max: 2 } } })
    const [newest, older, oldest] = await Promise.all(
      [0, 10, 20].map(async (age) =>
        keyPackageEvent(alice, await makeKeyPackage(alice), {
          kind: 30443,
          createdAt: NOW - age,
          tags: { d: ['phone'] },
        }),
      ),
    )
    const author = test.connect()
    await author.authenticate(alice)
    for (const event of [newest, older]) expect((await author.ask('EVENT', event))[0]?.[2]).toBe(true)
    expect((await author.ask('EVENT', oldest))[0]?.at(-1)).toMatch(/^rate-limited: 2 key packages .* author/)
    expect((await test.connect().ask('EVENT', oldest))[0]?.[2]).toBe(true)
  })

  it('per address: counts new packages sent by anybody but the authenticated author (I5)', async () => {
    const test = startGateway({ quota: { publish: { max: 1 }, publishPerAddress: { max: 3 } } })
    const [first, second, third, fourth, fifth] = await keyPackagesOf(alice, 5)
    const address = '2001:db8::1'
    const nobody = test.connect({ address })
    const stranger = test.connect({ address: '2001:db8::2' })
    await stranger.authenticate(bob)
    const known = 'duplicate: already received; it is not taken in again'
    for (const [client, event, message] of [
      [nobody, first, ''],
      [stranger, second, ''],
      [stranger, first, known],
      [nobody, second, known],
      [stranger, fifth, ''],
    ] as const) {
      expect(await client.ask('EVENT', event)).toEqual([['OK', event?.id, true, message]])
    }
    test.now += 600
    const limited = 'rate-limited: 3 key packages per 3600 s from one address; try again in 3000 s'
    for (const client of [nobody, stranger]) {
      expect(await client.ask('EVENT', third)).toEqual([['OK', third?.id, false, limited]])
    }
    // None of this counts towards the author's own quota, and the address does not limit the author.
    const author = test.connect({ address })
    await author.authenticate(alice)
    expect(await author.ask('EVENT', third)).toEqual([['OK', third?.id, true, '']])
    expect((await author.ask('EVENT', fourth))[0]?.at(-1)).toMatch(/^rate-limited: 1 key packages .* author/)
    expect(await test.connect().ask('EVENT', fourth)).toEqual([['OK', fourth?.id, true, '']])
  })

  it('is per author if the sender has no address', async () => {
    const { gateway } = startGateway({ quota: { publish: { max: 2 }, publishPerAddress: { max: 1 } } })
    const [first, second, third] = (await keyPackagesOf(alice, 3)) as [SignedEvent, SignedEvent, SignedEvent]
    expect((await gateway.publish(first)).accepted).toBe(true)
    expect(await gateway.accept(second)).toMatchObject({ outcome: 'stored', accepted: true })
    const refused = {
      outcome: 'refused',
      accepted: false,
      message: expect.stringMatching(/^rate-limited: 2 .* author/),
    }
    expect(await gateway.accept(third)).toEqual(refused)
    expect(await gateway.accept(third, { address: '192.0.2.1' })).toMatchObject({
      outcome: 'stored',
      accepted: true,
    })
    expect(await gateway.accept(third, { address: '192.0.2.1' })).toEqual({
      outcome: 'refused',
      accepted: false,
      message: 'rate-limited: 1 key packages per 3600 s from one address; try again in 3600 s',
    })
  })

  it('per address: refuses if the store cannot count (I7)', async () => {
    const down = () => Promise.reject(new Error('gone'))
    const test = startGateway({}, () => ({ hit: down }))
    const [event] = await keyPackagesOf(alice, 1)
    const unavailable = 'error: key packages are unavailable, try again'
    expect(await test.connect().ask('EVENT', event)).toEqual([['OK', event?.id, false, unavailable]])
    expect(await test.store.count([alice.pubkey], NOW)).toEqual([undefined])
  })
})

describe('row 19: the store', () => {
  it('duplicate', async () => {
    const test = startGateway()
    const [event] = await stock(test, alice, 1)
    const duplicate = [['OK', event?.id, true, 'duplicate: already received; it is not taken in again']]
    expect(await test.connect().ask('EVENT', event)).toEqual(duplicate)
  })

  it('duplicate also for the same KeyPackage in another event', async () => {
    const test = startGateway()
    const keyPackage = await makeKeyPackage(alice)
    const [event, again] = [1, 2].map((ago) => keyPackageEvent(alice, keyPackage, { createdAt: NOW - ago }))
    const client = test.connect()
    await client.ask('EVENT', event)
    expect(await client.ask('EVENT', again)).toEqual([
      ['OK', again?.id, true, 'duplicate: already received; it is not taken in again'],
    ])
  })

  it('spent: a claimed package never comes back, whoever publishes it again (I3)', async () => {
    const test = startGateway()
    const [event] = await stock(test, alice, 2)
    const client = test.connect()
    expect(idsIn(await client.ask('REQ', 'sub', keyPackagesBy(alice)))).toEqual([event?.id])
    expect(await client.ask('EVENT', event)).toEqual([
      ['OK', event?.id, true, 'duplicate: already received; it is not taken in again'],
    ])
    expect(await test.store.count([alice.pubkey], NOW)).toEqual([1])
  })

  it('spent: also in a new event, after the first one has expired but not its KeyPackage (I3)', async () => {
    const test = startGateway()
    const keyPackage = await makeKeyPackage(alice)
    const event = keyPackageEvent(alice, keyPackage, { tags: { expiration: [`${NOW + 60}`] } })
    const others = await keyPackagesOf(alice, 2)
    for (const each of [event, ...others]) await test.gateway.publish(each)
    await test.connect().ask('REQ', 'sub', { ...keyPackagesBy(alice), ids: [event.id] })
    test.now += 60
    await test.gateway.sweep()
    const again = keyPackageEvent(alice, keyPackage, { createdAt: NOW + 60 })
    expect(await test.gateway.publish(again)).toMatchObject({ outcome: 'spent' })
  })

  it('stale: the newest package of a slot stays, whatever the order', async () => {
    const test = startGateway()
    const [older, newer] = await Promise.all(
      [NOW - 10, NOW].map(async (createdAt) =>
        keyPackageEvent(alice, await makeKeyPackage(alice), {
          kind: 30443,
          createdAt,
          tags: { d: ['phone'] },
        }),
      ),
    )
    const client = test.connect()
    expect(await client.ask('EVENT', newer)).toEqual([['OK', newer?.id, true, '']])
    expect(await client.ask('EVENT', older)).toEqual([
      ['OK', older?.id, true, 'duplicate: already received; it is not taken in again'],
    ])
  })

  it('full', async () => {
    const test = startGateway()
    await stock(test, alice, 10)
    const event = keyPackageEvent(alice, await makeKeyPackage(alice))
    expect(await test.connect().ask('EVENT', event)).toEqual([
      ['OK', event.id, false, 'blocked: no room for more key packages'],
    ])
  })

  it('known events are answered with the same words to everybody but their author, who is told the truth', async () => {
    const test = startGateway({ kinds: [443, 30443], stock: { max: 2 } })
    const [spent, last, evenMore] = await keyPackagesOf(alice, 3)
    const keyPackage = await makeKeyPackage(alice)
    const slot = (createdAt: number) =>
      keyPackageEvent(alice, keyPackage, { kind: 30443, createdAt, tags: { d: ['phone'] } })
    const [newer, older] = [slot(NOW - 10), slot(NOW - 20)]
    const copy = keyPackageEvent(alice, keyPackage, { kind: 30443, tags: { d: ['desk'] } })
    for (const event of [spent, last, newer]) await test.gateway.publish(event as SignedEvent)
    await test.connect().ask('REQ', 'sub', { kinds: [443], authors: [alice.pubkey] })
    const [stranger, author] = [test.connect(), test.connect()]
    await author.authenticate(alice)
    const anybody = 'duplicate: already received; it is not taken in again'
    for (const [event, truth] of [
      [spent, 'duplicate: this key package was already used'],
      [last, 'duplicate: already have this key package'],
      [newer, 'duplicate: already have this key package'],
      [older, 'duplicate: a newer key package is in this slot'],
      [copy, `duplicate: this key package is published as ${newer.id}`],
    ] as const) {
      expect(await stranger.ask('EVENT', event)).toEqual([['OK', event?.id, true, anybody]])
      const repeated = event === older ? 'duplicate: this key package was already used' : truth
      expect(await author.ask('EVENT', event)).toEqual([['OK', event?.id, true, repeated]])
    }
    const oldest = slot(NOW - 30)
    expect(await author.ask('EVENT', oldest)).toEqual([
      ['OK', oldest.id, true, 'duplicate: a newer key package is in this slot'],
    ])
    await test.gateway.publish(evenMore as SignedEvent)
    const full = keyPackageEvent(alice, await makeKeyPackage(alice))
    expect(await author.ask('EVENT', full)).toEqual([
      ['OK', full.id, false, 'blocked: 2 of 2 key packages stored'],
    ])
  })

  it('full with overflow evict-oldest: the oldest is evicted and spent', async () => {
    const test = startGateway({ stock: { max: 2, overflow: 'evict-oldest' } })
    const [oldest] = await stock(test, alice, 2)
    const event = keyPackageEvent(alice, await makeKeyPackage(alice))
    const client = test.connect()
    expect(await client.ask('EVENT', event)).toEqual([['OK', event.id, true, '']])
    expect(await client.ask('EVENT', oldest)).toEqual([
      ['OK', oldest?.id, true, 'duplicate: already received; it is not taken in again'],
    ])
  })

  it('failure: OK only after the store has committed (I6), else a clear error (I7)', async () => {
    const test = startGateway({}, () => ({ put: () => Promise.reject(new Error('the disk is full')) }))
    const [event] = await keyPackagesOf(alice, 1)
    const unavailable = 'error: key packages are unavailable, try again'
    expect(await test.connect().ask('EVENT', event)).toEqual([['OK', event?.id, false, unavailable]])
    if (event)
      expect(await test.gateway.publish(event)).toEqual({
        outcome: 'refused',
        accepted: false,
        message: unavailable,
      })
    expect(test.logged.join()).not.toContain(String(event?.content))
  })
})

function flipLast(bytes: Uint8Array): Uint8Array {
  return bytes.with(-1, (bytes.at(-1) ?? 0) ^ 1)
}
