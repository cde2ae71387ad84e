/** What the operator's metrics are made of: each outcome once, from closed sets, and never whose it is (I4). */

import { describe, expect, it } from '@jest/globals'
import { memoryStore } from '../../adapters/storage/memory.ts'
import { KeyPackageGateway } from '../../plugin/gateway.ts'
import type { SignedEvent } from '../../plugin/nostr/messages.ts'
import { keyPackagesBy, keyPackagesOf, startGateway, stock, type TestGateway } from '../support/gateway.ts'
import { keyPackageEvent, makeKeyPackage, NOW, signEvent } from '../support/key-packages.ts'
import { testLog } from '../support/log.ts'
import { writtenDown } from '../support/observed.ts'
import { person } from '../support/people.ts'

const alice = person('alice')
const bob = person('bob')

/** What the observer was told since the last call. */
function observed({ observed }: TestGateway): string[] {
  return observed.splice(0)
}

async function slotOf(d: string, createdAt = NOW - 10): Promise<SignedEvent> {
  return keyPackageEvent(alice, await makeKeyPackage(alice), { kind: 30443, createdAt, tags: { d: [d] } })
}

describe('a publish', () => {
  it('is counted with what the store did, and how long it took', async () => {
    const test = startGateway({ stock: { max: 2 }, quota: { publish: { max: 3 } } })
    const [first, second, third] = await keyPackagesOf(alice, 3)
    const [older, newer, latest] = [
      await slotOf('a', NOW - 3),
      await slotOf('a', NOW - 2),
      await slotOf('a', NOW),
    ]
    await test.gateway.publish(first as SignedEvent)
    await test.gateway.publish(first as SignedEvent)
    await test.gateway.publish(second as SignedEvent)
    expect(observed(test)).toEqual(['published stored', 'published duplicate', 'published stored'])
    await test.gateway.publish(third as SignedEvent)
    expect(observed(test)).toEqual(['published full', 'refused EVENT blocked'])
    await test.gateway.publish(newer)
    await test.gateway.publish(older)
    await test.gateway.publish(latest)
    expect(observed(test)).toEqual([
      'published stored',
      'published stale',
      'published limited',
      'refused EVENT rate-limited',
    ])
  })

  it('is counted as refused by a check, and as unavailable if the store fails (I7)', async () => {
    const test = startGateway({}, () => ({ put: () => Promise.reject(new Error('gone')) }))
    const [event] = await keyPackagesOf(alice, 1)
    await test.gateway.publish({ ...(event as SignedEvent), content: 'no' })
    await test.gateway.publish(event as SignedEvent)
    expect(observed(test)).toEqual([
      'published refused',
      'refused EVENT invalid',
      'published unavailable',
      'refused EVENT error',
    ])
  })

  it('of another kind is no publish, and counts where it is refused', async () => {
    const test = startGateway()
    await test.gateway.accept(signEvent(bob.secretKey, { kind: 444, created_at: NOW, tags: [], content: '' }))
    expect(observed(test)).toEqual(['refused EVENT invalid'])
  })
})

describe('a claim', () => {
  it('is counted for each author, with its outcome; all claims of a REQ are timed together', async () => {
    const test = startGateway({ claim: { redeliverySeconds: 0 } })
    await stock(test, alice, 2)
    observed(test)
    const client = test.connect()
    await client.ask('REQ', 'one', keyPackagesBy(alice, bob))
    expect(observed(test)).toEqual(['claimed delivered', 'claimed none', 'claims took some time'])
    await client.ask('REQ', 'two', keyPackagesBy(alice))
    expect(observed(test)).toEqual(['claimed shared', 'claims took some time'])
  })

  it('of slots alone is counted as such', async () => {
    const test = startGateway()
    await test.gateway.publish(await slotOf('a'))
    observed(test)
    await test.connect().ask('REQ', 'one', { kinds: [30443], authors: [alice.pubkey] })
    expect(observed(test)).toEqual(['claimed slots', 'claims took some time'])
  })

  it('that a quota limits is counted with the quota, and as refused', async () => {
    const test = startGateway({ quota: { perAuthor: { max: 1 } } })
    await stock(test, alice, 3)
    const client = test.connect()
    await client.ask('REQ', 'one', keyPackagesBy(alice))
    observed(test)
    await client.ask('REQ', 'two', keyPackagesBy(alice))
    expect(observed(test)).toEqual([
      'claimed limited perAuthor',
      'refused REQ rate-limited',
      'claims took some time',
    ])
  })

  it('that names no author beside a query of notes is counted as refused, though the rest is not', async () => {
    const test = startGateway()
    await test.connect().say('REQ', 'one', { kinds: [443] }, { kinds: [1] })
    expect(observed(test)).toEqual(['refused REQ restricted'])
  })

  it('that the store does not answer is counted as unavailable, and as refused (I7)', async () => {
    const test = startGateway({}, () => ({ claim: () => Promise.reject(new Error('gone')) }))
    await test.connect().ask('REQ', 'one', keyPackagesBy(alice))
    expect(observed(test)).toEqual(['claimed unavailable', 'refused REQ error', 'claims took some time'])
  })

  it('that is undone is counted with the reason (I10)', async () => {
    const test = startGateway()
    await stock(test, alice, 4)
    observed(test)
    const { unsent } = await test.connect().say('REQ', 'one', keyPackagesBy(alice))
    await unsent?.()
    expect(observed(test)).toEqual(['claimed delivered', 'claims took some time', 'released unsent'])
    const owner = test.connect()
    await owner.ask('REQ', 'one', keyPackagesBy(alice))
    await owner.authenticate(alice)
    await owner.ask('REQ', 'two', keyPackagesBy(alice))
    expect(observed(test)).toEqual(['claimed delivered', 'claims took some time', 'released owner'])
  })
})

describe('a refusal', () => {
  it('is counted with the verb and the prefix of NIP-01; unknown verbs together', async () => {
    const test = startGateway()
    const client = test.connect()
    await client.ask('REQ', 'sub', { kinds: [443] })
    await client.ask('COUNT', 'sub', keyPackagesBy(alice))
    await client.ask('NEG-OPEN', 'sub', { kinds: [443] }, '61')
    await client.ask('<b>', 'x')
    await client.ask('"> {alice}', 'x')
    expect(observed(test)).toEqual([
      'refused REQ restricted',
      'refused COUNT restricted',
      'refused NEG-OPEN blocked',
      'refused other invalid',
      'refused other invalid',
    ])
  })
})

describe('what leaves a stock otherwise', () => {
  it('is counted with the reason', async () => {
    const test = startGateway()
    const [event] = await stock(test, alice, 1)
    await test.gateway.publish(await slotOf('a', NOW - 20))
    observed(test)
    await test.gateway.publish(await slotOf('a', NOW - 10))
    const tags = [['e', event?.id ?? '']]
    await test.gateway.accept(signEvent(alice.secretKey, { kind: 5, created_at: NOW, tags, content: '' }))
    expect(observed(test).sort()).toEqual(['published replaced', 'removed deleted', 'removed replaced'])
  })
})

describe('an observer', () => {
  it('that fails stops nothing, and the log reports it', async () => {
    const log = testLog()
    const fail = () => {
      throw new Error('no memory')
    }
    const observer = { ...writtenDown([]), published: fail, claimed: fail }
    const gateway = new KeyPackageGateway({ store: memoryStore(), clock: () => NOW * 1000, log, observer })
    const [event] = await keyPackagesOf(alice, 1)
    expect(await gateway.publish(event as SignedEvent)).toMatchObject({ outcome: 'stored' })
    const session = gateway.session({ address: '192.0.2.1', send: () => {} })
    const { replies } = await session.fromClient(['REQ', 'sub', keyPackagesBy(alice)])
    expect(replies).toMatchObject([
      ['EVENT', 'sub', event],
      ['EOSE', 'sub'],
    ])
    expect(log.lines.map(({ message }) => message)).toEqual([
      'failed to count what happened',
      'failed to count what happened',
    ])
  })
})
