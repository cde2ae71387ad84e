/** What a proxy that stops waits for: the answers that the relay still owes a client. */

import { describe, expect, it } from '@jest/globals'
import { Unanswered } from '../../../adapters/relays/proxy/unanswered.ts'

/** Whether a server that stops now would not have to wait. */
async function isSettled(unanswered: Unanswered): Promise<boolean> {
  let settled = false
  void unanswered.settle().then(() => {
    settled = true
  })
  await new Promise(setImmediate)
  return settled
}

describe('a relay owes an answer', () => {
  it.each([
    [
      ['EVENT', {}],
      ['OK', 'id', true, ''],
    ],
    [
      ['AUTH', {}],
      ['OK', 'id', false, ''],
    ],
    [
      ['REQ', 's', {}],
      ['EOSE', 's'],
    ],
    [
      ['REQ', 's', {}],
      ['CLOSED', 's', ''],
    ],
    [
      ['COUNT', 'c', {}],
      ['COUNT', 'c', { count: 0 }],
    ],
  ] as const)('to %j until it says %j', async (question, answer) => {
    const unanswered = new Unanswered()
    unanswered.ask(question)
    expect(await isSettled(unanswered)).toBe(false)
    unanswered.hear(['EVENT', 's', {}])
    expect(await isSettled(unanswered)).toBe(false)
    unanswered.hear(answer)
    expect(await isSettled(unanswered)).toBe(true)
  })

  it('no more once the client has closed what it asked, or the connection is over', async () => {
    const unanswered = new Unanswered()
    unanswered.ask(['REQ', 's', {}])
    unanswered.ask(['CLOSE', 's'])
    expect(await isSettled(unanswered)).toBe(true)
    unanswered.ask(['REQ', 's', {}])
    unanswered.clear()
    expect(await isSettled(unanswered)).toBe(true)
  })

  it('never to an id that is none by NIP-01: nothing is kept of it, however long it is (I9)', async () => {
    const unanswered = new Unanswered()
    for (const id of ['x'.repeat(65), '', 7, null, ['s']]) {
      for (const verb of ['REQ', 'COUNT']) unanswered.ask([verb, id, {}])
    }
    expect(await isSettled(unanswered)).toBe(true)
  })
})
