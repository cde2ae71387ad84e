/** What an author, or the operator, sees of a stock without a connection, and what removing leaves behind: nothing comes back (I3). */

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { MAX_DELETED_IDS } from '../../../plugin/stock/deletions.ts'
import type { KeyPackageStore } from '../../../plugin/store.ts'
import { everyStore } from '../../support/every-store.ts'
import { keyPackagesOf, startGateway } from '../../support/gateway.ts'
import { keyPackageEvent, makeKeyPackage, NOW } from '../../support/key-packages.ts'
import { person } from '../../support/people.ts'
import { testGateway } from '../../support/serving.ts'

const alice = person('alice')
const bob = person('bob')

describe.each(everyStore())("an author's own stock, in %s", (_name, open) => {
  let store: KeyPackageStore
  let test: ReturnType<typeof testGateway>

  beforeEach(async () => {
    store = await open()
    test = testGateway(store)
  })
  afterEach(async () => {
    test.gateway.close()
    await store.close()
  })

  const publish = async (...events: Parameters<typeof test.gateway.publish>[0][]) => {
    for (const event of events) expect(await test.gateway.publish(event)).toMatchObject({ outcome: 'stored' })
    return events
  }
  const ids = async (author = alice) => (await test.gateway.ownPackages(author.pubkey)).map(({ id }) => id)
  const claim = () =>
    test.gateway
      .session({ address: '192.0.2.1', send() {} })
      .fromClient(['REQ', 'claim', { kinds: [443], authors: [alice.pubkey] }])

  it('lists packages newest first, with their state, and spends none', async () => {
    const [older, newer] = await publish(...(await keyPackagesOf(alice, 2)))
    const listed = await test.gateway.ownPackages(alice.pubkey)
    expect(listed.map(({ id }) => id)).toEqual([newer?.id, older?.id])
    expect(listed[0]).toEqual({
      id: newer?.id,
      ref: expect.stringMatching(/^[0-9a-f]{64}$/),
      kind: 443,
      state: 'fresh',
      delivered: 0,
      lastResort: true,
      publishedAt: newer?.created_at,
      receivedAt: NOW,
      expiresAt: expect.any(Number),
    })
    expect(await test.gateway.ownPackages(alice.pubkey)).toEqual(listed)
    expect(await test.gateway.ownPackages(bob.pubkey)).toEqual([])
  })

  it('says how often the shared package was delivered, and since when', async () => {
    await publish(...(await keyPackagesOf(alice, 1)))
    await claim()
    await claim()
    expect(await test.gateway.ownPackages(alice.pubkey)).toMatchObject([
      { state: 'exposed', delivered: 2, exposedSince: NOW },
    ])
  })

  it('shows a slot and its alias as reusable: claims of them are not kept', async () => {
    const keyPackage = await makeKeyPackage(alice)
    await publish(
      keyPackageEvent(alice, keyPackage, { kind: 30443, tags: { d: ['phone'] } }),
      keyPackageEvent(alice, keyPackage, { createdAt: NOW - 1 }),
    )
    const [slot, alias] = await test.gateway.ownPackages(alice.pubkey)
    expect(slot).toMatchObject({ kind: 30443, state: 'reusable', slot: 'phone' })
    expect(alias).toMatchObject({ kind: 443, state: 'reusable', alias: true, ref: slot?.ref })
    expect(slot).not.toHaveProperty('delivered')
  })

  it('removes packages by their ids, which never come back (I3)', async () => {
    const [first, second, third] = await keyPackagesOf(alice, 3)
    if (!first || !second || !third) throw new Error('expected three')
    await publish(first, second)
    const removed = await test.gateway.remove(alice.pubkey, [first.id, first.id, third.id])
    expect(removed).toEqual({ outcome: 'removed', count: 1 })
    expect(await ids()).toEqual([second.id])
    for (const gone of [first, third])
      expect(await test.gateway.publish(gone)).not.toMatchObject({ outcome: 'stored' })
    expect(await ids()).toEqual([second.id])
  })

  it('removes no package of another author', async () => {
    const [event] = await publish(...(await keyPackagesOf(alice, 1)))
    expect(await test.gateway.remove(bob.pubkey, [event?.id ?? ''])).toEqual({ outcome: 'removed', count: 0 })
    expect(await ids()).toEqual([event?.id])
  })

  it('removes everything, what a clock that is ahead has dated later as well, and what is older comes too late (I3)', async () => {
    const [late, ...events] = await keyPackagesOf(alice, 3)
    const ahead = keyPackageEvent(alice, await makeKeyPackage(alice), { createdAt: NOW + 600 })
    if (!late) throw new Error('expected three')
    await publish(...events, ahead)
    expect(await test.gateway.remove(alice.pubkey, 'everything')).toEqual({ outcome: 'removed', count: 3 })
    expect(await ids()).toEqual([])
    for (const gone of [late, ...events, ahead])
      expect(await test.gateway.publish(gone)).not.toMatchObject({ outcome: 'stored' })
    await publish(keyPackageEvent(alice, await makeKeyPackage(alice), { createdAt: NOW + 1 }))
  })

  it('records each removal in the audit log, and tells the listeners of the store', async () => {
    const { audited } = test
    const told: unknown[] = []
    const [event] = await publish(...(await keyPackagesOf(alice, 1)))
    store.onRemoved((removals) => told.push(...removals))
    await test.gateway.remove(alice.pubkey, 'everything')
    const names = { author: alice.pubkey, id: event?.id, kind: 443 }
    expect(told).toMatchObject([{ ...names, why: 'deleted' }])
    expect(audited.filter(({ action }) => action === 'deletion')).toMatchObject([
      { ...names, outcome: 'spent' },
    ])
  })

  it('refuses a removal that cannot be remembered, and then removes nothing', async () => {
    const [event] = await publish(...(await keyPackagesOf(alice, 1)))
    const unknown = Array.from({ length: MAX_DELETED_IDS + 1 }, (_, index) => `${index}`.padStart(64, '0'))
    expect(await test.gateway.remove(alice.pubkey, [event?.id ?? '', ...unknown])).toEqual({
      outcome: 'refused',
      message: 'rate-limited: too many deletions of key packages are remembered for this author',
    })
    expect(await ids()).toEqual([event?.id])
  })

  it('lets a banned author remove their own packages', async () => {
    await publish(...(await keyPackagesOf(alice, 1)))
    await test.gateway.ban(alice.pubkey)
    expect(await test.gateway.remove(alice.pubkey, 'everything', { address: '192.0.2.1' })).toMatchObject({
      count: 1,
    })
  })

  it('rejects when the store does', async () => {
    await store.close()
    await expect(test.gateway.ownPackages(alice.pubkey)).rejects.toThrow()
    await expect(test.gateway.remove(alice.pubkey, 'everything')).rejects.toThrow()
  })
})

describe('removals of authors never heard of', () => {
  it('count as new authors from their address, and are refused beyond the quota (I9)', async () => {
    const { gateway } = startGateway({ quota: { newAuthorsPerAddress: { max: 1 } } })
    const by = { address: '2001:db8::1' }
    expect(await gateway.remove(alice.pubkey, 'everything', by)).toMatchObject({ outcome: 'removed' })
    expect(await gateway.remove(alice.pubkey, 'everything', by)).toMatchObject({ outcome: 'removed' })
    expect(await gateway.remove(bob.pubkey, 'everything', { address: '2001:db8::2' })).toEqual({
      outcome: 'refused',
      message: expect.stringMatching(/^rate-limited: /),
    })
    expect(await gateway.remove(bob.pubkey, 'everything')).toMatchObject({ outcome: 'removed' })
  })

  it('use no quota if the author is known', async () => {
    const { gateway } = startGateway({ quota: { newAuthorsPerAddress: { max: 1 } } })
    const [event] = await keyPackagesOf(alice, 1)
    if (!event) throw new Error('expected one')
    await gateway.publish(event)
    const by = { address: '192.0.2.1' }
    expect(await gateway.remove(alice.pubkey, [event.id], by)).toMatchObject({ count: 1 })
    expect(await gateway.remove(bob.pubkey, 'everything', by)).toMatchObject({ outcome: 'removed' })
  })
})
