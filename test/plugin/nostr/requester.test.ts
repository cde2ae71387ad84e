/** The part of a network address that quotas count. */

import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { addressKey } from '../../../plugin/nostr/requester.ts'

describe('an address', () => {
  it.each([
    ['203.0.113.7', '203.0.113.7'],
    ['::ffff:203.0.113.7', '203.0.113.7'],
    ['::FFFF:cb00:7107', '203.0.113.7'],
    ['0:0:0:0:0:ffff:203.0.113.7', '203.0.113.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:0DB8:0001:0002::', '2001:db8:1:2::/64'],
    ['2001:db8::5', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['::', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['fe80::2%25wlan1', 'fe80:0:0:0::/64'],
    ['1:2:3:4:5:6:7::', '1:2:3:4::/64'],
    ['/run/relay.sock', '/run/relay.sock'],
    ['not:an:address', 'not:an:address'],
    ['', ''],
  ])('%s counts as %s', (address, key) => {
    expect(addressKey(address)).toBe(key)
  })

  it('counts once for each /64 (I5)', () => {
    const group = fc.integer({ min: 0, max: 0xffff }).map((value) => value.toString(16))
    const half = fc.tuple(group, group, group, group).map((groups) => groups.join(':'))
    fc.assert(
      fc.property(half, half, half, half, (network, other, host, another) => {
        fc.pre(network !== other && !network.startsWith('0:0:0:0') && !other.startsWith('0:0:0:0'))
        expect(addressKey(`${network}:${host}`)).toBe(addressKey(`${network}:${another}`))
        expect(addressKey(`${network}:${host}`)).not.toBe(addressKey(`${other}:${host}`))
      }),
      { seed: 1 },
    )
  })

  it('is short, whatever the input (I9)', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 500 }), (text) => {
        expect(addressKey(text).length).toBeLessThanOrEqual(64)
      }),
      { seed: 1 },
    )
  })
})
