/** The audit log: a record of each publish, claim, refusal and other removal; never a package's content (I4). */

import { describe, expect, it } from '@jest/globals'
import { memoryStore } from '../../adapters/storage/memory.ts'
import { KeyPackageGateway } from '../../plugin/gateway.ts'
import type { SignedEvent } from '../../plugin/nostr/messages.ts'
import { keyPackagesBy, keyPackagesOf, startGateway, stock, type TestGateway } from '../support/gateway.ts'
import { keyPackageEvent, makeKeyPackage, NOW, signEvent } from '../support/key-packages.ts'
import { testLog } from '../support/log.ts'
import { person } from '../support/people.ts'

const alice = person('alice')
const bob = person('bob')

/** The records since the last call. */
function recorded({ audited }: TestGateway): object[] {
  return (audited as object[]).splice(0)
}

/** The fields of a record that name one of Alice's packages. */
async function of(test: TestGateway, event: SignedEvent | undefined): Promise<object> {
  const pkg = (await test.store.list(alice.pubkey, NOW)).find(({ id }) => id === event?.id)
  if (pkg === undefined) throw new Error('there is no such package')
  return { at: NOW, author: alice.pubkey, id: pkg.id, ref: pkg.ref, kind: pkg.kind }
}

describe('a publish', () => {
  it('is recorded with its sender and its outcome', async () => {
    const test = startGateway()
    const [event] = await keyPackagesOf(alice, 1)
    const anonymous = test.connect({ address: '192.0.2.77' })
    await anonymous.ask('EVENT', event)
    const known = await of(test, event)
    expect(recorded(test)).toEqual([
      { ...known, action: 'publish', outcome: 'stored', requester: '192.0.2.77' },
    ])
    const author = test.connect()
    await author.authenticate(alice)
    await author.ask('EVENT', event)
    expect(recorded(test)).toEqual([
      { ...known, action: 'publish', outcome: 'duplicate', requester: alice.pubkey },
    ])
    await test.gateway.publish(event as SignedEvent)
    await test.gateway.accept(event as SignedEvent, { authenticated: [bob.pubkey] })
    expect(recorded(test)).toEqual([
      { ...known, action: 'publish', outcome: 'duplicate' },
      { ...known, action: 'publish', outcome: 'duplicate', requester: bob.pubkey },
    ])
  })
})

describe('a claim', () => {
  it('is recorded for each package, with how many remain; the last one also as an exposure', async () => {
    const test = startGateway({ claim: { perAuthor: 2, redeliverySeconds: 0 } })
    const [first, second, third] = await stock(test, alice, 3)
    const known = [await of(test, first), await of(test, second), await of(test, third)]
    recorded(test)
    const client = test.connect()
    await client.authenticate(bob)
    await client.ask('REQ', 'one', { ...keyPackagesBy(alice), limit: 1 })
    const requester = bob.pubkey
    expect(recorded(test)).toEqual([
      { ...known[0], action: 'claim', outcome: 'delivered', requester, remaining: 2 },
    ])
    await client.ask('REQ', 'two', keyPackagesBy(alice))
    const last = { ...known[2], requester, remaining: 0 }
    expect(recorded(test)).toEqual([
      { ...known[1], action: 'claim', outcome: 'delivered', requester, remaining: 0 },
      { ...last, action: 'claim', outcome: 'delivered' },
      { ...last, action: 'exposure', outcome: `delivered 1 times since ${NOW}` },
    ])
    test.now += 60
    await client.ask('REQ', 'three', keyPackagesBy(alice))
    expect(recorded(test).at(-1)).toEqual({
      ...last,
      at: NOW + 60,
      action: 'exposure',
      outcome: `delivered 2 times since ${NOW}`,
    })
  })

  it('is recorded for each author, also if there was none or it was refused', async () => {
    const test = startGateway({ quota: { perAuthor: { max: 1 } } })
    await stock(test, alice, 2)
    const client = test.connect({ address: '192.0.2.5' })
    await client.ask('REQ', 'one', keyPackagesBy(alice))
    recorded(test)
    await client.ask('REQ', 'two', keyPackagesBy(bob, alice))
    const refusal = { at: NOW, action: 'refusal', verb: 'REQ', author: alice.pubkey, requester: '192.0.2.5' }
    const outcome = 'rate-limited: 1 queries per 3600 s for each author; try again in 3600 s'
    expect(recorded(test)).toEqual([
      { at: NOW, action: 'claim', outcome: 'none', author: bob.pubkey, requester: '192.0.2.5' },
      { ...refusal, outcome },
    ])
    await client.ask('REQ', 'three', keyPackagesBy(alice))
    expect(recorded(test)).toEqual([{ ...refusal, outcome }])
  })

  it('is recorded as refused if the store fails, with the message to the requester (I7)', async () => {
    const test = startGateway({}, () => ({ claim: () => Promise.reject(new Error('gone')) }))
    await stock(test, alice, 1)
    recorded(test)
    const client = test.connect({ address: '192.0.2.5' })
    const [[, , told] = []] = await client.ask('REQ', 'sub', keyPackagesBy(alice))
    expect(recorded(test)).toEqual([
      {
        at: NOW,
        action: 'refusal',
        verb: 'REQ',
        outcome: told,
        author: alice.pubkey,
        requester: '192.0.2.5',
      },
    ])
  })

  it('is recorded if nothing was sent, and so is its release', async () => {
    const test = startGateway()
    const [event] = await stock(test, alice, 2)
    const known = await of(test, event)
    recorded(test)
    const client = test.connect({ address: '192.0.2.5' })
    const { unsent } = await client.say('REQ', 'sub', keyPackagesBy(alice))
    await unsent?.()
    expect(recorded(test)).toEqual([
      { ...known, action: 'claim', outcome: 'delivered', requester: '192.0.2.5', remaining: 1 },
      { ...known, action: 'release', outcome: 'nothing was sent', requester: '192.0.2.5' },
    ])
  })

  it('of an owner is not recorded', async () => {
    const test = startGateway()
    await stock(test, alice, 2)
    const owner = test.connect()
    await owner.authenticate(alice)
    recorded(test)
    await owner.ask('REQ', 'sub', keyPackagesBy(alice))
    expect(recorded(test)).toEqual([])
  })
})

describe('a refusal', () => {
  it('is recorded with the message, its sender and the answer', async () => {
    const test = startGateway()
    const client = test.connect({ address: '192.0.2.5' })
    const note = signEvent(alice.secretKey, { kind: 443, created_at: NOW, tags: [], content: 'no' })
    const [[, , , why] = []] = await client.ask('EVENT', note)
    await client.ask('EVENT', { kind: 443, id: 'odd', content: 'secret' })
    await client.ask('REQ', 'sub', { kinds: [443] })
    await client.ask('COUNT', 'sub', keyPackagesBy(alice))
    await client.ask('NEG-OPEN', 'sub', { kinds: [443] }, '61')
    const refusal = { at: NOW, action: 'refusal', requester: '192.0.2.5' }
    expect(recorded(test)).toEqual([
      { ...refusal, verb: 'EVENT', outcome: why, author: alice.pubkey, id: note.id, kind: 443 },
      { ...refusal, verb: 'EVENT', outcome: 'invalid: id must be 64 lower-case hex characters' },
      { ...refusal, verb: 'REQ', outcome: 'restricted: a key package query must name its authors' },
      { ...refusal, verb: 'COUNT', outcome: 'restricted: only the author may count key packages' },
      { ...refusal, verb: 'NEG-OPEN', outcome: 'blocked: key packages cannot be synchronised' },
    ])
  })

  it('is recorded for the part of a REQ without authors; the rest is served', async () => {
    const test = startGateway()
    const client = test.connect({ address: '192.0.2.5' })
    await client.ask('REQ', 'sub', { kinds: [443] }, keyPackagesBy(alice))
    expect(recorded(test)).toEqual([
      {
        at: NOW,
        action: 'refusal',
        verb: 'REQ',
        outcome: 'restricted: a key package query must name its authors',
        requester: '192.0.2.5',
      },
      { at: NOW, action: 'claim', outcome: 'none', author: alice.pubkey, requester: '192.0.2.5' },
    ])
  })

  it('is recorded for an event without a connection', async () => {
    const test = startGateway()
    const welcome = signEvent(bob.secretKey, { kind: 444, created_at: NOW, tags: [], content: '' })
    await test.gateway.accept(welcome)
    expect(recorded(test)).toEqual([
      {
        at: NOW,
        action: 'refusal',
        verb: 'EVENT',
        outcome: 'invalid: a welcome must be gift-wrapped, never published',
        author: bob.pubkey,
        id: welcome.id,
        kind: 444,
      },
    ])
  })
})

describe('what leaves a stock otherwise', () => {
  it('is recorded as deletion, expiry, retirement, replacement or eviction', async () => {
    const test = startGateway({ stock: { max: 3, overflow: 'evict-oldest' } })
    const slot = async (createdAt: number) =>
      keyPackageEvent(alice, await makeKeyPackage(alice), { kind: 30443, createdAt, tags: { d: ['phone'] } })
    const short = keyPackageEvent(alice, await makeKeyPackage(alice), {
      createdAt: NOW - 50,
      tags: { expiration: [`${NOW + 60}`] },
    })
    const [deleted, exposed, second, third, fourth] = await keyPackagesOf(alice, 5)
    const put = async (event?: SignedEvent) => {
      await test.gateway.publish(event as SignedEvent)
      return of(test, event)
    }
    const spent = (known: object, action: string, at = NOW) => ({ ...known, at, action, outcome: 'spent' })
    const removed = () => recorded(test).filter((record) => 'outcome' in record && record.outcome === 'spent')

    const older = await put(await slot(NOW - 20))
    await put(await slot(NOW - 10))
    expect(removed()).toEqual([spent(older, 'replacement')])

    const named = await put(deleted)
    const tags = [['e', deleted?.id ?? '']]
    await test.gateway.accept(signEvent(alice.secretKey, { kind: 5, created_at: NOW, tags, content: '' }))
    expect(removed()).toEqual([spent(named, 'deletion')])

    const expiring = await put(short)
    test.now += 60
    await test.gateway.sweep()
    expect(removed()).toEqual([spent(expiring, 'expiry', NOW + 60)])

    const last = await put(exposed)
    await test.connect().ask('REQ', 'sub', keyPackagesBy(alice))
    test.now += 1
    await put(second)
    await put(third)
    test.now += 599
    await test.gateway.sweep()
    expect(removed()).toEqual([spent(last, 'retirement', NOW + 660)])

    const [oldest] = await Promise.all([of(test, second), put(fourth)])
    await put((await keyPackagesOf(alice, 1))[0])
    expect(removed()).toEqual([spent(oldest, 'eviction', NOW + 660)])
  })
})

describe('the audit log', () => {
  it('has no content of any package, and the ordinary log no ids (I4)', async () => {
    const test = startGateway()
    const events = await stock(test, alice, 3)
    const client = test.connect()
    for (let time = 0; time < 3; time += 1) await client.ask('REQ', 'sub', keyPackagesBy(alice))
    const hexOf = ({ content }: SignedEvent) => Buffer.from(content, 'base64').toString('hex')
    const texts = JSON.stringify(test.audited)
    for (const event of events) {
      expect(texts).toContain(event.id)
      expect(texts).not.toContain(event.content.slice(0, 24))
      expect(texts).not.toContain(hexOf(event).slice(0, 24))
      expect(test.logged.join()).not.toContain(event.id)
    }
  })

  it('that fails stops nothing, and the ordinary log reports it', async () => {
    const log = testLog()
    const audit = () => {
      throw new Error('the disk is full')
    }
    const gateway = new KeyPackageGateway({ store: memoryStore(), clock: () => NOW * 1000, log, audit })
    const [event] = await keyPackagesOf(alice, 1)
    expect(await gateway.publish(event as SignedEvent)).toEqual({
      outcome: 'stored',
      accepted: true,
      message: '',
    })
    expect(log.lines.map(({ level, message }) => [level, message])).toEqual([
      ['error', 'failed to write an audit record'],
    ])
  })
})
