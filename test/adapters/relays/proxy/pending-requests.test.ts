/** What a stopping proxy waits for: the answers that the relay still owes a client. */

import { describe, expect, it } from '@jest/globals'
import { PendingRequests } from '../../../../adapters/relays/proxy/pending-requests.ts'

/** Whether a server that stops now would have nothing to wait for. */
async function isAnswered(pending: PendingRequests): Promise<boolean> {
  let answered = false
  void pending.allAnswered().then(() => {
    answered = true
  })
  await new Promise(setImmediate)
  return answered
}

describe('the relay still owes an answer', () => {
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
  ] as const)('to %j until it sends %j', async (question, answer) => {
    const pending = new PendingRequests()
    pending.sent(question)
    expect(await isAnswered(pending)).toBe(false)
    pending.received(['EVENT', 's', {}])
    expect(await isAnswered(pending)).toBe(false)
    pending.received(answer)
    expect(await isAnswered(pending)).toBe(true)
  })

  it('no longer once the client has closed the subscription, or the connection is closed', async () => {
    const pending = new PendingRequests()
    pending.sent(['REQ', 's', {}])
    pending.sent(['CLOSE', 's'])
    expect(await isAnswered(pending)).toBe(true)
    pending.sent(['REQ', 's', {}])
    pending.clear()
    expect(await isAnswered(pending)).toBe(true)
  })

  it('never for an id that NIP-01 does not allow: it is not remembered, however long it is (I9)', async () => {
    const pending = new PendingRequests()
    for (const id of ['x'.repeat(65), '', 7, null, ['s']]) {
      for (const verb of ['REQ', 'COUNT']) pending.sent([verb, id, {}])
    }
    expect(await isAnswered(pending)).toBe(true)
  })
})
