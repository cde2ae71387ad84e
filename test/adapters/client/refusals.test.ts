/** What the client understands of refusals: those of the gateway word for word, and those of others as far as they go. */

import { describe, expect, it } from '@jest/globals'
import { parseRefusal } from '../../../adapters/client/refusals.ts'
import type { Pubkey } from '../../../plugin/nostr/messages.ts'
import { resolveOptions } from '../../../plugin/options.ts'
import { planQuery, type QueryOutcome, refusalOf } from '../../../plugin/query.ts'

const options = resolveOptions({ claim: { maxAuthors: 2 } })
const none = { outcome: 'none' } as const
const limited = (by: 'perAuthor' | 'perAddress' | 'perRequester', retryAfterSeconds: number) =>
  ({ outcome: 'limited', by, retryAfterSeconds }) as const

function said(...outcomes: readonly QueryOutcome[]) {
  return parseRefusal(refusalOf(outcomes, options)?.message ?? '')
}

describe('what the gateway says', () => {
  it.each(['perAuthor', 'perAddress', 'perRequester'] as const)('that all are limited (%s)', (by) => {
    expect(said(limited(by, 5), limited(by, 3599))).toEqual({
      prefix: 'rate-limited',
      message: expect.any(String),
      retryAfterSeconds: 3599,
    })
  })

  it.each(['perAuthor', 'perAddress', 'perRequester'] as const)('that some are limited (%s)', (by) => {
    expect(said(none, limited(by, 7), none, limited(by, 6))).toMatchObject({
      prefix: 'rate-limited',
      retryAfterSeconds: 7,
      limitedAuthors: 2,
    })
  })

  it('that its store fails', () => {
    const { prefix, retryAfterSeconds, limitedAuthors } = said(none, { outcome: 'unavailable' })
    expect({ prefix, retryAfterSeconds, limitedAuthors }).toEqual({ prefix: 'error' })
  })

  it('that there are too many authors', () => {
    const authors = ['a', 'b', 'c'].map((letter) => letter.repeat(64))
    const requester = { name: 'somebody', address: '192.0.2.1', authenticated: new Set<Pubkey>() }
    const ask = () => planQuery([{ authors, narrowing: { kinds: [443] } }], requester, options)
    expect(ask).toThrow()
    try {
      ask()
    } catch (error) {
      expect(parseRefusal((error as Error).message)).toMatchObject({ prefix: 'restricted', mostAuthors: 2 })
    }
  })
})

describe('what others say', () => {
  it.each([
    ['rate-limited: slow down', 'rate-limited'],
    ['auth-required: who are you?', 'auth-required'],
    ['could not connect: no', ''],
    ['ERROR: bad req', ''],
    ['', ''],
  ])('%p has the prefix %p, and nothing that it does not say', (message, prefix) => {
    expect(parseRefusal(message)).toEqual({ prefix, message })
  })
})
