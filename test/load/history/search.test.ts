/** The checker finds an order where there is one, and each kind of history that breaks a promise. */

import { describe, expect, it } from '@jest/globals'
import type { ClaimPolicy, Deletion, PutOutcome } from '../../../plugin/store.ts'
import {
  authorNamed,
  claimBy,
  deletionOf,
  hex,
  LIMITS,
  NOW,
  POLICY,
  packageNamed,
} from '../../contract/packages.ts'
import { Model } from './model.ts'
import type { Claiming, Operation } from './operation.ts'
import { findOrder } from './search.ts'
import { timelineOf } from './timeline.ts'

const AUTHOR = authorNamed('alice')

/** When an operation began and was answered, in milliseconds; no end: without an answer. */
type Span = readonly [from: number, to?: number]

function attempt(by: string, [invokedAt, answeredAt = Number.POSITIVE_INFINITY]: Span, second = NOW) {
  return { author: AUTHOR, by, invokedAt, answeredAt, seconds: [second] }
}

function publishes(name: string, span: Span, ...answer: PutOutcome[]): Operation {
  const { event: _, contentForm: _form, ...pkg } = packageNamed(name, AUTHOR)
  const known = answer.length === 0 ? 'unknown' : answer
  return { ...attempt('alice', span), do: 'publish', pkg, sentBy: 'author', answer: known }
}

/** The names of the packages; none: without an answer. */
function claims(by: string, span: Span, names?: readonly string[], second = NOW): Operation {
  const claim = { ...claimBy(by, AUTHOR), standing: 'stranger' as const }
  const answer: Claiming['answer'] =
    names === undefined ? 'unknown' : { outcome: 'delivered', ids: names.map((name) => idOf(name)) }
  return { ...attempt(by, span, second), do: 'claim', claim, answer, release: 'possible' }
}

function isRefused(by: string, span: Span, because: 'none' | 'limited', second = NOW): Operation {
  return { ...claims(by, span, [], second), answer: { outcome: 'empty', because: [because] } } as Operation
}

function deletes(what: Partial<Deletion>, span: Span, answer: 'deleted' | 'unknown' = 'deleted'): Operation {
  return { ...attempt('alice', span), do: 'delete', deletion: deletionOf(what), answer }
}

function lists(span: Span, ...names: readonly string[]): Operation {
  return { ...attempt('alice', span), do: 'list', answer: names.map((name) => idOf(name)) }
}

function idOf(name: string): string {
  return hex(`event ${name}`)
}

function outcomeOf(operations: readonly Operation[], policy: Partial<ClaimPolicy> = {}) {
  return findOrder(operations, modelOf(policy)).outcome
}

function modelOf(policy: Partial<ClaimPolicy> = {}): Model {
  return new Model({ policy: { ...POLICY, ...policy }, limits: LIMITS, shortestSeconds: 1 })
}

/** Three packages in stock. */
const STOCKED = [
  publishes('a', [0, 1], 'stored'),
  publishes('b', [2, 3], 'stored'),
  publishes('c', [4, 5], 'stored'),
]

/** The same in the order in which claims take them. */
const [FIRST = '', SECOND = '', LAST = ''] = ['a', 'b', 'c'].sort((x, y) => (idOf(x) < idOf(y) ? -1 : 1))

describe('a history has a legal order', () => {
  it('when claims at the same time got different packages, whichever began first', () => {
    const race = [claims('bob', [10, 20], [SECOND]), claims('carol', [11, 19], [FIRST])]
    expect(outcomeOf([...STOCKED, ...race, lists([30, 31], LAST)])).toBe('legal')
  })

  it('when a publication without an answer happened later, or never', () => {
    const unknown = [...STOCKED.slice(0, 2), publishes('c', [6])]
    expect(outcomeOf([...unknown, lists([30, 31], 'a', 'b')])).toBe('legal')
    expect(outcomeOf([...unknown, lists([30, 31], 'a', 'b'), lists([40, 41], 'a', 'b', 'c')])).toBe('legal')
  })

  it('when a claim without an answer has used a package, or not, or was released', () => {
    const unknown = [...STOCKED, claims('bob', [10])]
    expect(outcomeOf([...unknown, lists([30, 31], SECOND, LAST)])).toBe('legal')
    expect(outcomeOf([...unknown, lists([30, 31], 'a', 'b', 'c')])).toBe('legal')
    const released = [claims('carol', [20, 21], [SECOND]), lists([30, 31], FIRST, LAST)]
    expect(outcomeOf([...unknown, ...released])).toBe('legal')
  })

  it('when a deletion without an answer comes after the answer to something later', () => {
    const unknown = [...STOCKED, deletes({ ids: [idOf(FIRST)] }, [10])]
    expect(outcomeOf([...unknown, claims('bob', [20, 21], [FIRST]), lists([30, 31], SECOND, LAST)])).toBe(
      'legal',
    )
    expect(outcomeOf([...unknown, claims('bob', [20, 21], [SECOND]), lists([30, 31], LAST)])).toBe('legal')
  })

  it('when the last package goes to several requesters', () => {
    const last = [
      publishes('a', [0, 1], 'stored'),
      claims('bob', [2, 3], ['a']),
      claims('carol', [4, 5], ['a']),
    ]
    expect(outcomeOf([...last, lists([6, 7], 'a')])).toBe('legal')
  })

  it('when there is room in a window at one of the seconds that the clock may have said', () => {
    const policy = { perAuthor: { max: 1, windowSeconds: 2 } }
    const history = [
      ...STOCKED,
      claims('bob', [10, 11], [FIRST]),
      isRefused('bob', [1010, 1011], 'limited', NOW + 1),
    ]
    const later = claims('bob', [1990, 2010], [SECOND])
    expect(outcomeOf([...history, { ...later, seconds: [NOW + 1, NOW + 2] }], policy)).toBe('legal')
    expect(outcomeOf([...history, { ...later, seconds: [NOW + 1] }], policy)).toBe('illegal')
  })
})

describe('a history has none', () => {
  it('when a package is delivered twice (I1)', () => {
    expect(
      outcomeOf([...STOCKED, claims('bob', [10, 11], [FIRST]), claims('carol', [12, 13], [FIRST])]),
    ).toBe('illegal')
  })

  it('when a package that was delivered is in stock still (I1)', () => {
    expect(outcomeOf([...STOCKED, claims('bob', [10, 11], [FIRST]), lists([30, 31], 'a', 'b', 'c')])).toBe(
      'illegal',
    )
  })

  it('when claims take an author down to none (I2)', () => {
    const one = [publishes('a', [0, 1], 'stored'), claims('bob', [2, 3], ['a'])]
    expect(outcomeOf([...one, lists([4, 5])])).toBe('illegal')
    expect(outcomeOf([...one, isRefused('carol', [4, 5], 'none')])).toBe('illegal')
  })

  it('when a spent or deleted package comes back (I3)', () => {
    const spent = [...STOCKED, claims('bob', [10, 11], [FIRST]), publishes(FIRST, [20, 21], 'stored')]
    expect(outcomeOf(spent)).toBe('illegal')
    expect(
      outcomeOf([...STOCKED, deletes({ ids: [idOf('a')] }, [10, 11]), publishes('a', [20, 21], 'stored')]),
    ).toBe('illegal')
  })

  it('when a deletion is forgotten (I3)', () => {
    const never = [deletes({ everything: true }, [10, 11]), publishes('d', [20, 21], 'stored')]
    expect(outcomeOf([...STOCKED, ...never])).toBe('illegal')
    expect(outcomeOf([...STOCKED, ...never.slice(0, 1), publishes('d', [20, 21], 'deleted')])).toBe('legal')
  })

  it('when one requester exceeds a quota (I5)', () => {
    const policy = { perAuthor: { max: 2, windowSeconds: 3600 } }
    const names = [FIRST, SECOND, LAST]
    const three = names.map((name, index) => claims('bob', [10 + 2 * index, 11 + 2 * index], [name]))
    expect(outcomeOf([...STOCKED, ...three])).toBe('legal')
    expect(outcomeOf([...STOCKED, ...three], policy)).toBe('illegal')
  })

  it('when an acknowledged package is lost (I6)', () => {
    expect(outcomeOf([...STOCKED, lists([30, 31], 'a', 'b')])).toBe('illegal')
    expect(outcomeOf([...STOCKED, publishes('a', [30, 31], 'stored')])).toBe('illegal')
  })

  it('when an answer comes before what it follows from began', () => {
    expect(outcomeOf([lists([0, 1], 'a'), publishes('a', [2, 3], 'stored')])).toBe('illegal')
  })

  it('when a claim whose client had left is not released', () => {
    const owed = [...STOCKED, { ...claims('bob', [10]), release: 'owed' } as Operation]
    expect(outcomeOf([...owed, lists([30, 31], SECOND, LAST)])).toBe('illegal')
    expect(outcomeOf([...owed, lists([30, 31], 'a', 'b', 'c')])).toBe('legal')
  })
})

describe('a search', () => {
  it('is given up where there are too many states', () => {
    const many = Array.from({ length: 12 }, (_, index) => publishes(`p${index}`, [0]))
    const verdict = findOrder([...many, lists([1, 2], 'nobody made it')], modelOf(), 50)
    expect(verdict.outcome).toBe('undecided')
  })

  it('tells how far an order gets, and what cannot follow', () => {
    const history = [...STOCKED, claims('bob', [10, 11], [FIRST]), claims('carol', [12, 13], [FIRST])]
    const verdict = findOrder(history, modelOf())
    if (verdict.outcome !== 'illegal') throw new Error('it is not legal')
    const lines = timelineOf(history, verdict, modelOf()).split('\n')
    const short = (name: string) => idOf(name).slice(0, 6)
    expect(lines).toContain(`    4. bob claims 443,30443: ${short(FIRST)}`)
    expect(lines.at(-1)).toBe(`  carol claims 443,30443: ${short(FIRST)}; by the rules: ${short(SECOND)}`)
  })
})
