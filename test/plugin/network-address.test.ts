/** How addresses are read wherever they come from: sockets, headers, settings, an embedding relay. */

import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { isLoopback, isPrivate, NetworkSet, readAddress, readNetwork } from '../../plugin/network-address.ts'
import { addressKey } from '../../plugin/nostr/requester.ts'

describe('readAddress', () => {
  it.each([
    ['203.0.113.7', '203.0.113.7'],
    ['203.0.113.7:1234', '203.0.113.7'],
    ['"203.0.113.7:1234"', '203.0.113.7'],
    ['203.0.113.7:_gazonk', '203.0.113.7'],
    [' 203.0.113.7 ', '203.0.113.7'],
    ['2001:DB8:0:0::1', '2001:db8::1'],
    ['[2001:db8::1]', '2001:db8::1'],
    ['[2001:db8::1]:443', '2001:db8::1'],
    ['"[2001:db8::1]:443"', '2001:db8::1'],
    ['"[2001:db8::1]"', '2001:db8::1'],
    ['2001:db8::1:443', '2001:db8::1:443'],
    ['[::ffff:203.0.113.7]:443', '203.0.113.7'],
    ['::ffff:cb00:7107', '203.0.113.7'],
    ['64:ff9b::203.0.113.7', '203.0.113.7'],
    ['fe80::1%eth0', 'fe80::1'],
    ['[fe80::1%25eth0]:443', 'fe80::1'],
  ])('reads %s as %s', (text, address) => expect(readAddress(text)).toBe(address))

  it.each([
    [''],
    ['unknown'],
    ['_hidden'],
    ['unix:'],
    ['localhost'],
    ['127.1'],
    ['0x7f000001'],
    ['203.0.113.007'],
    ['203.0.113.7:'],
    ['203.0.113.7:123456'],
    ['[203.0.113.7]'],
    ['[2001:db8::1'],
    ['2001:db8::1]'],
    ['203.0.113.7, 203.0.113.8'],
    [`[${'1:'.repeat(10_000)}1]`],
  ])('does not read %.40s', (text) => expect(readAddress(text)).toBeUndefined())

  it('takes a translated address for no more than a public one (RFC 6052 section 3.1)', () => {
    expect(readAddress('64:ff9b::7f00:1')).toBe('64:ff9b::7f00:1')
    expect(isLoopback('64:ff9b::7f00:1')).toBe(false)
  })

  it('reads what it wrote in the same way', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (text) => {
        const address = readAddress(text)
        expect(address).toBeDefined()
        expect(readAddress(String(address))).toBe(address)
        expect(readNetwork(String(address))).toBe(address)
      }),
      { seed: 1 },
    )
  })

  it('never gives one client another address for another port (I5)', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), fc.nat(65_535), (text, port) => {
        const host = text.includes(':') ? `[${text}]` : text
        expect(addressKey(`${host}:${port}`)).toBe(addressKey(text))
      }),
      { seed: 1 },
    )
  })
})

describe('the ranges of addresses', () => {
  it.each([
    ['127.0.0.1'],
    ['::1'],
    ['::ffff:127.0.0.1'],
    ['10.1.2.3'],
    ['172.17.0.1'],
    ['192.168.1.1:80'],
    ['100.64.0.1'],
    ['169.254.1.1'],
    ['fd00::1'],
    ['fe80::1%eth0'],
  ])('has %s as private', (text) => expect(isPrivate(text)).toBe(true))

  it.each([['203.0.114.7'], ['2600::1'], ['172.32.0.1'], ['unknown'], ['']])('has %s as not', (text) => {
    expect(isPrivate(text)).toBe(false)
  })
})

describe('a set of networks', () => {
  it('has the addresses of its networks, however they are written', () => {
    const set = new NetworkSet(['10.1.2.3/8', '::ffff:192.0.2.0/120', 'fe80::/64', 'no network'])
    const addresses = ['10.9.9.9:80', '::ffff:10.0.0.1', '192.0.2.9', 'fe80::7%eth0', '"[fe80::7]:1"']
    expect(addresses.filter((address) => !set.has(address))).toEqual([])
    expect(['11.0.0.1', '192.0.3.1', '2001:db8::1', 'unknown', undefined].filter((a) => set.has(a))).toEqual(
      [],
    )
  })
})
