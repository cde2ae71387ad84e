/** Which relay an event ends up at, by what they answer. */

import { describe, expect, it } from '@jest/globals'
import type { NostrEvent } from 'nostr-tools/core'
import { Pauses } from '../../../adapters/client/pauses.ts'
import { type PublishOutcome, publishOnce } from '../../../adapters/client/publish.ts'
import { eventually } from '../../support/eventually.ts'
import { ManualTime } from '../../support/manual-time.ts'

const event = { id: 'event' } as NostrEvent
const time = new ManualTime()

/** Publishes at the relays, each of which answers in turn as it is told here; resolves to who was asked, too. */
async function publish(answers: Readonly<Record<string, readonly PublishOutcome['outcome'][]>>) {
  const asked: string[] = []
  const publishing = publishOnce(event, Object.keys(answers), {
    attempts: 3,
    time,
    pauses: new Pauses(time),
    publishAt: async (relay) => {
      const earlier = asked.filter((other) => other === relay).length
      asked.push(relay)
      return { outcome: answers[relay]?.[earlier] ?? 'refused', message: `${relay} ${earlier + 1}` }
    },
  })
  let isOver = false
  const over = publishing.finally(() => {
    isOver = true
  })
  await eventually('it is published or given up', () => {
    time.advance(60_000)
    return isOver
  })
  const { acceptedBy, refusals, unanswered } = await over
  return {
    asked,
    acceptedBy: acceptedBy.map(({ relay }) => relay),
    refusals: refusals.map(({ message }) => message),
    unanswered: unanswered.map(({ message }) => message),
  }
}

describe('an event that one relay is to have', () => {
  it('goes to the first that takes it, and to no other (I1)', async () => {
    expect(await publish({ a: ['accepted'], b: ['accepted'] })).toEqual({
      asked: ['a'],
      acceptedBy: ['a'],
      refusals: [],
      unanswered: [],
    })
  })

  it('goes to the next where one refuses it, or is not there', async () => {
    expect(await publish({ a: ['refused'], b: ['unreachable'], c: ['accepted'] })).toEqual({
      asked: ['a', 'b', 'c'],
      acceptedBy: ['c'],
      refusals: ['a 1', 'b 1'],
      unanswered: [],
    })
  })

  it('stays with a relay that may have it already (I1)', async () => {
    expect(await publish({ a: ['unanswered', 'unanswered', 'accepted'], b: ['accepted'] })).toEqual({
      asked: ['a', 'a', 'a'],
      acceptedBy: ['a'],
      refusals: [],
      unanswered: [],
    })
  })

  it('is offered again to those who were not there, so often, and not to those who refused it', async () => {
    expect(await publish({ a: ['refused'], b: ['unreachable', 'unreachable', 'unreachable'] })).toEqual({
      asked: ['a', 'b', 'b', 'b'],
      acceptedBy: [],
      refusals: ['a 1', 'b 3'],
      unanswered: [],
    })
  })

  it('is not said to be refused by a relay that never answered: that one may hand it out', async () => {
    const never = ['unanswered', 'unanswered', 'unanswered'] as const
    expect(await publish({ a: ['refused'], b: never, c: ['accepted'] })).toEqual({
      asked: ['a', 'b', 'b', 'b'],
      acceptedBy: [],
      refusals: ['a 1'],
      unanswered: ['b 3'],
    })
  })

  it.each(['refused', 'unreachable'] as const)(
    'is where it may be, though its relay is %s later',
    async (later) => {
      const { acceptedBy, refusals, unanswered } = await publish({ a: ['unanswered', later, later], b: [] })
      expect({ acceptedBy, refusals }).toEqual({ acceptedBy: [], refusals: [] })
      expect(unanswered).toHaveLength(1)
    },
  )
})
