/** The progress bar: shown on a terminal, and nowhere else. */

import { PassThrough } from 'node:stream'
import { describe, expect, it } from '@jest/globals'
import { createProgress } from '../../../adapters/cli/terminal.ts'

describe('the progress bar', () => {
  it('shows the part that is done, and clears its line at the end', () => {
    const stream = terminal(true)
    const progress = createProgress(stream, 'lines')
    progress.show(1234, 0.5)
    progress.end()
    const bar = `[${'='.repeat(15)}${' '.repeat(15)}]  50 %  1,234 lines`
    expect(stream.read()).toBe(`\r\u001b[K${bar}\r\u001b[K`)
  })

  it('shows only a count where the total is unknown', () => {
    const stream = terminal(true)
    createProgress(stream, 'lines').show(7, undefined)
    expect(stream.read()).toBe('\r\u001b[K7 lines')
  })

  it('is not redrawn on every call', () => {
    const stream = terminal(true)
    const progress = createProgress(stream, 'lines')
    for (let count = 0; count < 1000; count += 1) progress.show(count, undefined)
    expect(stream.read().length).toBeLessThan(200)
  })

  it('shows the rate and the time left, once a second has passed', () => {
    const stream = terminal(true)
    let now = 0
    const progress = createProgress(stream, 'lines', () => now)
    now = 2000
    progress.show(5000, 0.02)
    expect(stream.read()).toMatch(/ {3}2 % {2}5,000 lines, 2,500\/s, 1:38 left$/)
    now = 4000
    progress.show(9000, undefined)
    expect(stream.read()).toBe('\r\u001b[K9,000 lines, 2,250/s')
    now = 6000
    progress.show(12_000, 1)
    expect(stream.read()).toMatch(/100 % {2}12,000 lines, 2,000\/s$/)
  })

  it('writes nothing where there is no terminal', () => {
    const stream = terminal(false)
    const progress = createProgress(stream, 'lines')
    progress.show(1, 1)
    progress.end()
    expect(stream.read()).toBe(null)
  })
})

function terminal(isTTY: boolean): NodeJS.WriteStream {
  const stream = new PassThrough({ encoding: 'utf8' })
  return Object.assign(stream, { isTTY }) as unknown as NodeJS.WriteStream
}
