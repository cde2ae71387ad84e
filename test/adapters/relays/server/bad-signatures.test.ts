/** Clients whose signatures are wrong again and again: closed, and kept out where their address is their own. */

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { BadSignatures } from '../../../../adapters/relays/server/bad-signatures.ts'
import type { SignedEvent } from '../../../../plugin/nostr/messages.ts'
import { Client } from '../../../support/client.ts'
import { keyPackageEvent, makeKeyPackage, NOW } from '../../../support/key-packages.ts'
import { person } from '../../../support/people.ts'
import { startTestProxy, type TestProxy } from '../../../support/proxy.ts'

const alice = person('alice')

describe('the count of wrong signatures', () => {
  let now = NOW
  const start = (maxBadSignaturesPerMinute: number) =>
    new BadSignatures({ options: { maxBadSignaturesPerMinute }, clock: () => now * 1000 })
  const from = (address: string, isKnown = true) => ({ address, isKnown, isVouchedFor: isKnown })
  beforeEach(() => {
    now = NOW
  })

  it('is that of all connections of one address, IPv6 by its /64', () => {
    const bad = start(4)
    const addresses = ['2001:db8::1', '2001:db8::2', '2001:db8::3', '2001:db8::4', '2001:db8::5']
    const counters = addresses.map((address) => bad.counter(from(address)))
    expect(counters.map((count) => count())).toEqual([...new Array(4).fill('tolerated'), 'too many'])
    expect(bad.isKeptOut('2001:db8::6')).toBe(true)
    expect(bad.isKeptOut('2001:db8:0:1::6')).toBe(false)
    expect(bad.counter(from('203.0.113.1'))()).toBe('tolerated')
  })

  it('begins again after a minute, and ten after the address was kept out', () => {
    const bad = start(1)
    const count = bad.counter(from('203.0.113.1'))
    expect(count()).toBe('tolerated')
    now += 61
    expect([count(), count()]).toEqual(['tolerated', 'too many'])
    now += 599
    expect([bad.isKeptOut('203.0.113.1'), count()]).toEqual([true, 'too many'])
    now += 1
    expect([bad.isKeptOut('203.0.113.1'), count()]).toEqual([false, 'tolerated'])
  })

  it('is that of one connection alone where the address may be that of a proxy', () => {
    const bad = start(2)
    const counters = [bad.counter(from('127.0.0.1', false)), bad.counter(from('127.0.0.1', false))]
    for (const count of counters)
      expect([count(), count(), count()]).toEqual(['tolerated', 'tolerated', 'too many'])
    expect(bad.isKeptOut('127.0.0.1')).toBe(false)
  })

  it('has no limit if that is 0', () => {
    const count = start(0).counter(from('203.0.113.1'))
    for (let times = 0; times < 1000; times++) expect(count()).toBe('tolerated')
  })
})

describe('a server', () => {
  let proxy: TestProxy
  let wrong: SignedEvent
  let wrongMls: SignedEvent
  beforeEach(async () => {
    const made = await makeKeyPackage(alice)
    const event = keyPackageEvent(alice, made)
    wrong = { ...event, sig: event.sig.replace(/^./, (digit) => (digit === '0' ? '1' : '0')) }
    const bytes = Buffer.from(made.bytes)
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1
    wrongMls = keyPackageEvent(alice, made, { content: bytes.toString('base64') })
  })
  afterEach(() => proxy.stop())

  const start = async (trust: string[]) => {
    proxy = await startTestProxy({ proxy: { trust }, server: { maxBadSignaturesPerMinute: 4 } })
  }
  const from = (address: string) => Client.greeted(proxy.url, { headers: { 'x-forwarded-for': address } })

  it('closes who sends them again and again, over many connections as well, and keeps the address out (I9)', async () => {
    await start(['127.0.0.1'])
    const clients = await Promise.all(Array.from({ length: 5 }, () => from('203.0.113.1')))
    for (const [index, client] of clients.slice(0, 4).entries()) {
      const [accepted, message] = await client.publish(index % 2 === 0 ? wrong : wrongMls)
      expect([accepted, message]).toEqual([false, expect.stringMatching(/^invalid: (the|a) signature/)])
    }
    clients.at(-1)?.send(['EVENT', wrong])
    expect(await clients.at(-1)?.ended).toBe(1008)
    clients[0]?.send(['EVENT', wrong])
    expect(await clients[0]?.ended).toBe(1008)
    await expect(from('203.0.113.1')).rejects.toThrow('429')
    const other = await from('203.0.113.2')
    expect((await other.publish(keyPackageEvent(alice, await makeKeyPackage(alice))))[0]).toBe(true)
  })

  it('closes a connection alone that comes from where others may come from, too', async () => {
    await start([])
    const client = await from('203.0.113.1')
    for (let times = 0; times < 5; times++) client.send(['EVENT', wrong])
    expect(await client.ended).toBe(1008)
    const other = await from('203.0.113.1')
    expect((await other.publish(wrong))[0]).toBe(false)
  })
})
