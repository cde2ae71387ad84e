/** Which packages a narrowing means, and which of two is newer. */

import { describe, expect, it } from '@jest/globals'
import { isForSlotsAlone, isNewer, meets, sharedOf, toShare } from '../../../plugin/stock/selection.ts'
import { authorNamed, NOW, packageNamed } from '../../contract/index.ts'

const alice = authorNamed('alice')

describe('a narrowing (NIP-01)', () => {
  const pkg = packageNamed('one', alice, {
    createdAt: NOW,
    tags: [
      ['i', 'ref'],
      ['p', 'x'],
    ],
  })

  it.each([
    [{ kinds: [443] }, true],
    [{ kinds: [30443] }, false],
    [{ kinds: [443], ids: [pkg.id, 'other'] }, true],
    [{ kinds: [443], ids: [] }, false],
    [{ kinds: [443], since: NOW, until: NOW }, true],
    [{ kinds: [443], since: NOW + 1 }, false],
    [{ kinds: [443], until: NOW - 1 }, false],
    [{ kinds: [443], tags: [['i', ['other', 'ref']] as const] }, true],
    [{ kinds: [443], tags: [['i', ['ref']] as const, ['p', ['y']] as const] }, false],
    [{ kinds: [443], tags: [['d', ['ref']] as const] }, false],
  ])('%j meets: %j', (narrowing, isMet) => {
    expect(meets(pkg, narrowing)).toBe(isMet)
  })
})

describe('the newer of two packages (NIP-01)', () => {
  it('is the one created later, or the one with the lower id', () => {
    const [low, high] = ['a', 'b']
      .map((name) => packageNamed(name, alice))
      .sort((a, b) => (a.id < b.id ? -1 : 1))
    if (low === undefined || high === undefined) throw new Error('two packages')
    expect(isNewer(low, high)).toBe(true)
    expect(isNewer(high, low)).toBe(false)
    expect(isNewer({ ...high, createdAt: low.createdAt + 1 }, low)).toBe(true)
  })
})

describe('a claim', () => {
  it('is for slots alone if no filter of it asks for anything else', () => {
    const narrowings = (...kinds: number[][]) => ({ narrowings: kinds.map((each) => ({ kinds: each })) })
    expect(isForSlotsAlone(narrowings([30443]))).toBe(true)
    expect(isForSlotsAlone(narrowings([30443], [30443]))).toBe(true)
    expect(isForSlotsAlone(narrowings([30443], [443]))).toBe(false)
    expect(isForSlotsAlone(narrowings([30443, 443]))).toBe(false)
  })
})

describe('the shared package', () => {
  const [fresh, older, newer] = [3, 2, 1].map((age) =>
    packageNamed(`${age}`, alice, { createdAt: NOW - age }),
  )
  const lastResort = packageNamed('last resort', alice, { lastResort: true })
  if (fresh === undefined || older === undefined || newer === undefined) throw new Error('three packages')
  const exposure = { since: NOW, count: 1 }

  it('is the one that was exposed; of several the one that is preferred (I1)', () => {
    expect(sharedOf([fresh])).toBeUndefined()
    const several = [fresh, { ...newer, exposure }, { ...older, exposure }]
    expect(sharedOf(several)?.id).toBe(older.id)
  })

  it('becomes a last resort where there is one, or else the first', () => {
    expect(toShare([older, lastResort, newer])).toBe(lastResort)
    expect(toShare([older, newer])).toBe(older)
    expect(toShare([])).toBeUndefined()
  })
})
