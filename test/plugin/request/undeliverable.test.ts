/** Packages that were claimed for an answer that cannot be made are released. */

import { describe, expect, it } from '@jest/globals'
import { memoryStore } from '../../../adapters/storage/memory.ts'
import { Access } from '../../../plugin/access/access.ts'
import type { GatewayContext } from '../../../plugin/context.ts'
import { KeyPackageGateway } from '../../../plugin/gateway.ts'
import { LearnedFollowLists } from '../../../plugin/lifecycle/learned-follow-lists.ts'
import { SlotWear } from '../../../plugin/lifecycle/slot-wear.ts'
import { resolveOptions } from '../../../plugin/options.ts'
import { AuthorCount } from '../../../plugin/publish/author-count.ts'
import { Recorder } from '../../../plugin/recorder.ts'
import { answerQuery } from '../../../plugin/request/claiming.ts'
import { planQuery, policyOf } from '../../../plugin/request/plan.ts'
import { ReleasedClaims } from '../../../plugin/request/released-claims.ts'
import { SeenSlots } from '../../../plugin/request/seen-slots.ts'
import type { KeyPackageStore } from '../../../plugin/store.ts'
import { Verification } from '../../../plugin/verification.ts'
import { LIMITS, packageNamed } from '../../contract/packages.ts'
import { storedPackages } from '../../contract/reading.ts'
import { fixOrder } from '../../support/delivery-order.ts'
import { everyStore } from '../../support/every-store.ts'
import { allOf, idsIn, keyPackagesBy, keyPackagesOf, wordsIn } from '../../support/gateway.ts'
import { NOW } from '../../support/key-packages.ts'
import { testLog } from '../../support/log.ts'
import { person } from '../../support/people.ts'

const alice = person('alice')
const bob = person('bob')
const UNAVAILABLE = 'error: key packages are unavailable, try again'
const fail = (): never => {
  throw new Error('the disk is full')
}

/** A gateway on `store`, in which Bob has three packages, and Alice two whose stored events are damaged. */
async function withDamagedEvents(store: KeyPackageStore, log = testLog()) {
  fixOrder(store)
  const gateway = new KeyPackageGateway({ store, clock: () => NOW * 1000, log })
  for (const event of await keyPackagesOf(bob, 3)) await gateway.publish(event)
  for (const name of ['one', 'two']) {
    const pkg = packageNamed(name, alice.pubkey)
    const damaged = `{"id":"${pkg.id}","pubkey":"${pkg.author}","cont`
    await store.put({ ...pkg, event: damaged }, LIMITS, NOW)
  }
  const connect = () => gateway.session({ address: '192.0.2.1', send: () => undefined })
  const stored = () => Promise.all([alice, bob].map(({ pubkey }) => storedPackages(store, pubkey)))
  return { connect, stored, log }
}

async function contextOf(store: KeyPackageStore): Promise<GatewayContext> {
  const options = resolveOptions({})
  const [log, now] = [testLog(), () => NOW]
  const access = new Access({ options, store, log, now })
  // As every query does before it claims.
  await access.pushes(alice.pubkey)
  return {
    access,
    authors: new AuthorCount({ options, store, now }),
    options,
    policy: policyOf(options),
    store,
    log,
    recorder: new Recorder({ options, audit: undefined, observer: undefined, log, now }),
    released: new ReleasedClaims(),
    seen: new SeenSlots(),
    slotWear: new SlotWear({ options, store, log, now }),
    followLists: new LearnedFollowLists({ store, log: testLog() }),
    verification: new Verification(() => true),
    rankOf: async () => '1',
    knownAs: async () => undefined,
    now,
  }
}

describe.each(everyStore())('an event that cannot be encoded, in %s', (_name, open) => {
  it('is answered with an error, and the packages of all authors are released', async () => {
    const store = await open()
    const { connect, stored, log } = await withDamagedEvents(store)
    const before = await stored()
    expect(before.map((packages) => packages.length)).toEqual([2, 3])
    const asked = keyPackagesBy(bob, alice)
    for (let turn = 0; turn < 3; turn++) {
      const { replies } = await connect().fromClient(['REQ', 'sub', asked])
      expect(replies).toEqual([['CLOSED', 'sub', UNAVAILABLE]])
    }
    const byId = (packages: Awaited<ReturnType<typeof stored>>) =>
      packages.map((list) => [...list].sort((a, b) => (a.id < b.id ? -1 : 1)))
    expect(byId(await stored())).toEqual(byId(before))
    expect(log.lines.map(({ message }) => message)).toEqual(
      Array(3).fill('a key package query failed; its claims are released'),
    )
    const { replies } = await connect().fromClient(['REQ', 'sub', keyPackagesBy(bob)])
    expect(idsIn(await allOf(replies))).toHaveLength(1)
    await store.close()
  })

  it('does not affect what the relay answers (I7)', async () => {
    const store = await open()
    const { connect, stored } = await withDamagedEvents(store)
    const asked = { ...keyPackagesBy(bob, alice), kinds: [443, 1] }
    expect(await connect().fromClient(['REQ', 'sub', asked])).toMatchObject({
      replies: [['NOTICE', UNAVAILABLE]],
      forward: ['REQ', 'sub', { ...asked, kinds: [1] }],
    })
    expect((await stored()).map((packages) => packages.length)).toEqual([2, 3])
    await store.close()
  })
})

describe('an answer that cannot be made from the claimed packages', () => {
  const query = planQuery(
    [alice, bob].map(({ pubkey }) => ({ authors: [pubkey], narrowing: { kinds: [443] } })),
    { name: '192.0.2.1', address: '192.0.2.1', networkAddress: '192.0.2.1', authenticated: new Set() },
    resolveOptions({}),
  )

  it('releases the packages, and then makes one from a refusal', async () => {
    const context = await contextOf(memoryStore())
    for (const { pubkey } of [alice, bob]) {
      for (const name of ['one', 'two'])
        await context.store.put(packageNamed(name + pubkey, pubkey), LIMITS, NOW)
    }
    const counts = () => context.store.count([alice.pubkey, bob.pubkey], NOW)
    const answers: string[] = []
    let released = 0
    const result = await answerQuery(
      context,
      query,
      async ({ outcome }) => {
        answers.push(`${outcome} with ${await counts()} left`)
        return outcome === 'answered' ? fail() : 'refused'
      },
      () => {
        released += 1
      },
    )
    expect(result).toBe('refused')
    expect(answers).toEqual(['answered with 1,1 left', 'refused with 2,2 left'])
    expect(released).toBe(1)
  })

  it('is an error if not even a refusal can be made, and the packages are released', async () => {
    const context = await contextOf(memoryStore())
    for (const name of ['one', 'two']) await context.store.put(packageNamed(name, bob.pubkey), LIMITS, NOW)
    await expect(answerQuery(context, query, fail, () => {})).rejects.toThrow('the disk is full')
    expect(await context.store.count([bob.pubkey], NOW)).toEqual([2])
  })
})

describe('an audit log and a log that throw', () => {
  it('lose no package: claimed packages are delivered', async () => {
    const store = memoryStore()
    const log = { info: fail, warn: fail, error: fail }
    fixOrder(store)
    const gateway = new KeyPackageGateway({ store, clock: () => NOW * 1000, log, audit: fail })
    for (const event of await keyPackagesOf(alice, 3)) {
      expect(await gateway.publish(event)).toEqual({ outcome: 'stored', accepted: true, message: '' })
    }
    const session = gateway.session({ address: '192.0.2.1', send: () => undefined })
    const { replies, unsent } = await session.fromClient(['REQ', 'sub', keyPackagesBy(alice)])
    expect(idsIn(await allOf(replies))).toHaveLength(1)
    expect(wordsIn(await allOf(replies))).toEqual([['EOSE', 'sub']])
    expect(await store.count([alice.pubkey], NOW)).toEqual([2])
    await unsent?.()
    expect(await store.count([alice.pubkey], NOW)).toEqual([3])
  })

  it('do not prevent the error when the store fails (I7)', async () => {
    const store = memoryStore()
    const log = { info: fail, warn: fail, error: fail }
    fixOrder(store)
    const gateway = new KeyPackageGateway({ store, clock: () => NOW * 1000, log, audit: fail })
    const session = gateway.session({ address: '192.0.2.1', send: () => undefined })
    await store.close()
    const [event] = await keyPackagesOf(alice, 1)
    const { replies } = await session.fromClient(['REQ', 'sub', keyPackagesBy(alice)])
    expect(replies).toEqual([['CLOSED', 'sub', UNAVAILABLE]])
    expect((await session.fromClient(['EVENT', event])).replies).toEqual([
      ['OK', event?.id, false, UNAVAILABLE],
    ])
  })
})
