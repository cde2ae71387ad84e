/** KeyPackageGateway: custody, the methods for events without a connection, and its information. */

import { describe, expect, it } from '@jest/globals'
import type { SignedEvent } from '../../plugin/nostr/messages.ts'
import { SettingsError } from '../../plugin/settings.ts'
import { idsIn, keyPackagesBy, keyPackagesOf, startGateway, stock } from '../support/gateway.ts'
import { keyPackageEvent, makeKeyPackage, NOW, signEvent } from '../support/key-packages.ts'
import { person } from '../support/people.ts'

const alice = person('alice')
const bob = person('bob')

describe('custody', () => {
  it('gateway: the gateway answers OK itself, and the event is not forwarded', async () => {
    const test = startGateway()
    const [event] = await keyPackagesOf(alice, 1)
    const { replies, forward } = await test.connect().say('EVENT', event)
    expect(replies).toEqual([['OK', event?.id, true, '']])
    expect(forward).toBeUndefined()
    expect(await test.store.count([alice.pubkey], NOW)).toEqual([1])
  })

  it('relay: the message is forwarded, also when repeated, in the stock or used: the relay answers both alike', async () => {
    const test = startGateway({ custody: 'relay' })
    const [event, last] = await keyPackagesOf(alice, 2)
    const client = test.connect()
    const message = ['EVENT', event] as const
    for (const _turn of ['first', 'again']) {
      const answer = await client.session.fromClient(message)
      expect(answer).toEqual({ replies: [], forward: message })
      expect(answer.forward).toBe(message)
    }
    await client.say('EVENT', last)
    expect(idsIn(await client.ask('REQ', 'claim', keyPackagesBy(alice)))).toEqual([event?.id])
    expect(await client.say(...message)).toEqual({ replies: [], forward: message })
    expect(await test.store.count([alice.pubkey], NOW)).toEqual([1])
  })

  it.each(['gateway', 'relay'] as const)(
    '%s: an event without a connection is answered alike, in the stock or used',
    async (custody) => {
      const test = startGateway({ custody })
      const [used, inStock] = await stock(test, alice, 2)
      await test.connect().ask('REQ', 'claim', keyPackagesBy(alice))
      const answerTo = async (event: SignedEvent | undefined) => {
        if (event === undefined) throw new Error('expected two')
        const publication = await test.gateway.accept(event, { address: '192.0.2.9' })
        return publication.outcome === 'forward' ? 'forward' : [publication.accepted, publication.message]
      }
      const answer = await answerTo(used)
      expect(await answerTo(inStock)).toEqual(answer)
      expect(answer).toEqual(
        custody === 'relay' ? 'forward' : [true, 'duplicate: already received; it is not taken in again'],
      )
    },
  )

  it('relay: the author is told that a package was used, and it is not forwarded', async () => {
    const test = startGateway({ custody: 'relay' })
    const [event] = await stock(test, alice, 2)
    await test.connect().ask('REQ', 'claim', keyPackagesBy(alice))
    const owner = test.connect()
    await owner.authenticate(alice)
    expect(await owner.say('EVENT', event)).toEqual({
      replies: [['OK', event?.id, true, 'duplicate: this key package was already used']],
    })
  })

  it('relay: a refused event is not forwarded', async () => {
    const test = startGateway({ custody: 'relay' })
    const event = keyPackageEvent(alice, await makeKeyPackage(bob))
    const { replies, forward } = await test.connect().say('EVENT', event)
    expect(replies[0]?.slice(0, 3)).toEqual(['OK', event.id, false])
    expect(forward).toBeUndefined()
  })
})

describe('publish', () => {
  it('accepts a key package without a connection', async () => {
    const { gateway, store } = startGateway()
    const [event] = await keyPackagesOf(alice, 1)
    if (event === undefined) throw new Error('no key package')
    expect(await gateway.publish(event)).toEqual({ outcome: 'stored', accepted: true, message: '' })
    expect(await gateway.publish(event)).toEqual({
      outcome: 'duplicate',
      accepted: true,
      message: 'duplicate: already received; it is not taken in again',
    })
    expect(await store.stats()).toEqual({ authors: 1, packages: 1 })
  })

  it('takes the authenticated pubkeys and whether the relay has verified the event', async () => {
    const { gateway } = startGateway()
    const signed = keyPackageEvent(alice, await makeKeyPackage(alice), { tags: { '-': [] } })
    const event = { ...signed, sig: '0'.repeat(128) }
    expect((await gateway.publish(event, { isVerified: true })).message).toMatch(/^auth-required: /)
    expect((await gateway.publish(event, { authenticated: [alice.pubkey] })).message).toMatch(/^invalid: /)
    const both = { isVerified: true, authenticated: [alice.pubkey] }
    expect(await gateway.publish(event, both)).toEqual({ outcome: 'stored', accepted: true, message: '' })
  })

  it('never rejects: other kinds and invalid events are refused with a reason (I9)', async () => {
    const { gateway } = startGateway()
    const note = signEvent(alice.secretKey, { kind: 1, created_at: NOW, tags: [], content: '' })
    expect(await gateway.publish(note)).toEqual({
      outcome: 'refused',
      accepted: false,
      message: 'invalid: kind 1 is not accepted here',
    })
    for (const odd of [null, 'text', {}, [], { ...note, tags: 'x' }]) {
      expect(await gateway.publish(odd as never)).toEqual({
        outcome: 'refused',
        accepted: false,
        message: expect.stringMatching(/^invalid: /),
      })
    }
  })
})

describe('accept', () => {
  it('answers a key package itself, or forwards it, depending on custody', async () => {
    const [event] = await keyPackagesOf(alice, 1)
    if (event === undefined) throw new Error('no key package')
    const { gateway } = startGateway()
    expect(await gateway.accept(event)).toEqual({ outcome: 'stored', accepted: true, message: '' })
    const again = {
      outcome: 'duplicate',
      accepted: true,
      message: 'duplicate: already received; it is not taken in again',
    }
    expect(await gateway.accept(event)).toEqual(again)
    expect(await startGateway({ custody: 'relay' }).gateway.accept(event)).toEqual({ outcome: 'forward' })
  })

  it('handles deletions and the like, and forwards the event', async () => {
    const test = startGateway()
    const [event] = await stock(test, alice, 1)
    const deletion = eventOf(5, [['e', String(event?.id)]])
    expect(await test.gateway.accept(deletion)).toEqual({ outcome: 'forward' })
    expect(await test.store.count([alice.pubkey], NOW)).toEqual([0])
  })

  it('skips verification only if the relay has verified the event', async () => {
    const { gateway } = startGateway()
    const forged = { ...eventOf(5, []), sig: '0'.repeat(128) }
    expect(await gateway.accept(forged, { isVerified: true })).toEqual({ outcome: 'forward' })
    expect(await gateway.accept(forged)).toEqual({
      outcome: 'refused',
      accepted: false,
      message: 'invalid: wrong id or signature',
    })
  })

  it('uses publicUrl for requests to vanish (NIP-62)', async () => {
    const test = startGateway({ publicUrl: 'wss://here.example.com' })
    await stock(test, alice, 1)
    await test.gateway.accept(eventOf(62, [['relay', 'wss://elsewhere.example.com']]))
    expect(await test.store.count([alice.pubkey], NOW)).toEqual([1])
    await test.gateway.accept(eventOf(62, [['relay', 'wss://here.example.com']]))
    expect(await test.store.count([alice.pubkey], NOW)).toEqual([0])
  })

  it('never rejects: an invalid event or a welcome is refused with a reason (I9)', async () => {
    const { gateway } = startGateway()
    const welcome = {
      outcome: 'refused',
      accepted: false,
      message: 'invalid: a welcome must be gift-wrapped, never published',
    }
    expect(await gateway.accept(eventOf(444, []))).toEqual(welcome)
    for (const odd of [null, 'text', {}, []]) {
      const refused = { outcome: 'refused', accepted: false, message: expect.stringMatching(/^invalid: /) }
      expect(await gateway.accept(odd as never)).toEqual(refused)
    }
  })

  function eventOf(kind: number, tags: string[][]) {
    return signEvent(alice.secretKey, { kind, created_at: NOW, tags, content: '' })
  }
})

describe('sweep', () => {
  it('removes expired packages', async () => {
    const test = startGateway({ stock: { ttlSeconds: 3600 } })
    await stock(test, alice, 2)
    expect(await test.gateway.sweep()).toBe(0)
    test.now += 3600
    expect(await test.gateway.sweep()).toBe(2)
  })
})

describe('an expired package', () => {
  it('is neither delivered nor counted as the last one (I2)', async () => {
    const test = startGateway({ stock: { ttlSeconds: 3600 } })
    await stock(test, alice, 2)
    test.now += 3600
    const fresh = keyPackageEvent(alice, await makeKeyPackage(alice), { createdAt: test.now })
    await test.gateway.publish(fresh)
    for (const name of ['bob', 'carol']) {
      const client = test.connect()
      await client.authenticate(person(name))
      expect(idsIn(await client.ask('REQ', 'sub', keyPackagesBy(alice)))).toEqual([fresh.id])
    }
  })
})

describe('relayInformation', () => {
  it('returns the options in effect, and MIP-00 only where slots are kept (NIP-11)', () => {
    expect(startGateway({ profile: 'nip-ee-relay' }).gateway.relayInformation()).toEqual({
      key_packages: {
        kinds: [443],
        per_query: 1,
        max_authors: 500,
        rate_limit: { max: 10, window: 3600 },
        max_stored: 10,
        encodings: ['hex', 'base64'],
        default_encoding: 'hex',
        protected: true,
        auth_required: false,
      },
    })
    const { gateway } = startGateway({ profile: 'marmot', requester: 'auth', claim: { perAuthor: 2 } })
    expect(gateway.relayInformation()).toMatchObject({
      supported_mips: [0],
      key_packages: {
        kinds: [443, 30443],
        per_query: 2,
        default_encoding: 'as-published',
        auth_required: true,
      },
    })
  })
})

describe('refusalToQuery', () => {
  it('says why somebody may not query key packages, their own included', async () => {
    const { gateway } = startGateway({ access: { ban: [alice.pubkey, '203.0.113.0/24'] } })
    const banned = 'blocked: you may not query key packages here'
    expect(await gateway.refusalToQuery({ authenticated: [alice.pubkey] })).toBe(banned)
    expect(await gateway.refusalToQuery({ address: '203.0.113.7' })).toBe(banned)
    expect(
      await gateway.refusalToQuery({ authenticated: [bob.pubkey], address: '192.0.2.1' }),
    ).toBeUndefined()
  })

  it('asks for authentication where only those on a list may', async () => {
    const { gateway } = startGateway({ access: { mode: 'allow-listed', allow: [bob.pubkey] } })
    expect(await gateway.refusalToQuery({})).toMatch(/^auth-required: /)
    expect(await gateway.refusalToQuery({ authenticated: [bob.pubkey] })).toBeUndefined()
  })

  it('does not know when the store fails (I7)', async () => {
    const { gateway } = startGateway({}, () => ({ accessRules: () => Promise.reject(new Error('gone')) }))
    expect(await gateway.refusalToQuery({})).toBe('error: key packages are unavailable, try again')
  })
})

describe('options', () => {
  it('that are invalid make the constructor throw', () => {
    expect(() => startGateway({ claim: { perAuthor: 3 } })).toThrow(SettingsError)
  })
})

describe('close', () => {
  it('ends every session: nothing is answered or sent any more', async () => {
    const test = startGateway()
    await stock(test, alice, 3)
    const owner = test.connect()
    await owner.authenticate(alice)
    const other = test.connect()
    test.gateway.close()
    const before = owner.pushed.length
    expect(await owner.say('REQ', 'sub', keyPackagesBy(alice))).toEqual({ replies: [] })
    expect(await other.say('EVENT', { kind: 1 })).toEqual({ replies: [] })
    expect(owner.session.fromRelay(['NOTICE', 'hello'])).toBeUndefined()
    await stock(test, alice, 1)
    expect(owner.pushed).toHaveLength(before)
  })

  it('stops listening to the store, which may outlive it (I9)', () => {
    let listeners = 0
    const test = startGateway({}, () => ({
      onLowStock: () => {
        listeners += 1
        return () => {
          listeners -= 1
        }
      },
    }))
    expect(listeners).toBe(1)
    test.gateway.close()
    expect(listeners).toBe(0)
  })
})
