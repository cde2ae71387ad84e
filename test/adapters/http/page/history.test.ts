/** What the charts draw of the last hour: how often each outcome occurred in the minute before each sample. */

import { describe, expect, it } from '@jest/globals'
import {
  type History,
  lastMinute,
  linesPerMinute,
  type Sample,
} from '../../../../adapters/http/page/operator/history.ts'

const KNOWN = ['delivered', 'shared', 'none', 'limited']

function historyOf(counts: readonly Sample['claims'][], intervalSeconds = 10): History {
  const samples = counts.map((claims, index) => ({
    at: index * intervalSeconds,
    claims,
    publishes: {},
    refusals: {},
    connections: 0,
    authors: null,
    lowAuthors: null,
    outAuthors: null,
    storeMs: { p50: null, p99: null },
  }))
  return { intervalSeconds, samples }
}

const ones = (count: number) => Array.from({ length: count }, () => ({ delivered: 1 }))

describe('linesPerMinute', () => {
  it('adds up the minute before each sample; at the start, what there is', () => {
    const [line] = linesPerMinute(historyOf([...ones(8), { delivered: 5 }]), 'claims', KNOWN)
    expect(line).toEqual({ label: 'Delivered', colour: 0, values: [1, 2, 3, 4, 5, 6, 6, 6, 10] })
  })

  it('draws what occurred, and the first even if it did not', () => {
    const lines = linesPerMinute(historyOf([{ limited: 2, none: 0 }, {}]), 'claims', KNOWN)
    expect(lines.map(({ label }) => label)).toEqual(['Delivered', 'Over a limit'])
  })

  it('gives each outcome its own colour, whichever others there are', () => {
    const colourOf = (counts: Sample['claims']) =>
      linesPerMinute(historyOf([counts]), 'claims', KNOWN).find(({ label }) => label === 'Over a limit')
        ?.colour
    expect(colourOf({ limited: 1 })).toBe(3)
    expect(colourOf({ limited: 1, none: 1, shared: 1 })).toBe(3)
  })

  it('draws outcomes that it does not know, by the name that the server gives them', () => {
    const lines = linesPerMinute(historyOf([{ surprising: 1 }]), 'claims', KNOWN)
    expect(lines.at(-1)).toEqual({ label: 'surprising', colour: 4, values: [1] })
  })

  it('draws the first alone of an empty hour', () => {
    expect(linesPerMinute(historyOf([]), 'claims', KNOWN)).toEqual([
      { label: 'Delivered', colour: 0, values: [] },
    ])
  })

  it('scales intervals of more than a minute', () => {
    const [line] = linesPerMinute(historyOf([{ delivered: 10 }], 120), 'claims', KNOWN)
    expect(line?.values).toEqual([5])
  })
})

describe('lastMinute', () => {
  it('counts all outcomes', () => {
    expect(lastMinute(historyOf([{ delivered: 9 }, ...ones(5), { none: 2, delivered: 1 }]), 'claims')).toBe(8)
    expect(lastMinute(historyOf([]), 'claims')).toBe(0)
  })
})
