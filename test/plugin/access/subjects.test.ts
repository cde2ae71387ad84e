/** How pubkeys, addresses and networks are read, and which addresses are in which networks. */

import { BlockList } from 'node:net'
import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { npubEncode } from 'nostr-tools/nip19'
import { SubjectSet } from '../../../plugin/access/subject-set.ts'
import { readSubject } from '../../../plugin/access/subjects.ts'
import { person } from '../../support/people.ts'

const [alice, bob] = [person('alice'), person('bob')]

describe('readSubject', () => {
  it.each([
    [alice.pubkey, alice.pubkey],
    [alice.pubkey.toUpperCase(), alice.pubkey],
    [npubEncode(alice.pubkey), alice.pubkey],
    [` ${npubEncode(alice.pubkey).toUpperCase()} `, alice.pubkey],
    ['203.0.113.7', '203.0.113.7'],
    ['203.0.113.7/32', '203.0.113.7'],
    ['203.0.113.7/24', '203.0.113.0/24'],
    ['203.0.113.7/0', '0.0.0.0/0'],
    ['2001:DB8:0:0::1', '2001:db8::1'],
    ['2001:db8:ffff::/32', '2001:db8::/32'],
    ['2001:db8:ffff::/33', '2001:db8:8000::/33'],
    ['::ffff:203.0.113.7', '203.0.113.7'],
    ['::ffff:203.0.113.7/120', '203.0.113.0/24'],
  ])('reads %s as %s', (text, subject) => {
    expect(readSubject(text)).toBe(subject)
    expect(readSubject(subject)).toBe(subject)
  })

  it.each([
    [''],
    ['alice'],
    [alice.pubkey.slice(1)],
    [npubEncode(alice.pubkey).replace(/.$/, 'b')],
    ['127.1'],
    ['0x7f000001'],
    ['203.0.113.256'],
    ['203.0.113.7/33'],
    ['203.0.113.7/'],
    ['203.0.113.0/24/24'],
    ['2001:db8::/129'],
    ['::ffff:203.0.113.7/95'],
    ['example.com'],
  ])('does not read %s', (text) => expect(readSubject(text)).toBeUndefined())
})

describe('SubjectSet', () => {
  it('has the pubkeys it was given, and no others', () => {
    const set = new SubjectSet([alice.pubkey, '203.0.113.0/24'])
    expect([alice, bob].map(({ pubkey }) => set.hasPubkey(pubkey))).toEqual([true, false])
  })

  it.each([
    ['203.0.113.200', true],
    ['::ffff:203.0.113.200', true],
    ['203.0.114.0', false],
    ['2001:db8:0:1::9', true],
    ['2001:db8:0:1::9%eth0', true],
    ['2001:db8:0:2::9', false],
    ['::cb00:7101', false],
    ['/run/gateway.sock', false],
    ['', false],
  ])('knows whether %s is in a network: %s', (address, isIn) => {
    expect(new SubjectSet(['203.0.113.0/24', '2001:db8:0:1::/64']).hasAddress(address)).toBe(isIn)
  })

  it('agrees with the block list of Node.js on addresses and networks of one version', () => {
    // Without `::ffff:192.0.2.1` and `::192.0.2.1`, which are IPv4 addresses to us (RFC 4291 section 2.5.5).
    const version6 = fc.ipV6().filter((address) => !/:ffff:|^::[\d.]+$/i.test(address))
    const networks = [fc.ipV4Extended().filter(isPlain), version6].map((arbitrary, index) =>
      fc.tuple(arbitrary, fc.integer({ min: 0, max: index === 0 ? 32 : 128 })),
    )
    const close = fc.array(fc.nat(255), { minLength: 4, maxLength: 4 }).map((bytes) => bytes.join('.'))
    fc.assert(
      fc.property(
        fc.array(fc.oneof(...networks), { maxLength: 5 }),
        fc.oneof(close, fc.ipV4(), version6),
        (ranges, address) => {
          const theirs = new BlockList()
          const alike = ranges.filter(([start]) => versionOf(start) === versionOf(address))
          for (const [start, length] of alike) theirs.addSubnet(start, length, versionOf(start))
          const ours = new SubjectSet(
            ranges.flatMap(([start, length]) => readSubject(`${start}/${length}`) ?? []),
          )
          expect(ours.hasAddress(address)).toBe(theirs.check(address, versionOf(address)))
        },
      ),
      { numRuns: 2000 },
    )
  })
})

function isPlain(address: string): boolean {
  return /^(\d{1,3}\.){3}\d{1,3}$/.test(address) && !/(^|\.)0\d/.test(address)
}

function versionOf(address: string): 'ipv4' | 'ipv6' {
  return address.includes(':') ? 'ipv6' : 'ipv4'
}
