/** Whose turn it is to make the next piece of an answer (I9). */

import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, it } from '@jest/globals'
import { type Queuer, type Turn, Turns } from '../../../plugin/request/turns.ts'

const ADDRESS = '192.0.2.1'
const open = new AbortController().signal

/** What came of a wait for a turn, as far as it is over. */
function waiting(queuer: Queuer, gone = open): { turn?: Turn | undefined; isOver: boolean } {
  const wait: { turn?: Turn | undefined; isOver: boolean } = { isOver: false }
  queuer.turn(gone).then((turn) => Object.assign(wait, { turn, isOver: true }))
  return wait
}

async function turnOf(queuer: Queuer): Promise<Turn> {
  const turn = await queuer.turn(open)
  if (turn === undefined) throw new Error('nobody has left')
  return turn
}

describe('pieces of answers to one address', () => {
  it('are made one at a time, and one in a turn of the event loop', async () => {
    const turns = new Turns()
    const first = await turnOf(turns.join(ADDRESS, 100))
    const second = waiting(turns.join(ADDRESS, 100))
    await nextTurn()
    expect(second.isOver).toBe(false)
    first.made(10)
    await Promise.resolve()
    expect(second.isOver).toBe(false)
    await nextTurn()
    expect(second.isOver).toBe(true)
  })

  it('wait while those under way take as much as they may, until one is taken', async () => {
    const turns = new Turns()
    const queuer = turns.join(ADDRESS, 100)
    const large = await turnOf(queuer)
    large.made(100)
    const next = waiting(queuer)
    await nextTurn()
    expect(next.isOver).toBe(false)
    large.end()
    await nextTurn()
    expect(next.turn).toBeDefined()
  })

  it('go to who has waited longest', async () => {
    const turns = new Turns()
    const [greedy, patient] = [turns.join(ADDRESS, 100), turns.join(ADDRESS, 100)]
    const first = await turnOf(greedy)
    const waits = [waiting(patient), waiting(greedy)]
    first.end()
    await nextTurn()
    expect(waits.map(({ isOver }) => isOver)).toEqual([true, false])
  })

  it('are not waited for by who has left, and those behind come first', async () => {
    const turns = new Turns()
    const queuer = turns.join(ADDRESS, 100)
    const first = await turnOf(queuer)
    const leaving = new AbortController()
    const [left, stays] = [waiting(queuer, leaving.signal), waiting(queuer)]
    leaving.abort()
    await nextTurn()
    expect(left).toEqual({ isOver: true, turn: undefined })
    first.end()
    await nextTurn()
    expect(stays.turn).toBeDefined()
    expect(await queuer.turn(leaving.signal)).toBeUndefined()
  })

  it('share the limit over one IPv6 /64, and nothing with another address', async () => {
    const turns = new Turns()
    const first = await turnOf(turns.join('2001:db8::1', 100))
    first.made(100)
    const [same, other] = [
      waiting(turns.join('2001:db8::2', 100)),
      waiting(turns.join('2001:db8:0:1::1', 100)),
    ]
    await nextTurn()
    expect([same.isOver, other.isOver]).toEqual([false, true])
  })

  it('are forgotten with the last answer', async () => {
    const turns = new Turns()
    const queuer = turns.join(ADDRESS, 100)
    const turn = await turnOf(queuer)
    turn.made(100)
    queuer.leave()
    expect(await turnOf(turns.join(ADDRESS, 100))).toBeDefined()
  })
})
