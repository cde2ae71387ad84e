/** Follow lists that clients publish: when they are learnt, and what makes them forgotten. */

import { describe, expect, it } from '@jest/globals'
import type { Following } from '../../../plugin/lifecycle/follow-list.ts'
import type { SignedEvent } from '../../../plugin/nostr/messages.ts'
import { eventually } from '../../support/eventually.ts'
import { HOST, startGateway, stock, type TestGateway } from '../../support/gateway.ts'
import { keyPackageEvent, makeKeyPackage, NOW, signEvent } from '../../support/key-packages.ts'
import { type Person, person } from '../../support/people.ts'

const alice = person('alice')
const bob = person('bob')
const carol = person('carol')

function eventOf(author: Person, kind: number, tags: string[][], createdAt = NOW): SignedEvent {
  return signEvent(author.secretKey, { kind, created_at: createdAt, tags, content: '' })
}

function followsOf(author: Person, followed: readonly Person[], createdAt = NOW): SignedEvent {
  return eventOf(
    author,
    3,
    followed.map(({ pubkey }) => ['p', pubkey]),
    createdAt,
  )
}

function vouchesOf(author: Person, followed: readonly Person[], createdAt = NOW): SignedEvent {
  const people = followed.map(({ pubkey }) => ['p', pubkey])
  return eventOf(author, 30000, [['d', 'keypackages'], ...people], createdAt)
}

const lists = [
  ['kind 3', followsOf],
  ['kind 30000', vouchesOf],
] as const

const following = ({ store }: TestGateway, followed: Person) => store.follows(alice.pubkey, [followed.pubkey])
const becomes = (test: TestGateway, followed: Person, expected: Following) =>
  eventually(expected, async () => (await following(test, followed)) === expected)

/** Publishes an event, which the relay accepts. */
async function publish(test: TestGateway, event: SignedEvent): Promise<void> {
  const { session } = test.connect()
  const { forward } = await session.fromClient(['EVENT', event])
  expect(forward).toEqual(['EVENT', event])
  expect(session.fromRelay(['OK', event.id, true, ''])).toEqual(['OK', event.id, true, ''])
}

describe.each(lists)('a follow list of %s', (_kind, listOf) => {
  it('is forwarded, and learnt once the relay has accepted it', async () => {
    const test = startGateway()
    await stock(test, alice, 1)
    const { session } = test.connect()
    const list = listOf(alice, [bob])
    const message = ['EVENT', list] as const
    expect(await session.fromClient(message)).toEqual({ replies: [], forward: message })
    expect(await following(test, bob)).toBe('unknown')
    session.fromRelay(['OK', list.id, true, ''])
    await becomes(test, bob, 'followed')
    expect(await following(test, carol)).toBe('not followed')
  })

  it('is not learnt if the relay refuses it, also when it says OK to it later', async () => {
    const test = startGateway()
    await stock(test, alice, 1)
    const { session } = test.connect()
    const [refused, other] = [listOf(alice, [bob]), listOf(alice, [carol], NOW + 1)]
    await session.fromClient(['EVENT', refused])
    session.fromRelay(['OK', refused.id, false, 'blocked: no'])
    session.fromRelay(['OK', refused.id, true, ''])
    session.fromRelay(['OK', other.id, true, ''])
    await publish(test, listOf(alice, [], NOW - 1))
    await becomes(test, bob, 'not followed')
    expect(await following(test, carol)).toBe('not followed')
  })

  it('is refused if the signature is wrong, or if it lies more than 15 minutes ahead', async () => {
    const test = startGateway()
    await stock(test, alice, 1)
    const forged = { ...listOf(bob, [bob]), pubkey: alice.pubkey }
    expect(await test.connect().ask('EVENT', forged)).toEqual([
      ['OK', forged.id, false, 'invalid: wrong id or signature'],
    ])
    const ahead = listOf(alice, [bob], NOW + 901)
    expect(await test.connect().ask('EVENT', ahead)).toEqual([
      ['OK', ahead.id, false, 'invalid: created_at is more than 15 minutes in the future'],
    ])
  })

  it('that was refused is not learnt, whatever the relay says of its id', async () => {
    const test = startGateway()
    await stock(test, alice, 1)
    const { session } = test.connect()
    const forged = { ...listOf(bob, [bob]), pubkey: alice.pubkey }
    await session.fromClient(['EVENT', forged])
    session.fromRelay(['OK', forged.id, true, ''])
    await publish(test, listOf(alice, [], NOW - 1))
    await becomes(test, bob, 'not followed')
  })

  it('that arrives without a connection is learnt at once', async () => {
    const test = startGateway()
    await stock(test, alice, 1)
    expect(await test.gateway.accept(listOf(alice, [bob]))).toEqual({ outcome: 'forward' })
    expect(await following(test, bob)).toBe('followed')
    const forged = { ...listOf(carol, [carol]), pubkey: alice.pubkey }
    expect((await test.gateway.accept(forged)).outcome).toBe('refused')
    expect(await following(test, carol)).toBe('not followed')
  })

  it('of an author without packages costs the store nothing', async () => {
    const test = startGateway()
    await test.gateway.accept(listOf(alice, [bob]))
    await stock(test, alice, 1)
    expect(await following(test, bob)).toBe('unknown')
  })

  it('is deleted by its id, and older ones are not learnt again (NIP-09)', async () => {
    const test = startGateway()
    await stock(test, alice, 1)
    const [older, list] = [listOf(alice, [carol], NOW - 1), listOf(alice, [bob])]
    await test.gateway.accept(list)
    await test.connect().say('EVENT', eventOf(carol, 5, [['e', list.id]]))
    expect(await following(test, bob)).toBe('followed')
    await test.connect().say('EVENT', eventOf(alice, 5, [['e', list.id]]))
    for (const event of [list, older]) await test.gateway.accept(event)
    expect(await following(test, bob)).toBe('unknown')
    await test.gateway.accept(listOf(alice, [bob], NOW + 1))
    expect(await following(test, bob)).toBe('followed')
  })

  it('is deleted by its address (NIP-09)', async () => {
    const test = startGateway()
    await stock(test, alice, 1)
    const list = listOf(alice, [bob])
    await test.gateway.accept(list)
    const address = `${list.kind}:${alice.pubkey}:${list.kind === 3 ? '' : 'keypackages'}`
    await test.gateway.accept(eventOf(alice, 5, [['a', address]]))
    expect(await following(test, bob)).toBe('unknown')
  })

  it('is deleted when its author vanishes (NIP-62), and not learnt again', async () => {
    const test = startGateway()
    await stock(test, alice, 1)
    await test.gateway.accept(listOf(alice, [bob]))
    await test.connect({ host: HOST }).say('EVENT', eventOf(alice, 62, [['relay', `wss://${HOST}`]]))
    expect(await following(test, bob)).toBe('unknown')
    test.now += 100
    const fresh = keyPackageEvent(alice, await makeKeyPackage(alice), { createdAt: NOW + 50 })
    expect(await test.gateway.publish(fresh)).toMatchObject({ outcome: 'stored' })
    await test.gateway.accept(listOf(alice, [bob]))
    expect(await following(test, bob)).toBe('unknown')
    await test.gateway.accept(listOf(alice, [bob], NOW + 50))
    expect(await following(test, bob)).toBe('followed')
  })

  it('flows while the store fails (I7)', async () => {
    const down = () => Promise.reject(new Error('gone'))
    const test = startGateway({}, () => ({ putFollowList: down, count: down }))
    await publish(test, listOf(alice, [bob]))
    await eventually('it is logged', () =>
      test.logged.some((line) => line.includes('whom an author follows')),
    )
    expect(await test.gateway.accept(listOf(alice, [bob]))).toEqual({ outcome: 'forward' })
  })
})

describe('follow lists', () => {
  it('other than those are forwarded unseen', async () => {
    const test = startGateway()
    await stock(test, alice, 1)
    const friends = eventOf(
      alice,
      30000,
      [
        ['d', 'friends'],
        ['p', bob.pubkey],
      ],
      NOW + 901,
    )
    await publish(test, friends)
    await publish(test, { ...friends, sig: '0'.repeat(128) })
    await publish(test, followsOf(alice, [carol]))
    await becomes(test, carol, 'followed')
    expect(await following(test, bob)).toBe('not followed')
  })

  it('with a - tag are published by their author alone (NIP-70)', async () => {
    const list = eventOf(alice, 3, [['-'], ['p', bob.pubkey]])
    expect(await startGateway().connect().ask('EVENT', list)).toContainEqual([
      'OK',
      list.id,
      false,
      'auth-required: this event may only be published by its author',
    ])
  })

  it('that the relay never answers are forgotten, the oldest first', async () => {
    const test = startGateway()
    await stock(test, alice, 1)
    const { session } = test.connect()
    const events = Array.from({ length: 65 }, (_, index) => followsOf(alice, [bob], NOW + index))
    for (const event of events) await session.fromClient(['EVENT', event])
    session.fromRelay(['OK', events[0]?.id, true, ''])
    await publish(test, followsOf(alice, [], NOW - 1))
    await becomes(test, bob, 'not followed')
    session.fromRelay(['OK', events[2]?.id, true, ''])
    await becomes(test, bob, 'followed')
  })
})
