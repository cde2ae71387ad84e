/** At which relay an event is published, depending on what they answer. */

import { describe, expect, it } from '@jest/globals'
import type { NostrEvent } from 'nostr-tools/core'
import { type PublishOutcome, publishToFirst } from '../../../adapters/client/publish.ts'
import { Pauses } from '../../../adapters/client/time.ts'
import { eventually } from '../../support/eventually.ts'
import { ManualTime } from '../../support/manual-time.ts'

const event = { id: 'event' } as NostrEvent
const time = new ManualTime()

/** Publishes to relays that give these answers in order. Resolves to the result and the order in which they were tried. */
async function publish(answers: Readonly<Record<string, readonly PublishOutcome['outcome'][]>>) {
  const asked: string[] = []
  const publishing = publishToFirst(event, Object.keys(answers), {
    attempts: 3,
    time,
    pauses: new Pauses(time),
    publish: async (relay) => {
      const earlier = asked.filter((other) => other === relay).length
      asked.push(relay)
      return { outcome: answers[relay]?.[earlier] ?? 'refused', message: `${relay} ${earlier + 1}` }
    },
  })
  let isOver = false
  const over = publishing.finally(() => {
    isOver = true
  })
  await eventually('publishing has ended', () => {
    time.advance(60_000)
    return isOver
  })
  const { outcome, relays } = await over
  return { asked, outcome, relays: relays.map((answer) => `${answer.message} ${answer.outcome}`) }
}

describe('an event for one relay only', () => {
  it('goes to the first relay that accepts it, and to no other (I1)', async () => {
    expect(await publish({ a: ['accepted'], b: ['accepted'] })).toEqual({
      asked: ['a'],
      outcome: 'accepted',
      relays: ['a 1 accepted'],
    })
  })

  it('goes to the next relay if one refuses it or cannot be reached', async () => {
    expect(await publish({ a: ['refused'], b: ['unreachable'], c: ['accepted'] })).toEqual({
      asked: ['a', 'b', 'c'],
      outcome: 'accepted',
      relays: ['a 1 refused', 'b 1 unreachable', 'c 1 accepted'],
    })
  })

  it('is sent again only to the relay that may have it already (I1)', async () => {
    expect(await publish({ a: ['unanswered', 'unanswered', 'accepted'], b: ['accepted'] })).toEqual({
      asked: ['a', 'a', 'a'],
      outcome: 'accepted',
      relays: ['a 3 accepted'],
    })
  })

  it('is sent again, three times in all, to relays that could not be reached, and not to those that refused it', async () => {
    expect(await publish({ a: ['refused'], b: ['unreachable', 'unreachable', 'unreachable'] })).toEqual({
      asked: ['a', 'b', 'b', 'b'],
      outcome: 'refused',
      relays: ['a 1 refused', 'b 3 unreachable'],
    })
  })

  it('counts as unanswered, not refused, at a relay that never answered: that relay may hand it out', async () => {
    const never = ['unanswered', 'unanswered', 'unanswered'] as const
    expect(await publish({ a: ['refused'], b: never, c: ['accepted'] })).toEqual({
      asked: ['a', 'b', 'b', 'b'],
      outcome: 'unanswered',
      relays: ['a 1 refused', 'b 3 unanswered'],
    })
  })

  it.each(['refused', 'unreachable'] as const)(
    'still counts as unanswered if the relay is %s later',
    async (later) => {
      const { outcome, relays } = await publish({ a: ['unanswered', later, later], b: [] })
      expect(outcome).toBe('unanswered')
      expect(relays).toHaveLength(1)
      expect(relays[0]).toContain('unanswered')
    },
  )
})
