/** The shape of a signed event (NIP-01). */

import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { isSignedEvent, shapeFault } from '../../../plugin/nostr/event.ts'
import { signEvent } from '../../support/key-packages.ts'
import { person } from '../../support/people.ts'

const event = signEvent(person().secretKey, { kind: 1, created_at: 1, tags: [['t', 'x'], []], content: '' })

describe('a signed event', () => {
  it('has the fields of NIP-01 and may have more', () => {
    expect(isSignedEvent(event)).toBe(true)
    expect(isSignedEvent({ ...event, more: 1 })).toBe(true)
  })

  it.each([null, undefined, 1, 'text', [], [event]])('is not %j', (value) => {
    expect(shapeFault(value)).toBe('an event must be a JSON object')
  })

  it.each([
    [{ id: event.id.toUpperCase().replace(/^./, 'A') }, 'id must be 64 lower-case hex characters'],
    [{ id: event.id.slice(1) }, 'id must be 64 lower-case hex characters'],
    [{ pubkey: `${event.pubkey}\n` }, 'pubkey must be 64 lower-case hex characters'],
    [{ sig: event.id }, 'sig must be 128 lower-case hex characters'],
    [{ created_at: 1.5 }, 'created_at must be an integer (seconds since the epoch)'],
    [{ created_at: '1' }, 'created_at must be an integer (seconds since the epoch)'],
    [{ created_at: 2 ** 53 }, 'created_at must be an integer (seconds since the epoch)'],
    [{ kind: -1 }, 'kind must be an integer from 0 to 65535'],
    [{ kind: 65_536 }, 'kind must be an integer from 0 to 65535'],
    [{ kind: null }, 'kind must be an integer from 0 to 65535'],
    [{ tags: {} }, 'tags must be an array of arrays of strings'],
    [{ tags: ['t'] }, 'tags must be an array of arrays of strings'],
    [{ tags: [['t', 1]] }, 'tags must be an array of arrays of strings'],
    [{ content: undefined }, 'content must be a string'],
    [{ content: 'a\ud800' }, 'tags and content must not contain lone surrogates'],
    [{ tags: [['t'], ['\udc00', 'x']] }, 'tags and content must not contain lone surrogates'],
  ])('with %j is refused: %s', (changes, fault) => {
    expect(shapeFault({ ...event, ...changes })).toBe(fault)
  })

  it('is distinguished from any other JSON without throwing (I9)', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(isSignedEvent(value)).toBe(false)
      }),
    )
  })
})
