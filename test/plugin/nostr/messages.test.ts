/** Text frames, and the replies to refused messages (NIP-01). */

import { describe, expect, it } from '@jest/globals'
import { type ClientMessage, parseMessage, type RelayMessage } from '../../../plugin/nostr/messages.ts'
import { Refusal, refusalMessage } from '../../../plugin/nostr/refusal.ts'

describe('a text frame', () => {
  it('is a message if it is a JSON array that begins with a verb', () => {
    expect(parseMessage('["REQ","sub",{}]')).toEqual(['REQ', 'sub', {}])
    expect(parseMessage(' [ "CLOSE" ] ')).toEqual(['CLOSE'])
  })

  it.each(['', '[', '{}', 'null', '"REQ"', '[]', '[1]', '[["REQ"]]', '["REQ"', 'NaN'])(
    'is none: %j',
    (text) => {
      expect(parseMessage(text)).toBeUndefined()
    },
  )
})

describe('a refusal', () => {
  const why = 'blocked: for a reason'
  const cases: [ClientMessage, RelayMessage][] = [
    [
      ['EVENT', { id: 'x' }],
      ['OK', 'x', false, why],
    ],
    [
      ['AUTH', { id: 'x' }],
      ['OK', 'x', false, why],
    ],
    [
      ['EVENT', { id: 7 }],
      ['NOTICE', why],
    ],
    [
      ['EVENT', null],
      ['NOTICE', why],
    ],
    [['EVENT'], ['NOTICE', why]],
    [
      ['REQ', 'sub'],
      ['CLOSED', 'sub', why],
    ],
    [
      ['COUNT', 'sub'],
      ['CLOSED', 'sub', why],
    ],
    [
      ['REQ', 7],
      ['NOTICE', why],
    ],
    [['COUNT'], ['NOTICE', why]],
    [
      ['NEG-OPEN', 'sub'],
      ['NEG-ERR', 'sub', why],
    ],
    [
      ['NEG-OPEN', null],
      ['NOTICE', why],
    ],
    [
      ['CLOSE', 'sub'],
      ['NOTICE', why],
    ],
  ]

  it.each(cases)('of %j is %j', (message, reply) => {
    expect(refusalMessage(message, new Refusal('blocked', 'for a reason'))).toEqual(reply)
  })
})
