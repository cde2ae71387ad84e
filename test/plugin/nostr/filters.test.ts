/** Splitting a filter between the gateway and the relay (NIP-01). */

import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { splitFilters } from '../../../plugin/nostr/filters.ts'
import { Refusal } from '../../../plugin/nostr/refusal.ts'
import { person } from '../../support/people.ts'

const { pubkey } = person('alice')
const KINDS = [443, 30443]

describe('a filter that names a key package kind', () => {
  it('is read as NIP-01 has it', () => {
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
    ['authors', ['x'], 'a list of pubkeys, 64 lower-case hex characters each'],
    ['authors', [pubkey.toUpperCase()], 'a list of pubkeys, 64 lower-case hex characters each'],
    ['authors', [`${pubkey}\n`], 'a list of pubkeys, 64 lower-case hex characters each'],
    ['authors', [pubkey.slice(0, 8)], 'a list of pubkeys, 64 lower-case hex characters each'],
    ['authors', ['__proto__'], 'a list of pubkeys, 64 lower-case hex characters each'],
    ['authors', pubkey, 'a list of pubkeys, 64 lower-case hex characters each'],
    ['ids', [7], 'a list of texts'],
    ['since', '1', 'a time in seconds'],
    ['until', 1.5, 'a time in seconds'],
    ['until', null, 'a time in seconds'],
    ['limit', -1, 'a whole number'],
    ['limit', 0.5, 'a whole number'],
    ['limit', 1e308, 'a whole number'],
    ['#i', 'ref', 'a list of texts'],
    ['#i', [null], 'a list of texts'],
  ])('is refused for %s %j', (key, value, takes) => {
    const split = () => splitFilters([{ kinds: [443], [key]: value }], KINDS)
    expect(split).toThrow(new Refusal('invalid', `${key} in a filter takes ${takes}`))
  })

  it('may carry a key called __proto__, which means nothing and pollutes nothing', () => {
    const filter = JSON.parse(`{"kinds":[443,1],"__proto__":{"authors":["${pubkey}"]}}`)
    const { asked, rest } = splitFilters([filter], KINDS)
    expect(asked[0]?.authors).toEqual([])
    expect(JSON.stringify(rest)).toBe(`[{"kinds":[1],"__proto__":{"authors":["${pubkey}"]}}]`)
    expect(Object.hasOwn(Object.prototype, 'authors')).toBe(false)
  })
})

describe('whatever the filters are (I4, I9)', () => {
  const value = fc.jsonValue({ maxDepth: 2 })
  const kinds = fc.oneof(value, fc.array(fc.oneof(fc.constantFrom(443, 30443, 1, 0), value)))
  const filter = fc.oneof(
    value,
    fc.record(
      { kinds, authors: fc.oneof(value, fc.constant([pubkey])), ids: value, limit: value, '#f': value },
      { requiredKeys: [] },
    ),
  )

  it('no kind of a key package reaches the relay, and what is not ours stays the same object', () => {
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

/** A refusal is an answer too; any other error is not. */
function refusedOr<Outcome>(otherwise: Outcome, run: () => Outcome): Outcome {
  try {
    return run()
  } catch (error) {
    if (error instanceof Refusal) return otherwise
    throw error
  }
}
