/** What the process remembers of the slots it has delivered, and how much of it. */

import { describe, expect, it } from '@jest/globals'
import { SeenSlots } from '../../../plugin/request/seen-slots.ts'

describe('seen slots', () => {
  it('are remembered for each requester and author', () => {
    const seen = new SeenSlots()
    expect(seen.add('r', 'a', ['1', '2'])).toEqual(['1', '2'])
    expect(seen.add('r', 'a', ['2', '3'])).toEqual(['3'])
    expect(seen.of('r', 'a')).toEqual(['1', '2', '3'])
    expect([seen.of('r', 'b'), seen.of('s', 'a')]).toEqual([[], []])
    seen.forget('r', 'a', ['1', '3', '4'])
    expect(seen.of('r', 'a')).toEqual(['2'])
    seen.forget('r', 'a', ['2'])
    expect(seen.of('r', 'a')).toEqual([])
  })

  it('are 256 of one author to one requester; the oldest are forgotten (I9)', () => {
    const seen = new SeenSlots()
    const ids = Array.from({ length: 300 }, (_, index) => `${index}`)
    seen.add('r', 'a', ids)
    expect(seen.of('r', 'a')).toEqual(ids.slice(-256))
  })

  it('are 100,000 in all; what was used least recently is forgotten (I9)', () => {
    const seen = new SeenSlots()
    for (let author = 0; author < 50_000; author += 1) seen.add('r', `${author}`, ['1', '2'])
    expect(seen.of('r', '0')).toEqual(['1', '2'])
    seen.add('r', 'more', ['1', '2'])
    expect(seen.of('r', '1')).toEqual([])
    expect(seen.of('r', '0')).toEqual(['1', '2'])
    expect(seen.of('r', 'more')).toEqual(['1', '2'])
  })
})
