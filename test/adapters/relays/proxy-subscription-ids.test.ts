/** Which subscription a relay's message belongs to, whatever was closed and opened again before it came. */

import { describe, expect, it } from '@jest/globals'
import { SubscriptionIds } from '../../../adapters/relays/proxy/subscription-ids.ts'

const FILTER = { kinds: [1] }
const NOTE = { kind: 1 }

/** A connection on which the id `s` was closed before its end and opened again; with the id that the relay has now. */
function reopened(): { readonly ids: SubscriptionIds; readonly relayId: unknown } {
  const ids = new SubscriptionIds()
  ids.up(['REQ', 's', FILTER])
  ids.up(['CLOSE', 's'])
  const [, relayId] = ids.up(['REQ', 's', FILTER])
  return { ids, relayId }
}

describe('an id', () => {
  it('is the same on both sides as long as no two subscriptions can be confused', () => {
    const ids = new SubscriptionIds()
    for (const message of [
      ['REQ', 's', FILTER],
      ['CLOSE', 's'],
      ['EVENT', NOTE],
      ['COUNT', 's', FILTER],
    ] as const) {
      expect(ids.up(message)).toBe(message)
    }
    const again = new SubscriptionIds()
    again.up(['REQ', 's', FILTER])
    again.down(['EOSE', 's'])
    again.up(['CLOSE', 's'])
    expect(again.up(['REQ', 's', FILTER])).toEqual(['REQ', 's', FILTER])
    expect(again.isPlain).toBe(true)
  })

  it("is another at the relay when it is opened again before its end; what comes late is nobody's", () => {
    const { ids, relayId } = reopened()
    expect(relayId).not.toBe('s')
    for (const late of [
      ['EVENT', 's', NOTE],
      ['EOSE', 's'],
    ] as const)
      expect(ids.down(late)).toBeUndefined()
    expect(ids.down(['EVENT', relayId, NOTE])).toEqual(['EVENT', 's', NOTE])
    expect(ids.down(['EOSE', relayId])).toEqual(['EOSE', 's'])
    expect(ids.up(['CLOSE', 's'])).toEqual(['CLOSE', relayId])
    expect(ids.down(['EVENT', relayId, NOTE])).toBeUndefined()
    expect(ids.isPlain).toBe(true)
  })

  it('of the relay is forgotten when the relay closes it (I9)', () => {
    const { ids, relayId } = reopened()
    ids.down(['CLOSED', 's', ''])
    expect(ids.down(['CLOSED', relayId, 'why'])).toEqual(['CLOSED', 's', 'why'])
    expect(ids.down(['EVENT', relayId, NOTE])).toBeUndefined()
    expect(ids.isPlain).toBe(true)
  })

  it('of the relay is not one that a client can guess', () => {
    const [first, second] = [reopened().relayId, reopened().relayId]
    expect(first).toMatch(/^[\w-]{12}:1$/)
    expect(first).not.toBe(second)
  })

  it('that is none by NIP-01 passes as it is, and nothing is remembered of it (I9)', () => {
    const ids = new SubscriptionIds()
    for (const id of ['', 'x'.repeat(65), 7, null, { s: 1 }, ['s']]) {
      for (const verb of ['REQ', 'CLOSE', 'REQ']) expect(ids.up([verb, id])).toEqual([verb, id])
      for (const verb of ['EOSE', 'EOSE']) expect(ids.down([verb, id])).toEqual([verb, id])
    }
    expect(ids.isPlain).toBe(true)
  })
})

describe('exactly one EOSE per REQ', () => {
  it('where the relay says it twice', () => {
    const ids = new SubscriptionIds()
    ids.up(['REQ', 's', FILTER])
    expect(ids.down(['EOSE', 's'])).toEqual(['EOSE', 's'])
    expect(ids.down(['EOSE', 's'])).toBeUndefined()
    ids.up(['REQ', 's', FILTER])
    expect(ids.down(['EOSE', 's'])).toEqual(['EOSE', 's'])
  })

  it('where it says it twice of one that was opened again, or of the one before it', () => {
    const { ids, relayId } = reopened()
    for (const _turn of [1, 2]) expect(ids.down(['EOSE', 's'])).toBeUndefined()
    expect(ids.down(['EOSE', relayId])).toEqual(['EOSE', 's'])
    expect(ids.down(['EOSE', relayId])).toBeUndefined()
  })

  it('two for a REQ in place of one that has not ended', () => {
    const ids = new SubscriptionIds()
    for (const _turn of [1, 2]) ids.up(['REQ', 's', FILTER])
    const ends = [1, 2, 3].map(() => ids.down(['EOSE', 's']))
    expect(ends).toEqual([['EOSE', 's'], ['EOSE', 's'], undefined])
  })

  it('also where a CLOSED for the one before it comes late', () => {
    const ids = new SubscriptionIds()
    ids.up(['REQ', 's', FILTER])
    ids.down(['EOSE', 's'])
    ids.up(['REQ', 's', FILTER])
    ids.down(['CLOSED', 's', 'error: restarting'])
    expect(ids.down(['EOSE', 's'])).toEqual(['EOSE', 's'])
  })
})
