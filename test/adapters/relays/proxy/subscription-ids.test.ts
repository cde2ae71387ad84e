/** Which subscription a relay's message belongs to when its id was closed and opened again in the meantime. */

import { describe, expect, it } from '@jest/globals'
import { SubscriptionIds } from '../../../../adapters/relays/proxy/subscription-ids.ts'

const FILTER = { kinds: [1] }
const NOTE = { kind: 1 }

/** The id `s` closed before its EOSE and opened again, with the id that the relay knows now. */
function reopened(): { readonly ids: SubscriptionIds; readonly relayId: unknown } {
  const ids = new SubscriptionIds()
  ids.toRelay(['REQ', 's', FILTER])
  ids.toRelay(['CLOSE', 's'])
  const [, relayId] = ids.toRelay(['REQ', 's', FILTER])
  return { ids, relayId }
}

describe('a subscription id', () => {
  it('is the same on both sides as long as no two subscriptions can be confused', () => {
    const ids = new SubscriptionIds()
    for (const message of [
      ['REQ', 's', FILTER],
      ['CLOSE', 's'],
      ['EVENT', NOTE],
      ['COUNT', 's', FILTER],
    ] as const) {
      expect(ids.toRelay(message)).toBe(message)
    }
    const again = new SubscriptionIds()
    again.toRelay(['REQ', 's', FILTER])
    again.toClient(['EOSE', 's'])
    again.toRelay(['CLOSE', 's'])
    expect(again.toRelay(['REQ', 's', FILTER])).toEqual(['REQ', 's', FILTER])
    expect(again.isPlain).toBe(true)
  })

  it('gets an alias at the relay when it is opened again before its EOSE, and late messages are dropped', () => {
    const { ids, relayId } = reopened()
    expect(relayId).not.toBe('s')
    for (const late of [
      ['EVENT', 's', NOTE],
      ['EOSE', 's'],
    ] as const)
      expect(ids.toClient(late)).toBeUndefined()
    expect(ids.toClient(['EVENT', relayId, NOTE])).toEqual(['EVENT', 's', NOTE])
    expect(ids.toClient(['EOSE', relayId])).toEqual(['EOSE', 's'])
    expect(ids.toRelay(['CLOSE', 's'])).toEqual(['CLOSE', relayId])
    expect(ids.toClient(['EVENT', relayId, NOTE])).toBeUndefined()
    expect(ids.isPlain).toBe(true)
  })

  it('is forgotten with its alias when the relay closes the subscription (I9)', () => {
    const { ids, relayId } = reopened()
    ids.toClient(['CLOSED', 's', ''])
    expect(ids.toClient(['CLOSED', relayId, 'why'])).toEqual(['CLOSED', 's', 'why'])
    expect(ids.toClient(['EVENT', relayId, NOTE])).toBeUndefined()
    expect(ids.isPlain).toBe(true)
  })

  it('has an alias that no client can guess', () => {
    const [first, second] = [reopened().relayId, reopened().relayId]
    expect(first).toMatch(/^[\w-]{12}:1$/)
    expect(first).not.toBe(second)
  })

  it('that NIP-01 does not allow passes unchanged and is not remembered (I9)', () => {
    const ids = new SubscriptionIds()
    for (const id of ['', 'x'.repeat(65), 7, null, { s: 1 }, ['s']]) {
      for (const verb of ['REQ', 'CLOSE', 'REQ']) expect(ids.toRelay([verb, id])).toEqual([verb, id])
      for (const verb of ['EOSE', 'EOSE']) expect(ids.toClient([verb, id])).toEqual([verb, id])
    }
    expect(ids.isPlain).toBe(true)
  })
})

describe('exactly one EOSE per REQ', () => {
  it('when the relay sends two', () => {
    const ids = new SubscriptionIds()
    ids.toRelay(['REQ', 's', FILTER])
    expect(ids.toClient(['EOSE', 's'])).toEqual(['EOSE', 's'])
    expect(ids.toClient(['EOSE', 's'])).toBeUndefined()
    ids.toRelay(['REQ', 's', FILTER])
    expect(ids.toClient(['EOSE', 's'])).toEqual(['EOSE', 's'])
  })

  it('when the relay sends two for a subscription that was opened again, or for the one before it', () => {
    const { ids, relayId } = reopened()
    for (const _turn of [1, 2]) expect(ids.toClient(['EOSE', 's'])).toBeUndefined()
    expect(ids.toClient(['EOSE', relayId])).toEqual(['EOSE', 's'])
    expect(ids.toClient(['EOSE', relayId])).toBeUndefined()
  })

  it('two when a REQ replaces one that has had no EOSE', () => {
    const ids = new SubscriptionIds()
    for (const _turn of [1, 2]) ids.toRelay(['REQ', 's', FILTER])
    const ends = [1, 2, 3].map(() => ids.toClient(['EOSE', 's']))
    expect(ends).toEqual([['EOSE', 's'], ['EOSE', 's'], undefined])
  })

  it('also when a CLOSED for the previous one arrives late', () => {
    const ids = new SubscriptionIds()
    ids.toRelay(['REQ', 's', FILTER])
    ids.toClient(['EOSE', 's'])
    ids.toRelay(['REQ', 's', FILTER])
    ids.toClient(['CLOSED', 's', 'error: restarting'])
    expect(ids.toClient(['EOSE', 's'])).toEqual(['EOSE', 's'])
  })
})
