/** How many clients may be connected at the same time, by address and by network. */

import { describe, expect, it } from '@jest/globals'
import { ConnectionLimits, type Place } from '../../../../adapters/relays/server/connection-limits.ts'

function admitted(limits: ConnectionLimits, address: string): Place | number {
  const admission = limits.admit(address)
  return admission.outcome === 'admitted' ? admission.place : admission.status
}

describe('connections from one address', () => {
  it('are limited, and one that ends makes room', () => {
    const limits = new ConnectionLimits({ maxConnections: 100, maxConnectionsPerAddress: 1 })
    const first = limits.admit('192.0.2.1')
    expect([admitted(limits, '192.0.2.1'), first.outcome]).toEqual([429, 'admitted'])
    if (first.outcome === 'admitted') first.place.release()
    expect(limits.admit('192.0.2.1').outcome).toBe('admitted')
  })

  it('of IPv6 are limited by the /64, and by the /48 ten times as high', () => {
    const limits = new ConnectionLimits({ maxConnections: 100, maxConnectionsPerAddress: 1 })
    const outcomes = Array.from(
      { length: 11 },
      (_, subnet) => limits.admit(`2001:db8:0:${subnet}::1`).outcome,
    )
    expect(outcomes).toEqual([...new Array<string>(10).fill('admitted'), 'refused'])
    expect(admitted(limits, '2001:db8:0:1::2')).toBe(429)
    expect(limits.admit('2001:db8:1::1').outcome).toBe('admitted')
  })
})
