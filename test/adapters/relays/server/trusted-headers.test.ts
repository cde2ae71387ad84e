/** Who sent a request: from the connection, and from what trusted reverse proxies say (RFC 7239, X-Forwarded-For, X-Real-IP). */

import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { beforeEach, describe, expect, it } from '@jest/globals'
import { proxyOptionsSchema } from '../../../../adapters/relays/server/server-options.ts'
import { ClientAddresses, localHost } from '../../../../adapters/relays/server/trusted-headers.ts'
import { type TestLog, testLog } from '../../../support/log.ts'

type Headers = Readonly<Record<string, string>>

const TRUST = ['127.0.0.0/8', '10.0.0.0/8', 'fd00::/8']
const UPGRADE = { upgrade: 'websocket' }

let log: TestLog
beforeEach(() => {
  log = testLog()
})

function requestFrom(remoteAddress: string | undefined, headers: Headers, localAddress = '127.0.0.1') {
  const socket = new Socket()
  for (const [name, value] of Object.entries({ remoteAddress, localAddress }))
    Object.defineProperty(socket, name, { value })
  return Object.assign(new IncomingMessage(socket), { headers: { ...UPGRADE, ...headers } })
}

function addresses(options: object = {}) {
  return new ClientAddresses(proxyOptionsSchema.parse({ trust: TRUST, ...options }), log)
}

const senderOf = (headers: Headers, peer = '127.0.0.1', options = {}) =>
  addresses(options).senderOf(requestFrom(peer, headers))

/** Of a client behind a trusted proxy. */
const known = (address: string) => ({ address, isVouchedFor: true, isKnown: true })
/** Of a client whom nobody names, at this proxy. */
const unknownAt = (address: string) => ({ address, isVouchedFor: true, isKnown: false })

describe('X-Forwarded-For of a trusted proxy', () => {
  it.each([
    ['203.0.113.9', '203.0.113.9'],
    ['203.0.113.7:1234', '203.0.113.7'],
    ['2001:db8::1', '2001:db8::1'],
    ['[2001:db8::1]:443', '2001:db8::1'],
    ['[2001:DB8::1]', '2001:db8::1'],
    ['"203.0.113.7:1234"', '203.0.113.7'],
    ['"[2001:db8::1]:443"', '2001:db8::1'],
    ['198.51.100.1, 203.0.113.9', '203.0.113.9'],
    ['198.51.100.1, 203.0.113.9:80, 10.1.2.3:4711', '203.0.113.9'],
    ['203.0.113.9, unix:', '203.0.113.9'],
    ['not an address, 203.0.113.9', '203.0.113.9'],
    ['::ffff:203.0.113.9', '203.0.113.9'],
    ['203.0.113.9, ::ffff:10.0.0.1', '203.0.113.9'],
    ['203.0.113.9, [fd00::1%eth0]:80', '203.0.113.9'],
  ])('%s is %s', (forwarded, address) => {
    expect(senderOf({ 'x-forwarded-for': forwarded })).toEqual(known(address))
    expect(log.lines).toEqual([])
  })

  it('names nobody whose limits are their own where the whole chain is trusted', () => {
    expect(senderOf({ 'x-forwarded-for': '10.9.9.9, 10.1.2.3' })).toEqual(unknownAt('10.9.9.9'))
  })

  it.each([
    ['203.0.113.9, not an address', '127.0.0.1'],
    ['203.0.113.9, unknown', '127.0.0.1'],
    ['203.0.113.9,', '127.0.0.1'],
    ['not an address, 10.1.2.3', '10.1.2.3'],
    ['203.0.113.9, _hidden, 10.1.2.3', '10.1.2.3'],
  ])('%s lets its clients share the limits of %s, and says so once', (forwarded, address) => {
    const asked = addresses()
    for (let times = 0; times < 2; times += 1)
      expect(asked.senderOf(requestFrom('127.0.0.1', { 'x-forwarded-for': forwarded }))).toEqual(
        unknownAt(address),
      )
    expect(log.lines).toEqual([
      expect.objectContaining({ level: 'warn', message: expect.stringContaining('no address') }),
    ])
    expect(JSON.stringify(log.lines).length).toBeLessThan(600)
  })
})

describe('Forwarded of a trusted proxy (RFC 7239)', () => {
  it.each([
    ['for=203.0.113.9', '203.0.113.9'],
    ['For="203.0.113.9:4711"', '203.0.113.9'],
    ['for="[2001:db8:cafe::17]:4711"', '2001:db8:cafe::17'],
    ['for="[2001:db8:cafe::17]:_obfuscated"', '2001:db8:cafe::17'],
    ['for = 203.0.113.9 ; proto=https;by=203.0.113.43', '203.0.113.9'],
    ['proto=http;host="a;for=198.51.100.1,b";for=203.0.113.9', '203.0.113.9'],
    ['for=198.51.100.1, for=203.0.113.9, for=10.0.0.1', '203.0.113.9'],
    ['for=198.51.100.1,for="[fd00::1]"', '198.51.100.1'],
    ['for="\\2\\0\\3.0.113.9"', '203.0.113.9'],
    // What a client wrote before the proxies did must not hide what they wrote.
    ['for="198.51.100.1, for=203.0.113.9', '203.0.113.9'],
    ['for=", for="[2001:db8::7]"', '2001:db8::7'],
    ['for=a";", for=203.0.113.9;host="x\\", for=198.51.100.1;y=\\"z"', '203.0.113.9'],
  ])('%s is %s', (forwarded, address) => {
    expect(senderOf({ forwarded })).toEqual(known(address))
    expect(log.lines).toEqual([])
  })

  it.each([
    ['for=_gazonk'],
    ['for=unknown'],
    ['for="_SEVKISEK"'],
    ['proto=https'],
    ['for=203.0.113.9;for=203.0.113.10'],
    ['203.0.113.9'],
    ['for=203.0.113.9, by=10.0.0.1'],
  ])('%s lets its clients share the limits of the proxy, and says so', (forwarded) => {
    expect(senderOf({ forwarded })).toEqual(unknownAt('127.0.0.1'))
    expect(log.lines).toHaveLength(1)
  })

  it('stalls nobody and does not fill the log when it is as long as a header can be (I9)', () => {
    const asked = addresses()
    for (const part of [',', ';', '"', '\\', ' ', ',for="', 'for=a ', '\\"', ',for=10.0.0.1'])
      asked.senderOf(requestFrom('127.0.0.1', { forwarded: part.repeat(16_384 / part.length) }))
    expect(log.lines.length).toBeLessThan(5)
  })
})

describe('several headers', () => {
  const both = {
    'x-forwarded-for': '203.0.113.9',
    forwarded: 'for=198.51.100.1',
    'x-real-ip': '198.51.100.2',
  }

  it('are X-Forwarded-For first, and said to disagree once', () => {
    const asked = addresses()
    for (let times = 0; times < 2; times += 1)
      expect(asked.senderOf(requestFrom('127.0.0.1', both))).toEqual(known('203.0.113.9'))
    expect(log.lines).toEqual([
      expect.objectContaining({ message: expect.stringContaining('proxy.addressHeader') }),
    ])
  })

  it('may name a proxy on the way, or the same client', () => {
    const chain = { 'x-forwarded-for': '203.0.113.9, 10.0.0.1' }
    senderOf({ ...chain, 'x-real-ip': '10.0.0.1', forwarded: 'for="203.0.113.9:80";proto=https' })
    expect(log.lines).toEqual([])
  })

  it.each([
    ['forwarded', '198.51.100.1'],
    ['x-real-ip', '198.51.100.2'],
    ['x-forwarded-for', '203.0.113.9'],
  ])('are read no more once proxy.addressHeader is %s', (addressHeader, address) => {
    expect(senderOf(both, '127.0.0.1', { addressHeader })).toEqual(known(address))
    const { [addressHeader]: _, ...others } = both as Headers
    expect(senderOf(others, '127.0.0.1', { addressHeader })).toEqual(unknownAt('127.0.0.1'))
    expect(log.lines).toEqual([
      expect.objectContaining({ message: expect.stringContaining('names no client') }),
    ])
  })
})

describe('a peer', () => {
  it('that is a trusted proxy and names nobody is one client to limits, and the log says so once', () => {
    const asked = addresses()
    for (let times = 0; times < 2; times += 1)
      expect(asked.senderOf(requestFrom('::ffff:127.0.0.1', {}))).toEqual(unknownAt('127.0.0.1'))
    expect(log.lines).toHaveLength(1)
  })

  it.each([
    [{ 'x-forwarded-for': '203.0.113.9' }],
    [{ forwarded: 'for=203.0.113.9' }],
    [{ 'x-real-ip': '203.0.113.9' }],
  ])('that is private and not trusted is not believed, and the log says so: %j', (headers) => {
    const sender = { address: '192.168.0.1', isVouchedFor: false, isKnown: false }
    expect(senderOf(headers, '192.168.0.1')).toEqual(sender)
    expect(log.lines).toEqual([
      expect.objectContaining({ message: expect.stringContaining('is not trusted') }),
    ])
  })

  it('that is public is known unless it forwards for others', () => {
    expect(senderOf({}, '::ffff:203.0.113.9')).toEqual({ ...known('203.0.113.9'), isVouchedFor: false })
    for (const name of ['via', 'cf-connecting-ip', 'forwarded'])
      expect(senderOf({ [name]: 'for=198.51.100.1' }, '203.0.113.9').isKnown).toBe(false)
    expect(log.lines).toEqual([])
  })

  it('that has disconnected is trusted with nothing', () => {
    const sender = addresses().senderOf(requestFrom(undefined, { 'x-forwarded-for': '203.0.113.9' }))
    expect(sender).toMatchObject({ address: '', isVouchedFor: false })
  })
})

describe('the Host header', () => {
  it.each([
    ['127.0.0.1:7447', '127.0.0.1'],
    ['localhost', '::1'],
    ['127.0.0.1', '::ffff:127.0.0.1'],
    ['[2001:DB8:0::1]:80', '2001:db8::1'],
    ['[::ffff:7f00:1]', '127.0.0.1'],
  ])('%s is believed by the machine at %s', (host, localAddress) => {
    expect(localHost(requestFrom('127.0.0.1', { host }, localAddress))).toBe(host)
  })

  it.each([['relay.example.com'], ['127.0.0.2'], ['[::1]'], [''], ['a b']])('%s is not', (host) => {
    expect(localHost(requestFrom('127.0.0.1', { host }))).toBeUndefined()
  })
})
