/** What operators have changed of the NIP-11 document: how fresh it is, and what is known without the store. */

import { describe, expect, it } from '@jest/globals'
import { OperatorInformation } from '../../plugin/information.ts'
import type { ChangedInformation, InformationField } from '../../plugin/store.ts'
import { gate } from '../support/gate.ts'
import { testLog } from '../support/log.ts'

/** A store whose answers the test holds back or makes fail. */
function start() {
  let now = 1_700_000_000
  let kept: ChangedInformation = {}
  let answer: () => Promise<void> = async () => undefined
  let reads = 0
  const late = new AbortController()
  const log = testLog()
  const information = new OperatorInformation({
    store: {
      information: async () => {
        reads += 1
        const read = kept
        await answer()
        return read
      },
      putInformation: async (field: InformationField, value: string) => {
        await answer()
        kept = { ...kept, [field]: value }
      },
    },
    log,
    now: () => now,
    deadline: () => late.signal,
  })
  return {
    information,
    log,
    late,
    reads: () => reads,
    advance: (seconds: number) => {
      now += seconds
    },
    /** Another process changes it. */
    keep: (changed: ChangedInformation) => {
      kept = changed
    },
    answerWith: (next: () => Promise<void>) => {
      answer = next
    },
  }
}

const down = () => Promise.reject(new Error('down'))

describe('what operators have changed', () => {
  it('is read once a second at most, however many ask', async () => {
    const test = start()
    test.keep({ name: 'Keys' })
    const asked = await Promise.all([1, 2, 3].map(() => test.information.current()))
    expect(asked).toEqual([{ name: 'Keys' }, { name: 'Keys' }, { name: 'Keys' }])
    test.keep({ name: 'Locks' })
    expect(await test.information.current()).toEqual({ name: 'Keys' })
    expect(test.reads()).toBe(1)
    test.advance(1)
    expect(await test.information.current()).toEqual({ name: 'Locks' })
  })

  it('is known at once where it was changed', async () => {
    const test = start()
    await test.information.current()
    await test.information.change('name', 'Keys')
    await test.information.change('description', '')
    expect(await test.information.current()).toEqual({ name: 'Keys' })
  })

  it('is not undone by a reading that began before the change', async () => {
    const test = start()
    const { opened, open } = gate()
    test.answerWith(() => opened)
    const asked = test.information.current()
    test.answerWith(async () => undefined)
    await test.information.change('name', 'Keys')
    open()
    expect(await asked).toEqual({ name: 'Keys' })
  })

  it('is what was known last when the store is down, which is logged once', async () => {
    const test = start()
    await test.information.change('name', 'Keys')
    test.answerWith(down)
    for (const _ of [1, 2, 3]) {
      test.advance(1)
      expect(await test.information.current()).toEqual({ name: 'Keys' })
    }
    expect(test.log.lines).toHaveLength(1)
    await expect(test.information.change('name', 'Locks')).rejects.toThrow('down')
    expect(await test.information.current()).toEqual({ name: 'Keys' })
  })

  it('is not waited for longer than a moment (I7)', async () => {
    const test = start()
    test.answerWith(() => new Promise(() => undefined))
    const asked = test.information.current()
    test.late.abort()
    expect(await asked).toEqual({})
  })
})
