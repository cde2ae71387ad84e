/** What a request's messages tell a judge of its claims. */

import { describe, expect, it } from '@jest/globals'
import type { RelayMessage } from '../../../plugin/nostr/messages.ts'
import { person } from '../../support/people.ts'
import { Journal } from './journal.ts'
import { OpenRequest } from './open-request.ts'

const alice = person('alice').pubkey
const asker = { requester: 'bob', address: '192.0.2.1', isStranger: true, person: person('bob').pubkey }
const pkg = { id: 'a', author: alice, kind: 443 }

/** What is noted of a claim after these notices and this end. */
function outcomeOf(notices: readonly string[], ...ends: readonly RelayMessage[]) {
  const journal = new Journal()
  const claim = { authors: [alice], kinds: [443] }
  const request = new OpenRequest(
    { verb: 'REQ', filters: [], claim, way: 'a claim' },
    asker,
    journal,
    () => undefined,
  )
  request.event(pkg)
  for (const notice of notices) request.notice(notice)
  for (const end of ends) request.end(end)
  return journal.claimed.map(({ outcome, delivered }) => [outcome, delivered.length])
}

describe('a claim', () => {
  it('is answered by its EOSE', () => {
    expect(outcomeOf([], ['EOSE', 'x'])).toEqual([['answered', 1]])
  })

  it('may have been carried out where the store failed, for some authors or for all', () => {
    expect(outcomeOf(['error: key packages are unavailable, try again'], ['EOSE', 'x'])).toEqual([
      ['unknown', 1],
    ])
    expect(outcomeOf(['error: no store', 'rate-limited: slow down'], ['EOSE', 'x'])).toEqual([['unknown', 1]])
    expect(outcomeOf([], ['CLOSED', 'x', 'error: key packages are unavailable, try again'])).toEqual([
      ['unknown', 1],
    ])
  })

  it('is limited where a quota left out some authors, or all', () => {
    expect(outcomeOf(['rate-limited: try again'], ['EOSE', 'x'])).toEqual([['limited', 1]])
    expect(outcomeOf([], ['EOSE', 'x'], ['CLOSED', 'x', 'rate-limited: try again in 5 s'])).toEqual([
      ['limited', 1],
    ])
  })

  it('was not carried out where it was refused', () => {
    expect(outcomeOf([], ['CLOSED', 'x', 'blocked: not you'])).toEqual([['refused', 1]])
  })
})
