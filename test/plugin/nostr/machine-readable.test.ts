/** Clients parse what the gateway writes, and the messages of other relays. */

import { describe, expect, it } from '@jest/globals'
import {
  atMostAuthors,
  exposureNotice,
  forSomeAuthors,
  parseExposureNotice,
  parseRefusal,
  withRetryAfter,
} from '../../../plugin/nostr/machine-readable.ts'
import type { Pubkey } from '../../../plugin/nostr/messages.ts'
import { Refusal } from '../../../plugin/nostr/refusal.ts'
import { resolveOptions } from '../../../plugin/options.ts'
import { planQuery, refusalOf } from '../../../plugin/request/plan.ts'
import type { ClaimOutcome } from '../../../plugin/store.ts'

const options = resolveOptions({ claim: { maxAuthors: 2 } })
const none = { outcome: 'none' } as const
const limited = (by: 'perAuthor' | 'perAddress' | 'perRequester', retryAfterSeconds: number) =>
  ({ outcome: 'limited', by, retryAfterSeconds }) as const

/** What a client reads from the refusal of a REQ with these outcomes. */
function readRefusal(...outcomes: readonly ClaimOutcome[]) {
  return parseRefusal(refusalOf(outcomes, options)?.message ?? '')
}

describe('from a refused query a client reads', () => {
  it.each(['perAuthor', 'perAddress', 'perRequester'] as const)(
    'how long to wait when all authors are limited (%s)',
    (by) => {
      expect(readRefusal(limited(by, 5), limited(by, 3599))).toEqual({
        prefix: 'rate-limited',
        message: expect.any(String),
        retryAfterSeconds: 3599,
      })
    },
  )

  it.each(['perAuthor', 'perAddress', 'perRequester'] as const)(
    'how many authors are limited when not all are (%s)',
    (by) => {
      expect(readRefusal(none, limited(by, 7), none, limited(by, 6))).toMatchObject({
        prefix: 'rate-limited',
        retryAfterSeconds: 7,
        limitedAuthors: 2,
      })
    },
  )

  it('that the store has failed', () => {
    const refusal = readRefusal(none, { outcome: 'unavailable' })
    expect(refusal).toEqual({ prefix: 'error', message: refusal.message })
  })

  it('how many authors a query may name', () => {
    const authors = ['a', 'b', 'c'].map((letter) => letter.repeat(64) as Pubkey)
    const requester = {
      name: 'somebody',
      recipient: 'somebody',
      address: '192.0.2.1',
      networkAddress: '192.0.2.1',
      authenticated: new Set<Pubkey>(),
    }
    const plan = () => planQuery([{ authors, narrowing: { kinds: [443] } }], requester, options)
    expect(messageOf(plan)).toMatch(/^restricted: /)
    expect(parseRefusal(messageOf(plan))).toMatchObject({ prefix: 'restricted', maxAuthors: 2 })
  })
})

describe('every machine-readable part is parsed as it was written:', () => {
  it.each([0, 1, 59, 604_800, 999_999_999])('a retry after %i s', (seconds) => {
    const { message } = new Refusal('rate-limited', withRetryAfter('10 queries per 3600 s', seconds))
    expect(parseRefusal(message)).toEqual({ prefix: 'rate-limited', message, retryAfterSeconds: seconds })
  })

  it.each([
    [1, 2],
    [499, 500],
  ])('%i of %i authors', (some, all) => {
    const { message } = new Refusal('rate-limited', forSomeAuthors(some, all, withRetryAfter('limited', 8)))
    expect(parseRefusal(message)).toMatchObject({ limitedAuthors: some, retryAfterSeconds: 8 })
  })

  it.each([1, 500])('at most %i authors', (maxAuthors) => {
    expect(parseRefusal(new Refusal('restricted', atMostAuthors(maxAuthors)).message)).toMatchObject({
      maxAuthors,
    })
  })

  it("the exposures of an owner's packages", () => {
    const exposures = new Map([
      ['a'.repeat(64), { requests: 1, since: 1_700_000_000 }],
      ['b'.repeat(64), { requests: 23, since: 1_700_000_060 }],
    ])
    expect(parseExposureNotice(exposureNotice(exposures))).toEqual(exposures)
  })
})

describe('the messages of other relays', () => {
  it.each([
    ['rate-limited: slow down', 'rate-limited'],
    ['auth-required: who are you?', 'auth-required'],
    ['could not connect: no', ''],
    ['ERROR: bad req', ''],
    ['', ''],
  ])('%p has the prefix %p, and no numbers', (message, prefix) => {
    expect(parseRefusal(message)).toEqual({ prefix, message })
  })

  it('are no exposures', () => {
    expect(parseExposureNotice(`missing: ${'a'.repeat(64)} to 1 requests since 1`)).toEqual(new Map())
  })
})

function messageOf(act: () => unknown): string {
  try {
    act()
  } catch (error) {
    return (error as Error).message
  }
  return ''
}
