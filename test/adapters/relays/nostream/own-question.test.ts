/** What nostream's handler emits for a REQ of the gateway's own: the client sees none of it, and everything else. */

import { describe, expect, it } from '@jest/globals'
import { OwnQuestion } from '../../../../adapters/relays/nostream/own-question.ts'

const event = { id: '0'.repeat(64) }

describe('a REQ of the gateway', () => {
  it('takes its own subscription, events and EOSE, and leaves those of the client', async () => {
    const question = new OwnQuestion()
    const { id } = question
    await question.putTo({ handleMessage: async () => {} }, ['REQ', id, {}])
    expect(question.takes('subscribe', [id, []])).toBe(true)
    expect(question.takes('subscribe', ['sub', []])).toBe(false)
    expect(question.takes('event', [event])).toBe(false)
    for (const verb of ['EVENT', 'EOSE'])
      expect(question.takes('message', [[verb, 'sub', event]])).toBe(false)
    expect(question.takes('message', [['NOTICE', 'for the client']])).toBe(false)
    expect(question.takes('message', [['EVENT', id, event]])).toBe(true)
    expect(() => question.answer()).toThrow('refused')
    expect(question.takes('message', [['EOSE', id]])).toBe(true)
    expect(question.answer()).toEqual([event])
  })

  it('that nostream refuses has no answer, and the client no NOTICE', async () => {
    const question = new OwnQuestion()
    const shown: unknown[] = []
    const emit = (message: unknown) => question.takes('message', [message]) || shown.push(message)
    const handleMessage = async () => void emit(['NOTICE', 'Subscription rejected: Too many subscriptions'])
    await question.putTo({ handleMessage }, ['REQ', question.id, {}])
    expect(shown).toEqual([])
    expect(() => question.answer()).toThrow('refused')
  })
})
