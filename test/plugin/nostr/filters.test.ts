/** Splitting a filter between the gateway and the relay (NIP-01). */

import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { splitFilters } from '../../../plugin/nostr/filters.ts'
import { Refusal } from '../../../plugin/nostr/refusal.ts'
import { person } from '../../support/people.ts'

const { pubkey } = person('alice')
const KINDS = [443, 30443]

describe('a filter that names a key package kind', () => {
  it('is read as in NIP-01', () => {
    const filter = {
      kinds: [30443, 443, 443],
      authors: [pubkey, pubkey],
      ids: ['a prefix'],
      since: 1,
      until: 2,
      limit: 3,
      '#i': ['ref'],
      '#f': ['base64'],
      '#long': 'not a tag filter',
      search: 7,
    }
    expect(splitFilters([filter], KINDS)).toEqual({
      asked: [
        {
          authors: [pubkey],
          narrowing: { kinds: KINDS, ids: ['a prefix'], since: 1, until: 2, tags: [['i', ['ref']]] },
          limit: 3,
          hint: 'base64',
        },
      ],
      rest: [],
    })
  })

  it.each([
    ['authors', ['x'], 'an array of pubkeys (64 lower-case hex characters each)'],
    ['authors', [pubkey.toUpperCase()], 'an array of pubkeys (64 lower-case hex characters each)'],
    ['authors', [`${pubkey}\n`], 'an array of pubkeys (64 lower-case hex characters each)'],
    ['authors', [pubkey.slice(0, 8)], 'an array of pubkeys (64 lower-case hex characters each)'],
    ['authors', ['__proto__'], 'an array of pubkeys (64 lower-case hex characters each)'],
    ['authors', pubkey, 'an array of pubkeys (64 lower-case hex characters each)'],
    ['ids', [7], 'an array of strings'],
    ['since', '1', 'an integer (seconds since the epoch)'],
    ['until', 1.5, 'an integer (seconds since the epoch)'],
    ['until', null, 'an integer (seconds since the epoch)'],
    ['limit', -1, 'an integer from 0'],
    ['limit', 0.5, 'an integer from 0'],
    ['limit', 1e308, 'an integer from 0'],
    ['#i', 'ref', 'an array of strings'],
    ['#i', [null], 'an array of strings'],
  ])('is refused for %s %j', (key, value, expected) => {
    const split = () => splitFilters([{ kinds: [443], [key]: value }], KINDS)
    expect(split).toThrow(new Refusal('invalid', `filter \`${key}\` must be ${expected}`))
  })

  it('may have a key __proto__, which has no effect', () => {
    const filter = JSON.parse(`{"kinds":[443,1],"__proto__":{"authors":["${pubkey}"]}}`)
    const { asked, rest } = splitFilters([filter], KINDS)
    expect(asked[0]?.authors).toEqual([])
    expect(JSON.stringify(rest)).toBe(`[{"kinds":[1],"__proto__":{"authors":["${pubkey}"]}}]`)
    expect(Object.hasOwn(Object.prototype, 'authors')).toBe(false)
  })
})

describe('splitFilters, whatever the filters are (I4, I9)', () => {
  const value = fc.jsonValue({ maxDepth: 2 })
  const kinds = fc.oneof(value, fc.array(fc.oneof(fc.constantFrom(443, 30443, 1, 0), value)))
  const filter = fc.oneof(
    value,
    fc.record(
      { kinds, authors: fc.oneof(value, fc.constant([pubkey])), ids: value, limit: value, '#f': value },
      { requiredKeys: [] },
    ),
  )

  it('forwards no key package kind, and leaves other filters the same object', () => {
    fc.assert(
      fc.property(fc.array(filter, { maxLength: 4 }), (filters) => {
        const { rest } = refusedOr({ asked: [], rest: [] }, () => splitFilters(filters, KINDS))
        for (const forwarded of rest) {
          if (filters.includes(forwarded as never)) continue
          expect((forwarded as { kinds: number[] }).kinds).not.toEqual([])
        }
        for (const named of rest.map(kindsOf)) {
          for (const kind of KINDS) expect(named).not.toContain(kind)
        }
      }),
      { seed: 1, numRuns: 2000 },
    )
  })
})

function kindsOf(filter: unknown): unknown[] {
  const kinds = typeof filter === 'object' && filter !== null && 'kinds' in filter ? filter.kinds : []
  return Array.isArray(kinds) ? kinds : []
}

/** Returns a Refusal, and throws any other error. */
function refusedOr<Outcome>(otherwise: Outcome, run: () => Outcome): Outcome {
  try {
    return run()
  } catch (error) {
    if (error instanceof Refusal) return otherwise
    throw error
  }
}
