/** Every way of breaking I1 to I5 is found in what clients saw, and nothing that the network may do looks like one. */

import { describe, expect, it } from '@jest/globals'
import { judge } from './judge.ts'
import type { Claimed, Deleted, Observations, Published, Sighted } from './observations.ts'
import { policyOf } from './policy.ts'

const POLICY = policyOf()
const NEVER = Number.POSITIVE_INFINITY
const HOUR = 3_600_000

/** A publish that was stored, ten milliseconds after `at`. */
function published(id: string, at: number, more: Partial<Published> = {}): Published {
  return {
    id,
    author: 'alice',
    kind: 443,
    createdAt: 1000,
    expiresAt: NEVER,
    isByAuthor: true,
    address: '10.0.0.1',
    sentAt: at,
    answeredAt: at + 10,
    outcome: 'stored',
    ...more,
  }
}

const slot = (id: string, at: number, more: Partial<Published> = {}) =>
  published(id, at, { kind: 30443, slot: 'phone', createdAt: 1000 + at, ...more })

/** A stranger's claim of Alice, and what it got. */
function claimed(
  requester: string,
  at: number,
  ids: readonly string[],
  more: Partial<Claimed> = {},
): Claimed {
  const { kinds = [443] } = more
  return {
    requester,
    address: requester,
    isStranger: true,
    authors: ['alice'],
    kinds,
    delivered: ids.map((id) => ({ id, author: 'alice', kind: kinds[0] ?? 443 })),
    sentAt: at,
    answeredAt: at + 10,
    outcome: 'answered',
    ...more,
  }
}

function deleted(at: number, ids: readonly string[], more: Partial<Deleted> = {}): Deleted {
  return {
    author: 'alice',
    ids,
    slots: [],
    createdAt: 1000 + at,
    sentAt: at,
    answeredAt: at + 10,
    outcome: 'accepted',
    ...more,
  }
}

const sighted = (more: Partial<Sighted>): Sighted => {
  return { id: 'a', author: 'alice', kind: 443, at: 100, way: 'a query by id', isPush: false, ...more }
}

/** The invariants that were violated, one for each violation. */
function violated(seen: Partial<Observations>, policy = POLICY): string[] {
  const nothing = { published: [], deleted: [], claimed: [], sighted: [] }
  return judge({ ...nothing, ...seen }, policy).violations.map(({ invariant }) => invariant)
}

/** So many packages of Alice, and none of them was taken. */
const stock = (count: number) => Array.from({ length: count }, (_, index) => published(`stock ${index}`, 0))

describe('I1, one recipient', () => {
  it('lets a package go to one requester, again and again', () => {
    const claims = [claimed('bob', 100, ['a']), claimed('bob', 200, ['a'])]
    expect(violated({ published: [published('a', 0), ...stock(8)], claimed: claims })).toEqual([])
  })

  it('lets one package be shared when it is the last', () => {
    const claims = ['bob', 'carol', 'dave'].map((name, index) => claimed(name, 100 * (index + 1), ['a']))
    expect(violated({ published: [published('a', 0)], claimed: claims })).toEqual([])
  })

  it('finds a package that was to be spent: others were fresh when it was taken', () => {
    const claims = [claimed('bob', 100, ['a']), claimed('carol', 200, ['a'])]
    expect(violated({ published: [published('a', 0), ...stock(4)], claimed: claims })).toEqual(['I1'])
  })

  it('does not find it where only as many were fresh as are kept for people the author knows', () => {
    const claims = [claimed('bob', 100, ['a']), claimed('carol', 200, ['a'])]
    expect(violated({ published: [published('a', 0), ...stock(3)], claimed: claims })).toEqual([])
  })

  it('does not find it where the requester had their fresh one, or strangers their share', () => {
    const both = [claimed('bob', 200, ['a']), claimed('carol', 300, ['a'])]
    const own = [claimed('bob', 100, ['stock 9'])]
    const events = [published('a', 0), ...stock(20)]
    expect(violated({ published: events, claimed: [...own, ...both] })).toEqual([])
    const share = Array.from({ length: 11 }, (_, index) => claimed(`eve ${index}`, 100, [`stock ${index}`]))
    expect(violated({ published: events, claimed: [...share, ...both] })).toEqual([])
  })

  it('does not count on packages that a lost claim may have taken, or a deletion removed', () => {
    const claims = [claimed('bob', 100, ['a']), claimed('carol', 200, ['a'])]
    const lost = claimed('dave', 50, [], { outcome: 'unknown', answeredAt: NEVER })
    const events = [published('a', 0), ...stock(4)]
    expect(violated({ published: events, claimed: [...claims, lost] })).toEqual([])
    expect(violated({ published: events, claimed: claims, deleted: [deleted(50, ['stock 0'])] })).toEqual([])
  })

  it('finds two packages that are shared at the same time', () => {
    const claims = [
      claimed('bob', 100, ['a']),
      claimed('carol', 150, ['b']),
      claimed('dave', 200, ['a']),
      claimed('erin', 250, ['b']),
    ]
    expect(violated({ claimed: claims })).toEqual(['I1'])
  })

  it('lets one be shared after the other', () => {
    const claims = [
      claimed('bob', 100, ['a']),
      claimed('dave', 200, ['a']),
      claimed('carol', 250, ['b']),
      claimed('erin', 300, ['b']),
    ]
    expect(violated({ claimed: claims })).toEqual([])
  })

  it('is not misled by a delivery that was under way when its connection was lost', () => {
    const lost = claimed('bob', 100, ['a'], { outcome: 'unknown', answeredAt: NEVER })
    const claims = [lost, claimed('carol', 200, ['a'])]
    expect(violated({ published: [published('a', 0), ...stock(8)], claimed: claims })).toEqual([])
  })

  it('finds it all the same when others are lost', () => {
    const lost = claimed('bob', 100, ['b'], { outcome: 'unknown', answeredAt: NEVER })
    const claims = [lost, claimed('carol', 200, ['a']), claimed('dave', 300, ['a'])]
    expect(violated({ published: [published('a', 0), ...stock(8)], claimed: claims })).toEqual(['I1'])
  })

  it('lets twins be handed out again and again', () => {
    const twin = published('a', 0, { isTwin: true, slot: 'phone' })
    const claims = [claimed('bob', 100, ['a']), claimed('carol', 200, ['a'])]
    expect(violated({ published: [twin, ...stock(8)], claimed: claims })).toEqual([])
  })

  it('does not count what an author saw before they authenticated (I10)', () => {
    const own = claimed('10.0.0.1', 100, ['a'], { person: 'alice' })
    const claims = [own, claimed('carol', 200, ['a'])]
    expect(violated({ published: [published('a', 0), ...stock(8)], claimed: claims })).toEqual([])
  })
})

describe('I2, the last package', () => {
  const none = claimed('bob', 100, [])

  it('finds a claim that got nothing though a package was there', () => {
    expect(violated({ published: [published('a', 0)], claimed: [none] })).toEqual(['I2'])
    const ofSlots = claimed('bob', 100, [], { kinds: [30443] })
    expect(violated({ published: [slot('s', 0)], claimed: [ofSlots] })).toEqual(['I2'])
  })

  it('lets a claim get nothing where nothing is certain', () => {
    expect(violated({ claimed: [none] })).toEqual([])
    expect(violated({ published: [published('a', 95)], claimed: [none] })).toEqual([])
    expect(violated({ published: [published('a', 0, { outcome: 'unknown' })], claimed: [none] })).toEqual([])
    expect(violated({ published: [published('a', 0, { expiresAt: 105 })], claimed: [none] })).toEqual([])
    expect(violated({ published: [slot('s', 0)], claimed: [none] })).toEqual([])
  })

  it('knows nothing once a package has expired, which may have been the one that stayed', () => {
    const stayed = published('a', 0, { expiresAt: 60 })
    expect(violated({ published: [stayed, published('b', 5)], claimed: [none] })).toEqual([])
    const lost = published('a', 0, { expiresAt: 60, outcome: 'unknown', answeredAt: NEVER })
    expect(violated({ published: [lost, published('b', 5)], claimed: [none] })).toEqual([])
    expect(violated({ published: [stayed, published('c', 70)], claimed: [none] })).toEqual(['I2'])
    const refused = published('a', 0, { expiresAt: 60, outcome: 'refused' })
    expect(violated({ published: [refused, published('b', 5)], claimed: [none] })).toEqual(['I2'])
    expect(
      violated({ published: [slot('s', 0, { expiresAt: 60 }), published('b', 5)], claimed: [none] }),
    ).toEqual(['I2'])
  })

  it('excuses quotas, refusals and lost connections', () => {
    const outcomes: Claimed['outcome'][] = ['limited', 'refused', 'unknown']
    const claims = outcomes.map((outcome) => ({ ...none, outcome }))
    expect(violated({ published: [published('a', 0)], claimed: claims })).toEqual([])
  })

  it('knows nothing after a deletion, and something again after the next publish', () => {
    const one = published('a', 0)
    expect(violated({ published: [one], deleted: [deleted(50, ['z'])], claimed: [none] })).toEqual([])
    const lost = deleted(50, ['z'], { outcome: 'unknown', answeredAt: NEVER })
    expect(violated({ published: [one, published('b', 70)], deleted: [lost], claimed: [none] })).toEqual([])
    const known = deleted(50, ['z'])
    expect(violated({ published: [one, published('b', 70)], deleted: [known], claimed: [none] })).toEqual([
      'I2',
    ])
  })
})

describe('I3, never back', () => {
  it('finds a deleted package that is delivered', () => {
    const seen = { published: [published('a', 0)], deleted: [deleted(50, ['a'])] }
    expect(violated({ ...seen, claimed: [claimed('bob', 100, ['a'])] })).toEqual(['I3'])
    expect(violated({ ...seen, claimed: [claimed('bob', 55, ['a'])] })).toEqual([])
  })

  it('does not take a deletion for done that nobody confirmed', () => {
    const lost = deleted(50, ['a'], { outcome: 'unknown', answeredAt: NEVER })
    const claims = [claimed('bob', 100, ['a'])]
    expect(violated({ published: [published('a', 0)], deleted: [lost], claimed: claims })).toEqual([])
  })

  it('finds a slot that was replaced, or deleted by its name', () => {
    const claims = [claimed('bob', 100, ['old'], { kinds: [30443] })]
    expect(violated({ published: [slot('old', 0), slot('new', 50)], claimed: claims })).toEqual(['I3'])
    expect(violated({ published: [slot('old', 0), slot('new', 95)], claimed: claims })).toEqual([])
    const gone = deleted(50, [], { slots: ['phone'] })
    expect(violated({ published: [slot('old', 0)], deleted: [gone], claimed: claims })).toEqual(['I3'])
    const later = slot('old', 70)
    expect(violated({ published: [later], deleted: [gone], claimed: claims })).toEqual([])
  })

  it('finds a twin whose slot was rotated', () => {
    const twin = published('twin', 0, { isTwin: true, slot: 'phone' })
    const claims = [claimed('bob', 100, ['twin'])]
    expect(violated({ published: [slot('old', 0), twin, slot('new', 50)], claimed: claims })).toEqual(['I3'])
  })

  it('finds a package that is taken in twice, or after its deletion', () => {
    expect(violated({ published: [published('a', 0), published('a', 50)] })).toEqual(['I3'])
    expect(violated({ published: [published('a', 100)], deleted: [deleted(0, ['a'])] })).toEqual(['I3'])
    expect(violated({ published: [published('a', 0), published('a', 50, { outcome: 'known' })] })).toEqual([])
    const lost = published('a', 0, { outcome: 'unknown', answeredAt: NEVER })
    expect(violated({ published: [lost, published('a', 50)] })).toEqual([])
    const expiring = { expiresAt: 55 }
    expect(violated({ published: [published('a', 0, expiring), published('a', 50, expiring)] })).toEqual([])
  })
})

describe('I4, only claims', () => {
  it('finds a package that came without a claim', () => {
    expect(violated({ sighted: [sighted({})] })).toEqual(['I4'])
  })

  it('lets rotated slots be pushed, and never one-time packages', () => {
    expect(violated({ sighted: [sighted({ kind: 30443, isPush: true })] })).toEqual([])
    expect(violated({ sighted: [sighted({ kind: 443, isPush: true })] })).toEqual(['I4'])
    expect(violated({ sighted: [sighted({ kind: 30443, isPush: false })] })).toEqual(['I4'])
  })

  it('finds a package of another author or kind in the answer to a claim', () => {
    expect(violated({ claimed: [claimed('bob', 100, ['a'], { authors: ['carol'] })] })).toEqual(['I4'])
    const other = { id: 's', author: 'alice', kind: 30443 }
    expect(violated({ claimed: [claimed('bob', 100, [], { delivered: [other] })] })).toEqual(['I4'])
  })

  it('finds two one-time packages of one author in one answer', () => {
    expect(violated({ claimed: [claimed('bob', 100, ['a', 'b'])] })).toEqual(['I4'])
  })
})

describe('I5, quotas', () => {
  const claimsOf = (count: number, more: (index: number) => Partial<Claimed>) =>
    Array.from({ length: count }, (_, index) => {
      const author = `author ${index}`
      const delivered = [{ id: 'a', author, kind: 443 }]
      return claimed('bob', 100 * index, [], { authors: [author], delivered, ...more(index) })
    })
  const ofAlice = () => ({ authors: ['alice'], delivered: [{ id: 'a', author: 'alice', kind: 443 }] })

  it('finds one claim of an author too many, by requester and by address', () => {
    expect(violated({ claimed: claimsOf(10, ofAlice) })).toEqual([])
    expect(violated({ claimed: claimsOf(11, ofAlice) })).toEqual(['I5'])
    const many = (count: number) =>
      claimsOf(count, (index) => ({ ...ofAlice(), requester: `key ${index}`, address: '10.0.0.9' }))
    expect(violated({ claimed: many(100) })).toEqual([])
    expect(violated({ claimed: many(101) })).toEqual(['I5'])
  })

  it('finds one claim over all authors too many, by requester and by address', () => {
    expect(violated({ claimed: claimsOf(500, () => ({})) })).toEqual([])
    expect(violated({ claimed: claimsOf(501, () => ({})) })).toEqual(['I5'])
    const many = (count: number) =>
      claimsOf(count, (index) => ({ requester: `key ${index}`, address: '10.0.0.9' }))
    expect(violated({ claimed: many(1000) })).toEqual([])
    expect(violated({ claimed: many(1001) })).toEqual(['I5'])
  })

  it('lets claims be made again when the window has passed, and judges none that may lie outside', () => {
    const spread = claimsOf(11, (index) => ({
      ...ofAlice(),
      sentAt: index * HOUR,
      answeredAt: index * HOUR + 10,
    }))
    expect(violated({ claimed: spread })).toEqual([])
    const slow = claimsOf(11, (index) => ({
      ...ofAlice(),
      answeredAt: index === 10 ? HOUR : 100 * index + 10,
    }))
    expect(violated({ claimed: slow })).toEqual([])
  })

  it('does not count claims that found nothing, were lost, or repeated a slot', () => {
    expect(violated({ claimed: claimsOf(11, () => ({ authors: ['alice'], delivered: [] })) })).toEqual([])
    expect(violated({ claimed: claimsOf(11, () => ({ ...ofAlice(), outcome: 'unknown' })) })).toEqual([])
    const again = claimsOf(11, () => ({
      authors: ['alice'],
      kinds: [30443, 443],
      delivered: [{ id: 's', author: 'alice', kind: 30443 }],
    }))
    expect(violated({ claimed: again })).toEqual([])
  })

  it('finds too many packages published of one author, from one address, and of new authors', () => {
    const events = (count: number, more: (index: number) => Partial<Published>) =>
      Array.from({ length: count }, (_, index) => published(`${index}`, index, more(index)))
    expect(violated({ published: events(60, () => ({})) })).toEqual([])
    expect(violated({ published: events(61, () => ({})) })).toEqual(['I5'])
    const byOthers = (count: number) =>
      events(count, (index) => ({ author: `author ${index % 20}`, isByAuthor: false }))
    expect(violated({ published: byOthers(300) })).toEqual([])
    expect(violated({ published: byOthers(301) })).toEqual(['I5'])
    const byNew = (count: number) => events(count, (index) => ({ author: `author ${index}` }))
    expect(violated({ published: byNew(30) })).toEqual([])
    expect(violated({ published: byNew(31) })).toEqual(['I5'])
  })

  it('finds more fresh packages taken by strangers than their share', () => {
    const takes = (count: number) =>
      Array.from({ length: count }, (_, index) => claimed(`eve ${index}`, 100 * index, [`stock ${index}`]))
    // Twelve, and the one that they share.
    expect(violated({ claimed: takes(13) })).toEqual([])
    expect(violated({ claimed: takes(14) })).toEqual(['I5'])
    expect(violated({ claimed: takes(14), deleted: [deleted(50, ['z'])] })).toEqual([])
    expect(violated({ claimed: takes(14).map((each) => ({ ...each, isStranger: false })) })).toEqual([])
  })

  it('finds more fresh packages of an author taken from one address than a day allows', () => {
    const takes = (count: number) =>
      Array.from({ length: count }, (_, index) => claimed('eve', 100 * index, [`stock ${index}`]))
    expect(violated({ claimed: takes(2) })).toEqual([])
    expect(violated({ claimed: takes(3) })).toEqual(['I5'])
  })
})
