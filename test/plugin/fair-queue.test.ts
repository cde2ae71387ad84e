/** Work that waits by address. */

import { describe, expect, it } from '@jest/globals'
import { AddressLines, FairQueue } from '../../plugin/fair-queue.ts'
import { gate } from '../support/gate.ts'

describe('lines by address', () => {
  it('give an address with small items its next one before one with large ones has as much', () => {
    const lines = new AddressLines<string>(({ length }) => length)
    for (let count = 0; count < 3; count++) {
      lines.add('large', 'x'.repeat(10))
      for (let index = 0; index < 10; index++) lines.add('small', 'y')
    }
    const taken = Array.from({ length: 33 }, () => lines.take()?.[0]).join('')
    expect(taken).toBe(`y${`x${'y'.repeat(10)}`.repeat(3)}`.slice(0, -1))
    expect(lines.take()).toBeUndefined()
  })

  it('neither favour who was idle, nor let who has had much begin anew', () => {
    const lines = new AddressLines<string>(({ length }) => length)
    lines.add('idle', 'i')
    lines.take()
    for (let count = 0; count < 10; count++) {
      lines.add('busy', 'b'.repeat(10))
      lines.take()
    }
    for (let count = 0; count < 20; count++) lines.add('idle', 'i')
    for (let count = 0; count < 2; count++) lines.add('busy', 'b'.repeat(10))
    const next = Array.from({ length: 22 }, () => lines.take()?.[0]).join('')
    expect(next).toBe(`${'i'.repeat(11)}b${'i'.repeat(9)}b`)
  })

  it('do not let what is small wait for what is large of many addresses', () => {
    const lines = new AddressLines<string>(({ length }) => length)
    const flood = Array.from({ length: 40 }, (_, index) => `${index} floods`.padEnd(100))
    for (const item of flood) lines.add(item, item)
    for (let round = 0; round < 3; round++) {
      const first = lines.take() ?? ''
      lines.add(first, first)
      lines.add('honest', 'h')
      expect(lines.take()).toBe('h')
      for (let index = 1; index < flood.length; index++) {
        const item = lines.take() ?? ''
        lines.add(item, item)
      }
    }
  })

  it('leave out who may have nothing now', () => {
    const lines = new AddressLines<string>(() => 1)
    for (const item of ['a1', 'b1', 'a2']) lines.add(item[0] ?? '', item)
    expect([lines.take((address) => address !== 'a'), lines.take((address) => address !== 'a')]).toEqual([
      'b1',
      undefined,
    ])
    expect([lines.take(), lines.take()]).toEqual(['a1', 'a2'])
  })
})

describe('the fair queue', () => {
  it('takes turns between addresses, however much one of them has waiting', async () => {
    const queue = new FairQueue(1)
    const done: string[] = []
    const work = (name: string) => async () => void done.push(name)
    const all = ['flood', 'flood', 'flood', 'flood', 'honest', 'other'].map((address, index) =>
      queue.run(address, work(`${address} ${index}`)),
    )
    await Promise.all(all)
    expect(done).toEqual(['flood 0', 'honest 4', 'other 5', 'flood 1', 'flood 2', 'flood 3'])
  })

  it('has no more under way than its maximum', async () => {
    const queue = new FairQueue(3)
    const opened = gate()
    let underWay = 0
    let most = 0
    const all = Array.from({ length: 20 }, (_, index) =>
      queue.run(`${index % 4}`, async () => {
        underWay += 1
        most = Math.max(most, underWay)
        await opened.opened
        underWay -= 1
      }),
    )
    opened.open()
    await Promise.all(all)
    expect(most).toBe(3)
  })

  it('does work that keeps the thread busy one piece a turn of the event loop', async () => {
    const queue = new FairQueue(16)
    let turns = 0
    let isOver = false
    const count = () => {
      turns += 1
      if (!isOver) setImmediate(count)
    }
    setImmediate(count)
    const seen = await Promise.all(Array.from({ length: 10 }, () => queue.run('', () => turns)))
    isOver = true
    expect(new Set(seen).size).toBe(10)
  })

  it('goes on after work that throws or rejects', async () => {
    const queue = new FairQueue(1)
    const failing = queue.run('', () => {
      throw new Error('thrown')
    })
    const rejecting = queue.run('', () => Promise.reject(new Error('rejected')))
    const fine = queue.run('', () => 'fine')
    await expect(failing).rejects.toThrow('thrown')
    await expect(rejecting).rejects.toThrow('rejected')
    expect(await fine).toBe('fine')
  })
})
