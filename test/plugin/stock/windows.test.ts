/** Sliding windows: what they grant, how long to wait for more, and what they forget. */

import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import {
  countClaim,
  countedOf,
  hit,
  type KeptWindow,
  record,
  refund,
  room,
  slide,
  uncountClaim,
  type Window,
  type WindowName,
  windowsOf,
} from '../../../plugin/stock/windows.ts'
import type { ClaimPolicy } from '../../../plugin/store.ts'
import { authorNamed, claimBy, HOUR, NOW, PLENTY, POLICY } from '../../contract/index.ts'

const quotas = fc.record({
  max: fc.integer({ min: 1, max: 20 }),
  windowSeconds: fc.integer({ min: 1, max: 100 }),
})
const attempts = fc.array(fc.record({ waits: fc.nat(30), cost: fc.nat(10) }), { maxLength: 60, size: 'max' })

describe('a sliding window', () => {
  it('never holds more than its quota, and refuses nothing there is room for (I5)', () => {
    fc.assert(
      fc.property(quotas, attempts, (quota, attempts) => {
        let window: KeptWindow | undefined
        const granted: [at: number, cost: number][] = []
        let now = NOW
        for (const { waits, cost } of attempts) {
          now += waits
          const used = granted
            .filter(([at]) => at > now - quota.windowSeconds)
            .reduce((sum, [, c]) => sum + c, 0)
          const answer = hit(window, cost, quota, now)
          expect(answer.outcome.granted).toBe(Math.min(cost, quota.max - used))
          granted.push([now, answer.outcome.granted])
          window = answer.window
        }
      }),
      { seed: 1 },
    )
  })

  it('has room for one more after retryAfterSeconds, and not before', () => {
    fc.assert(
      fc.property(quotas, attempts, (quota, attempts) => {
        let window: KeptWindow | undefined
        let now = NOW
        for (const { waits, cost } of attempts) {
          now += waits
          const { window: after, outcome } = hit(window, cost, quota, now)
          window = after
          if (outcome.granted === cost) expect(outcome.retryAfterSeconds).toBe(0)
          else {
            const askAt = (at: number) => hit(window, 1, quota, at).outcome.granted
            expect(askAt(now + outcome.retryAfterSeconds - 1)).toBe(0)
            expect(askAt(now + outcome.retryAfterSeconds)).toBe(1)
          }
        }
      }),
      { seed: 2 },
    )
  })

  it('is as if a hit had never been once it is refunded, whatever was recorded since (I5)', () => {
    const refunded = fc.record({ waits: fc.nat(3), cost: fc.nat(4), refunds: fc.option(fc.nat(3)) })
    fc.assert(
      fc.property(quotas, fc.array(refunded, { maxLength: 60, size: 'max' }), (quota, attempts) => {
        let window: KeptWindow | undefined
        let now = NOW
        const granted: [at: number, cost: number][] = []
        for (const { waits, cost, refunds } of attempts) {
          now += waits
          const used = granted
            .filter(([at]) => at > now - quota.windowSeconds)
            .reduce((sum, [, c]) => sum + c, 0)
          const answer = hit(window, cost, quota, now)
          expect(answer.outcome.granted).toBe(Math.min(cost, quota.max - used))
          granted.push([now, answer.outcome.granted])
          window = answer.window
          const ago = refunds === null ? undefined : granted.at(-1 - refunds)
          if (ago === undefined) continue
          window = refund(window, ago[1], quota, ago[0])
          ago[1] = 0
        }
      }),
      { seed: 3 },
    )
  })

  it('stays the same object where a refund finds nothing, and is gone where it finds all', () => {
    const quota = { max: 5, windowSeconds: 60 }
    const kept: KeptWindow = { window: [[NOW, 2]], keptUntil: NOW + 60 }
    expect(refund(undefined, 1, quota, NOW)).toBeUndefined()
    expect(refund(kept, 0, quota, NOW)).toBe(kept)
    expect(refund(kept, 2, quota, NOW - 1)).toBe(kept)
    expect(refund(kept, 2, quota, NOW + 60)).toBe(kept)
    expect(refund(kept, 1, quota, NOW)).toEqual({ window: [[NOW, 1]], keptUntil: NOW + 60 })
    expect(refund(kept, 9, quota, NOW)).toBeUndefined()
  })

  it('stays the same object where nothing fell out or went in', () => {
    const window: Window = [[NOW, 1]]
    expect(slide(window, 60, NOW + 59)).toBe(window)
    expect(slide(window, 60, NOW + 60)).toEqual([])
    const kept = { window, keptUntil: NOW + 60 }
    expect(hit(kept, 1, { max: 1, windowSeconds: 60 }, NOW + 59).window).toBe(kept)
  })

  it('keeps what was recorded last when the clock is put back, so that nothing falls out too early', () => {
    expect(record([[NOW, 1]], 2, NOW - 10)).toEqual([[NOW, 3]])
    expect(record([[NOW, 1]], 2, NOW)).toEqual([[NOW, 3]])
  })

  it('waits for enough to fall out where the quota was lowered since', () => {
    const window: Window = [
      [NOW - 50, 1],
      [NOW - 40, 1],
      [NOW - 30, 1],
    ]
    expect(room(window, 1, { max: 2, windowSeconds: 60 }, NOW)).toEqual({ granted: 0, retryAfterSeconds: 20 })
  })
})

describe('the windows of a claim', () => {
  const request = claimBy('bob', authorNamed('alice'), { address: 'here', network: 'this network' })
  const { network: _, ...elsewhere } = request
  const policy: ClaimPolicy = {
    ...POLICY,
    perAuthor: { max: 1, windowSeconds: HOUR },
    perAddress: { max: 1, windowSeconds: HOUR },
  }
  const full = (at: number, cost = 1): KeptWindow => ({ window: [[at, cost]], keptUntil: at + HOUR })
  const delivered = {
    outcome: 'delivered',
    packages: [],
    remaining: 0,
    sharedUsed: false,
    freshTaken: 1,
    counted: true,
  } as const

  it('are those of the requester, the address, and the network of an IPv6 address', () => {
    expect(windowsOf(request)).toEqual(['requester bob', 'address here', 'network this network'])
    expect(windowsOf(elsewhere)).toEqual(['requester bob', 'address here'])
  })

  it('each count it, and are asked for by those names alone', () => {
    const asked: WindowName[] = []
    const counted = countClaim((name) => void asked.push(name), request, policy, NOW)
    expect(asked).toEqual(windowsOf(request))
    expect(counted).toEqual(new Map(windowsOf(request).map((name) => [name, full(NOW)])))
  })

  it('limit it by the one that takes longest to have room', () => {
    const limit = (windows: Partial<Record<WindowName, KeptWindow>>) =>
      countClaim((name) => windows[name], request, policy, NOW)
    const limited = { outcome: 'limited', by: 'perAuthor', retryAfterSeconds: HOUR }
    const sooner = full(NOW - 60)
    expect(limit({ 'requester bob': full(NOW) })).toEqual(limited)
    expect(limit({ 'requester bob': full(NOW), 'address here': sooner })).toEqual(limited)
    expect(limit({ 'requester bob': full(NOW), 'address here': full(NOW) })).toEqual(limited)
    expect(limit({ 'requester bob': sooner, 'address here': full(NOW) })).toEqual({
      ...limited,
      by: 'perAddress',
    })
    const ofNetwork = limit({ 'network this network': full(NOW - 1, 10) })
    expect(ofNetwork).toEqual({ ...limited, by: 'perAddress', retryAfterSeconds: HOUR - 1 })
    expect(limit({ 'network this network': full(NOW - 1, 9) })).toBeInstanceOf(Map)
  })

  it('give back what it counted, and nothing of a claim that counted nothing', () => {
    const counted = { requester: 'bob', address: 'here', policy, freshTaken: 1, at: NOW }
    expect(countedOf(request, delivered, policy, NOW)).toEqual({ ...counted, network: 'this network' })
    expect(countedOf(elsewhere, delivered, policy, NOW)).toStrictEqual(counted)
    expect(countedOf(request, { ...delivered, counted: false }, policy, NOW)).toBeUndefined()
    expect(countedOf(request, { outcome: 'none' }, policy, NOW)).toBeUndefined()
    const forSlots = { ...request, narrowings: [{ kinds: [30443] }] }
    expect(countedOf(forSlots, delivered, policy, NOW)).toBeUndefined()
    const windows = new Map<WindowName, KeptWindow>([['requester bob', full(NOW, 2)]])
    expect(uncountClaim((name) => windows.get(name), counted)).toEqual(
      new Map([
        ['requester bob', full(NOW)],
        ['address here', undefined],
      ]),
    )
  })

  it('have room for everybody else', () => {
    const windows: Partial<Record<WindowName, KeptWindow>> = { 'requester bob': full(NOW) }
    const plenty = { ...policy, perAddress: PLENTY }
    const others = { ...request, requester: 'carol' }
    expect(countClaim((name) => windows[name], others, plenty, NOW)).toBeInstanceOf(Map)
  })
})
