/** When authors are asked to rotate a slot that many have claimed, and when no more. */

import { describe, expect, it } from '@jest/globals'
import { KeyPackageGateway } from '../../../plugin/gateway.ts'
import type { RelayMessage, SignedEvent } from '../../../plugin/nostr/messages.ts'
import type { OptionsInput } from '../../../plugin/options.ts'
import { ANYBODY } from '../../support/anybody.ts'
import { keyPackagesBy, startGateway, stock, type TestGateway } from '../../support/gateway.ts'
import { keyPackageEvent, makeKeyPackage, NOW, signEvent } from '../../support/key-packages.ts'
import { alice, claimFrom, connectedAuthor, requestsTo, turns } from '../../support/low-stock.ts'
import { person } from '../../support/people.ts'

const SLOTS = { kinds: [30443], authors: [alice.pubkey] }
const REQUEST = ['REQ', 'keypackages:low', SLOTS]
const WITHDRAWAL = ['CLOSED', 'keypackages:low', 'replenished: enough key packages are stored']
const THREE: OptionsInput = { replenish: { rotateAfter: 3 } }

async function publishSlot(test: TestGateway, slot = 'phone', age = 60): Promise<SignedEvent> {
  const settings = { kind: 30443, createdAt: NOW - age, tags: { d: [slot] } }
  const event = keyPackageEvent(alice, await makeKeyPackage(alice), settings)
  expect((await test.gateway.publish(event)).message).toBe('')
  await turns()
  return event
}

/** Claims of the slots, each from an address of its own. */
async function claimSlots(test: TestGateway, times: number, filter: object = SLOTS): Promise<void> {
  for (let time = 0; time < times; time++) await test.connect().ask('REQ', 'sub', filter)
  await turns()
}

async function rotated(options: OptionsInput = THREE) {
  const test = startGateway(options)
  await publishSlot(test)
  return test
}

describe('a slot that was claimed from `rotateAfter` addresses', () => {
  it('is asked for on every connection of its author, and on no other', async () => {
    const test = await rotated()
    const devices = [await connectedAuthor(test), await connectedAuthor(test)]
    const other = test.connect()
    await other.authenticate(person('bob'))
    await claimSlots(test, 2)
    for (const device of devices) expect(requestsTo(device)).toEqual([])
    await claimSlots(test, 1)
    for (const device of devices) expect(requestsTo(device)).toEqual([REQUEST])
    expect(requestsTo(other)).toEqual([])
  })

  it('is asked for once a day at most', async () => {
    const test = await rotated()
    const author = await connectedAuthor(test)
    await claimSlots(test, 6)
    test.now += 86_399
    await claimSlots(test, 2)
    expect(requestsTo(author)).toEqual([REQUEST])
    test.now += 1
    await claimSlots(test, 1)
    expect(requestsTo(author)).toEqual([REQUEST, REQUEST])
  })

  it('is asked for once in 300 s together with the other slots of its author', async () => {
    const test = await rotated()
    await publishSlot(test, 'desk')
    const author = await connectedAuthor(test)
    await claimSlots(test, 3)
    expect(requestsTo(author)).toEqual([REQUEST])
  })

  it('is asked for when its author authenticates later, each time until it is replaced', async () => {
    const test = await rotated()
    await claimSlots(test, 3)
    for (let device = 0; device < 2; device++)
      expect(requestsTo(await connectedAuthor(test))).toEqual([REQUEST])
    await publishSlot(test, 'phone', 50)
    expect(requestsTo(await connectedAuthor(test))).toEqual([])
  })

  it('is asked for on authenticating ten times a day at most: it may be that of a device that is gone', async () => {
    const test = await rotated()
    await claimSlots(test, 3)
    let asked = 0
    for (let time = 0; time < 24; time++) {
      test.now += 3599
      asked += requestsTo(await connectedAuthor(test)).length
    }
    expect(asked).toBe(10)
  })

  it("is not asked for if it was replaced before its author's process heard of it", async () => {
    const test = await rotated()
    const [old] = await test.store.list(alice.pubkey, test.now)
    const author = await connectedAuthor(test)
    await publishSlot(test, 'phone', 50)
    await test.store.tellRotationDue(alice.pubkey, old?.ref ?? '')
    await turns()
    expect(requestsTo(author)).toEqual([])
  })

  it('is not asked for after its author has deleted it', async () => {
    const test = await rotated()
    await claimSlots(test, 3)
    await publishSlot(test, 'desk')
    const author = await connectedAuthor(test)
    const tags = [['a', `30443:${alice.pubkey}:phone`]]
    await author.say('EVENT', signEvent(alice.secretKey, { kind: 5, created_at: NOW, tags, content: '' }))
    await turns()
    expect(author.pushed.at(-1)).toEqual(WITHDRAWAL)
    expect(requestsTo(await connectedAuthor(test))).toEqual([])
  })

  it('counts claims of its alias of kind 443, which is the same KeyPackage', async () => {
    const test = startGateway(THREE)
    const keyPackage = await makeKeyPackage(alice)
    await test.gateway.publish(keyPackageEvent(alice, keyPackage, { kind: 30443, tags: { d: ['phone'] } }))
    await test.gateway.publish(keyPackageEvent(alice, keyPackage))
    const author = await connectedAuthor(test)
    await claimSlots(test, 3, keyPackagesBy(alice))
    expect(requestsTo(author)).toEqual([REQUEST])
  })
})

describe('nobody is asked to rotate a slot', () => {
  it('that the same address claims again and again', async () => {
    const test = await rotated()
    const author = await connectedAuthor(test)
    for (let time = 0; time < 6; time++)
      await test.connect({ address: `2001:db8::${time}` }).ask('REQ', 'sub', SLOTS)
    await turns()
    expect(requestsTo(author)).toEqual([])
  })

  it('that was pushed to those who watch its author', async () => {
    const test = startGateway(THREE)
    const watchers = Array.from({ length: 5 }, () => test.connect())
    for (const watcher of watchers) await watcher.ask('REQ', 'watch', SLOTS)
    const author = await connectedAuthor(test)
    await publishSlot(test)
    for (const watcher of watchers) expect(watcher.pushed.map(([verb]) => verb)).toContain('EVENT')
    expect(requestsTo(author)).toEqual([])
  })

  it('for claims of which nothing was sent', async () => {
    const test = await rotated()
    const author = await connectedAuthor(test)
    for (let time = 0; time < 5; time++) await (await test.connect().say('REQ', 'sub', SLOTS)).unsent?.()
    await turns()
    expect(requestsTo(author)).toEqual([])
  })

  it('where `rotateAfter` is 0', async () => {
    const test = await rotated({ replenish: { rotateAfter: 0 } })
    const author = await connectedAuthor(test)
    await claimSlots(test, 30)
    expect(requestsTo(author)).toEqual([])
  })

  it('who is banned', async () => {
    const test = await rotated()
    const author = await connectedAuthor(test)
    await claimSlots(test, 2)
    await test.gateway.ban(alice.pubkey)
    await claimSlots(test, 2)
    expect(requestsTo(author)).toEqual([])
  })
})

describe('a request to rotate', () => {
  it('is withdrawn once the slot is replaced, and by no other package', async () => {
    const test = await rotated()
    await publishSlot(test, 'desk')
    const author = await connectedAuthor(test)
    await claimSlots(test, 3, { ...SLOTS, '#d': ['phone'] })
    await stock(test, alice, 5)
    await publishSlot(test, 'desk', 50)
    expect(author.pushed).not.toContainEqual(WITHDRAWAL)
    await publishSlot(test, 'phone', 50)
    expect(author.pushed.filter(([verb]) => verb === 'CLOSED')).toEqual([WITHDRAWAL])
  })

  it('names both kinds while packages are asked for too, and is withdrawn when both are there', async () => {
    const test = await rotated({ ...THREE, stock: { low: 2, keep: 0 } })
    await stock(test, alice, 2)
    const author = await connectedAuthor(test)
    await claimFrom(test)
    await claimSlots(test, 3)
    const both = ['REQ', 'keypackages:low', { kinds: [443, 30443], authors: [alice.pubkey] }]
    expect(requestsTo(author)).toEqual([['REQ', 'keypackages:low', keyPackagesBy(alice)], both])
    await publishSlot(test, 'phone', 50)
    expect(author.pushed).not.toContainEqual(WITHDRAWAL)
    await stock(test, alice, 1)
    await turns()
    expect(author.pushed.at(-1)).toEqual(WITHDRAWAL)
  })

  it('is heard and withdrawn at every gateway on the store', async () => {
    const test = await rotated()
    const gateway = new KeyPackageGateway({
      ...ANYBODY,
      ...THREE,
      store: test.store,
      clock: () => test.now * 1000,
    })
    const pushed: RelayMessage[] = []
    const session = gateway.session({
      address: '192.0.2.200',
      send: (message) => pushed.push(message),
      authenticated: () => [alice.pubkey],
    })
    await session.fromClient(['COUNT', 'own', SLOTS])
    await claimSlots(test, 3)
    expect(requestsTo({ pushed })).toEqual([REQUEST])
    await publishSlot(test, 'phone', 50)
    expect(pushed.at(-1)).toEqual(WITHDRAWAL)
  })

  it('that cannot be made fails no claim (I7)', async () => {
    const test = startGateway(THREE, () => ({
      tellRotationDue: () => Promise.reject(new Error('gone')),
    }))
    const event = await publishSlot(test)
    for (let time = 0; time < 4; time++)
      expect(await test.connect().ask('REQ', 'sub', SLOTS)).toContainEqual(['EVENT', 'sub', event])
    await turns()
    expect(test.logged.join()).toContain('failed to tell that a slot should be rotated')
  })
})
