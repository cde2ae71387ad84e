/** Who is known to an author: whom is asked, how often, how long a claim waits, and what counts as no. */

import { describe, expect, it } from '@jest/globals'
import { memoryStore } from '../../../adapters/storage/memory.ts'
import type { FollowListSource } from '../../../plugin/lifecycle/follow-list.ts'
import { type IsKnown, KnownRequesters } from '../../../plugin/lifecycle/known-requesters.ts'
import { LearnedFollowLists } from '../../../plugin/lifecycle/learned-follow-lists.ts'
import type { Pubkey, SignedEvent } from '../../../plugin/nostr/messages.ts'
import { LIMITS, packageNamed } from '../../contract/packages.ts'
import { eventually } from '../../support/eventually.ts'
import { gate } from '../../support/gate.ts'
import { NOW, signEvent } from '../../support/key-packages.ts'
import { testLog } from '../../support/log.ts'
import { type Person, person } from '../../support/people.ts'

const alice = person('alice')
const bob = person('bob')
const carol = person('carol')

/** A list of kind 3 that names these people. */
function followsOf(author: Person, followed: readonly Person[], createdAt = NOW): SignedEvent {
  const tags = followed.map(({ pubkey }) => ['p', pubkey])
  return signEvent(author.secretKey, { kind: 3, created_at: createdAt, tags, content: '' })
}

/** A relay that has these events, counts who is asked for, and answers when it is told to. */
function relayWith(events: readonly unknown[], until: Promise<void> = Promise.resolve()) {
  const asked: Pubkey[] = []
  const source: FollowListSource = async (author) => {
    asked.push(author)
    await until
    return events as SignedEvent[]
  }
  return { asked, source }
}

/** Authors have a package each; `follows` counts the look-ups in the store, and `late` aborts every deadline so far. */
async function start({
  isKnown,
  authors = [alice],
}: {
  isKnown?: IsKnown
  authors?: readonly Person[]
} = {}) {
  const store = memoryStore()
  for (const { pubkey } of authors) await store.put(packageNamed(`of ${pubkey}`, pubkey), LIMITS, NOW)
  const log = testLog()
  const deadlines: { readonly ms: number; readonly controller: AbortController }[] = []
  const clock = { now: NOW }
  let lookUps = 0
  let failure: Error | undefined
  const requesters = new KnownRequesters({
    store: {
      follows: async (...call) => {
        lookUps += 1
        if (failure !== undefined) throw failure
        return store.follows(...call)
      },
    },
    log,
    now: () => clock.now,
    verifyEvent: ({ sig }) => !/^0+$/.test(sig),
    learner: new LearnedFollowLists({ store, log }),
    isKnown,
    deadline: (ms) => {
      const controller = new AbortController()
      deadlines.push({ ms, controller })
      return controller.signal
    },
  })
  return {
    store,
    log,
    clock,
    deadlines,
    requesters,
    lookUps: () => lookUps,
    failStore: () => {
      failure = new Error('gone')
    },
    isKnown: async (author: Person, ...authenticated: readonly Person[]) => {
      const pubkeys = new Set(authenticated.map(({ pubkey }) => pubkey))
      return (await requesters.knownAs(author.pubkey, pubkeys)) !== undefined
    },
    /** The time that claims wait is over. */
    late: (ms = 200) => {
      for (const deadline of deadlines) if (deadline.ms === ms) deadline.controller.abort(new Error('late'))
    },
    learn: (event: SignedEvent) => new LearnedFollowLists({ store, log }).learn(event),
  }
}

describe('a requester', () => {
  it('who has authenticated nothing is a stranger, and nobody is asked', async () => {
    const test = await start({ isKnown: () => true })
    const relay = relayWith([])
    test.requesters.askFrom(relay.source)
    expect(await test.isKnown(alice)).toBe(false)
    expect([test.lookUps(), relay.asked]).toEqual([0, []])
  })

  it('whom the author follows is known, by any pubkey of the connection, after one look into the store for all', async () => {
    const test = await start()
    const relay = relayWith([])
    test.requesters.askFrom(relay.source)
    await test.learn(followsOf(alice, [bob]))
    expect(await test.isKnown(alice, bob)).toBe(true)
    expect(await test.isKnown(alice, carol, bob)).toBe(true)
    expect([test.lookUps(), relay.asked, test.deadlines]).toEqual([3, [], []])
  })

  it('who has authenticated a hundred pubkeys costs a stranger one look into the store, and one who is known a few', async () => {
    const test = await start()
    await test.learn(followsOf(alice, [bob]))
    const crowd = Array.from({ length: 99 }, (_, index) => person(`one of many ${index}`))
    expect(await test.isKnown(alice, ...crowd)).toBe(false)
    expect(test.lookUps()).toBe(1)
    for (const place of [0, 42, 99]) {
      const pubkeys = crowd.toSpliced(place, 0, bob).map(({ pubkey }) => pubkey)
      expect(await test.requesters.knownAs(alice.pubkey, new Set(pubkeys))).toBe(bob.pubkey)
    }
    expect(test.lookUps()).toBeLessThan(30)
  })

  it('whom nobody knows is a stranger', async () => {
    const test = await start()
    expect(await test.isKnown(alice, bob)).toBe(false)
    await test.learn(followsOf(alice, [carol]))
    expect(await test.isKnown(alice, bob)).toBe(false)
  })

  it('is a stranger while the store fails, unless somebody else knows better', async () => {
    const test = await start({ isKnown: (_author, requester) => requester === bob.pubkey })
    await test.learn(followsOf(alice, [carol]))
    test.failStore()
    expect(await test.isKnown(alice, carol)).toBe(false)
    expect(await test.isKnown(alice, bob)).toBe(true)
    expect(test.log.lines).toContainEqual(expect.objectContaining({ level: 'error' }))
  })
})

describe('the relay behind', () => {
  it('is asked for the lists of an author that are not known, which are kept', async () => {
    const test = await start()
    const relay = relayWith([followsOf(alice, [bob])])
    test.requesters.askFrom(relay.source)
    expect(await test.isKnown(alice, bob)).toBe(true)
    expect(await test.isKnown(alice, carol)).toBe(false)
    expect(await test.store.follows(alice.pubkey, [bob.pubkey])).toBe('followed')
    expect(relay.asked).toEqual([alice.pubkey])
  })

  it('is asked once an hour, whatever it answers: a flood of strangers does not reach it', async () => {
    const test = await start()
    const relay = relayWith([])
    test.requesters.askFrom(relay.source)
    for (let flood = 0; flood < 50; flood++) await test.isKnown(alice, person(`stranger ${flood}`))
    expect(relay.asked).toHaveLength(1)
    test.clock.now += 3599
    await test.isKnown(alice, bob)
    expect(relay.asked).toHaveLength(1)
    test.clock.now += 1
    await test.isKnown(alice, bob)
    expect(relay.asked).toHaveLength(2)
  })

  it('is asked again for an author whose list has changed elsewhere', async () => {
    const test = await start()
    await test.learn(followsOf(alice, [carol]))
    test.requesters.askFrom(relayWith([followsOf(alice, [bob], NOW + 1)]).source)
    expect(await test.isKnown(alice, bob)).toBe(true)
    expect(await test.isKnown(alice, carol)).toBe(false)
  })

  it('is asked once by all who ask at the same time', async () => {
    const test = await start()
    const { opened, open } = gate()
    const relay = relayWith([followsOf(alice, [bob])], opened)
    test.requesters.askFrom(relay.source)
    const answers = Promise.all([
      test.isKnown(alice, bob),
      test.isKnown(alice, carol),
      test.isKnown(alice, bob),
    ])
    open()
    expect(await answers).toEqual([true, false, true])
    expect(relay.asked).toHaveLength(1)
  })

  it('has 200 ms for a claim; what it says later, the next claim knows', async () => {
    const test = await start()
    const { opened, open } = gate()
    test.requesters.askFrom(relayWith([followsOf(alice, [bob])], opened).source)
    const answer = test.isKnown(alice, bob)
    await eventually('the claim waits', () => test.deadlines.some(({ ms }) => ms === 200))
    test.late()
    expect(await answer).toBe(false)
    open()
    await eventually('the list is learnt', () => test.isKnown(alice, bob))
  })

  it('that fails means stranger, is asked again after a minute, and is logged once', async () => {
    const test = await start({ authors: [alice, carol] })
    const asked: Pubkey[] = []
    test.requesters.askFrom(async (author) => {
      asked.push(author)
      throw new Error('no route to host')
    })
    for (const author of [alice, carol, alice]) expect(await test.isKnown(author, bob)).toBe(false)
    expect(asked).toEqual([alice.pubkey, carol.pubkey])
    expect(test.log.lines.filter(({ level }) => level === 'warn')).toHaveLength(1)
    test.clock.now += 60
    test.requesters.askFrom(relayWith([followsOf(alice, [bob])]).source)
    expect(await test.isKnown(alice, bob)).toBe(true)
  })

  it('that never answers is given up, and does not keep others from being asked for', async () => {
    const authors = Array.from({ length: 17 }, (_, index) => person(`author ${index}`))
    const test = await start({ authors })
    const silent = relayWith([], new Promise(() => {}))
    test.requesters.askFrom(silent.source)
    const answers = authors.map((author) => test.isKnown(author, bob))
    await eventually('all wait', () => test.deadlines.filter(({ ms }) => ms === 200).length === 16)
    test.late()
    expect(await Promise.all(answers)).toEqual(authors.map(() => false))
    // Not more than 16 authors at a time.
    expect(silent.asked).toHaveLength(16)
    test.late(10_000)
    const [last] = authors.slice(-1)
    if (last === undefined) return
    test.requesters.askFrom(relayWith([followsOf(last, [bob])]).source)
    await eventually('the last is asked for', () => test.isKnown(last, bob))
  })

  it('is not believed what no author has signed, nor what another has, nor what lies ahead', async () => {
    const test = await start()
    const forged = { ...followsOf(alice, [bob]), sig: '0'.repeat(128) }
    const ahead = followsOf(alice, [bob], NOW + 901)
    const lies = [forged, followsOf(bob, [bob]), ahead, { kind: 3 }, null, 'text']
    test.requesters.askFrom(relayWith(lies).source)
    expect(await test.isKnown(alice, bob)).toBe(false)
    expect(await test.store.follows(alice.pubkey, [bob.pubkey])).toBe('unknown')
  })

  it('is asked when the first package of an author comes, and not with the next', async () => {
    const test = await start()
    const relay = relayWith([followsOf(alice, [bob])])
    test.requesters.askFrom(relay.source)
    await test.requesters.published(alice.pubkey)
    expect(await test.store.follows(alice.pubkey, [bob.pubkey])).toBe('followed')
    test.clock.now += 7200
    await test.requesters.published(alice.pubkey)
    expect(relay.asked).toHaveLength(1)
  })

  it('is not asked any more once it is gone', async () => {
    const test = await start()
    const relay = relayWith([followsOf(alice, [bob])])
    test.requesters.askFrom(relay.source)()
    expect(await test.isKnown(alice, bob)).toBe(false)
    expect(relay.asked).toEqual([])
  })
})

describe("an embedder's isKnown", () => {
  it.each<[string, IsKnown]>([
    ['at once', (author, requester) => author === alice.pubkey && requester === bob.pubkey],
    ['later', async (author, requester) => author === alice.pubkey && requester === bob.pubkey],
  ])('may answer %s, for each pubkey of the connection', async (_when, isKnown) => {
    const test = await start({ isKnown })
    expect(await test.isKnown(alice, carol, bob)).toBe(true)
    expect(await test.isKnown(alice, carol)).toBe(false)
    expect(await test.isKnown(carol, bob)).toBe(false)
  })

  it.each<[string, IsKnown]>([
    [
      'throws',
      () => {
        throw new Error('no')
      },
    ],
    ['rejects', () => Promise.reject(new Error('no'))],
  ])('that %s means stranger, and is logged', async (_what, isKnown) => {
    const test = await start({ isKnown })
    expect(await test.isKnown(alice, bob)).toBe(false)
    expect(test.log.lines).toContainEqual(expect.objectContaining({ level: 'error' }))
  })

  it('that does not answer within 200 ms means stranger', async () => {
    const test = await start({ isKnown: () => new Promise(() => {}) })
    const answer = test.isKnown(alice, bob)
    await eventually('the claim waits', () => test.deadlines.length === 1)
    test.late()
    expect(await answer).toBe(false)
  })

  it('is not asked about those whom the author follows', async () => {
    const test = await start({ isKnown: () => Promise.reject(new Error('asked')) })
    await test.learn(followsOf(alice, [bob]))
    expect(await test.isKnown(alice, bob)).toBe(true)
    expect(test.log.lines).toEqual([])
  })
})
