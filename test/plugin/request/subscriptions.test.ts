/** CLOSE (NIP-01), lost connections and reused ids; claims of which nothing was sent are released (I1). */

import { describe, expect, it } from '@jest/globals'
import { Subscriptions } from '../../../plugin/request/subscriptions.ts'
import type { KeyPackageStore } from '../../../plugin/store.ts'
import { type Gate, gate } from '../../support/gate.ts'
import { idsIn, keyPackagesBy, startGateway, stock, type TestGateway } from '../../support/gateway.ts'
import { person } from '../../support/people.ts'

const alice = person('alice')
const bob = person('bob')
const EOSE = ['EOSE', 'sub']

/** A gateway whose store claims at once, but answers only when the test lets it. */
function heldGateway(options = {}): TestGateway & { readonly claimed: Gate; readonly answer: Gate } {
  const claimed = gate()
  const answer = gate()
  const test = startGateway(options, (store: KeyPackageStore) => ({
    async claim(...claim) {
      const outcomes = await store.claim(...claim)
      claimed.open()
      await answer.opened
      return outcomes
    },
  }))
  return Object.assign(test, { claimed, answer })
}

async function fresh(test: TestGateway): Promise<string[]> {
  const stored = await test.store.list(alice.pubkey, test.now)
  return stored.filter(({ exposure }) => exposure === undefined).map(({ id }) => id)
}

describe('a CLOSE before the answer is ready', () => {
  it.each([1, 3])(
    'sends nothing and releases the claim of an author with %d packages (I1)',
    async (count) => {
      const test = heldGateway()
      const packages = await stock(test, alice, count)
      const { say } = test.connect()

      const asked = say('REQ', 'sub', keyPackagesBy(alice))
      await test.claimed.opened
      const closed = say('CLOSE', 'sub')
      test.answer.open()

      expect(await asked).toEqual({ replies: [] })
      expect((await closed).replies).toEqual([])
      expect((await fresh(test)).sort()).toEqual(packages.map(({ id }) => id).sort())
    },
  )

  it('still counts towards the quota (I5)', async () => {
    const test = heldGateway({ quota: { perAuthor: { max: 1 } } })
    await stock(test, alice, 2)
    const { say, ask } = test.connect()
    const asked = say('REQ', 'sub', keyPackagesBy(alice))
    await test.claimed.opened
    void say('CLOSE', 'sub')
    test.answer.open()
    await asked
    expect((await ask('REQ', 'sub', keyPackagesBy(alice))).at(-1)?.[0]).toBe('CLOSED')
  })

  it('and before its turn claims nothing', async () => {
    const test = heldGateway({ quota: { perAuthor: { max: 1 } } })
    await stock(test, alice, 3)
    await stock(test, bob, 3)
    const { say, ask } = test.connect()
    const first = say('REQ', 'first', keyPackagesBy(bob))
    const asked = say('REQ', 'sub', keyPackagesBy(alice))
    void say('CLOSE', 'sub')
    test.answer.open()
    expect((await first).replies.at(-1)).toEqual(['EOSE', 'first'])
    expect(await asked).toEqual({ replies: [] })
    expect(await test.store.count([alice.pubkey, bob.pubkey], test.now)).toEqual([3, 2])
    expect(idsIn(await ask('REQ', 'sub', keyPackagesBy(alice)))).toHaveLength(1)
  })

  it('of a REQ with a part for the relay: nothing is forwarded', async () => {
    const test = heldGateway()
    await stock(test, alice, 2)
    const { say } = test.connect()
    const asked = say('REQ', 'sub', keyPackagesBy(alice), { kinds: [1] })
    await test.claimed.opened
    void say('CLOSE', 'sub')
    test.answer.open()
    expect(await asked).toEqual({ replies: [] })
    expect(await fresh(test)).toHaveLength(2)
  })

  it('does not affect a later REQ with the same id', async () => {
    const test = heldGateway()
    await stock(test, alice, 2)
    const { say } = test.connect()
    const answers = [
      say('REQ', 'sub', keyPackagesBy(alice)),
      say('CLOSE', 'sub'),
      say('REQ', 'sub', keyPackagesBy(alice)),
    ]
    test.answer.open()
    const [cancelled, , answered] = await Promise.all(answers)
    expect(cancelled).toEqual({ replies: [] })
    expect(answered?.replies.map(([verb]) => verb)).toEqual(['EVENT', 'EOSE'])
  })
})

describe('a lost connection', () => {
  it('before the answer: nothing is sent, and the claim is released (I1)', async () => {
    const test = heldGateway()
    const packages = await stock(test, alice, 2)
    const { say, session } = test.connect()
    const asked = say('REQ', 'sub', keyPackagesBy(alice))
    const waiting = say('EVENT', { kind: 1 })
    await test.claimed.opened
    session.close()
    session.close()
    test.answer.open()
    expect(await asked).toEqual({ replies: [] })
    expect(await waiting).toEqual({ replies: [] })
    expect(await fresh(test)).toHaveLength(packages.length)
  })

  it('before the replies were sent: `unsent` releases the packages, and the next requester gets them', async () => {
    const test = startGateway()
    await stock(test, alice, 2)
    const { replies, unsent } = await test.connect().say('REQ', 'sub', keyPackagesBy(alice))
    await unsent?.()
    const next = await test.connect().ask('REQ', 'sub', keyPackagesBy(alice))
    expect(idsIn(next)).toEqual(idsIn(replies))
  })

  it('a store that fails to release them is logged, without the packages (I4)', async () => {
    const test = startGateway({}, () => ({ release: () => Promise.reject(new Error('gone')) }))
    const [event] = await stock(test, alice, 2)
    const { unsent } = await test.connect().say('REQ', 'sub', keyPackagesBy(alice))
    await unsent?.()
    expect(test.logged.join()).toContain('its packages stay spent')
    expect(test.logged.join()).not.toContain(String(event?.content))
  })
})

describe('CLOSE', () => {
  it('is forwarded only if the relay has a part of the subscription', async () => {
    const test = startGateway()
    await stock(test, alice, 5)
    const { say } = test.connect()
    const close = ['CLOSE', 'sub'] as const
    await say('REQ', 'sub', keyPackagesBy(alice))
    expect(await say(...close)).toEqual({ replies: [] })
    await say('REQ', 'sub', keyPackagesBy(alice), { kinds: [1] })
    expect(await say(...close)).toEqual({ replies: [], forward: close })
    await say('REQ', 'sub', { kinds: [1] })
    expect(await say(...close)).toEqual({ replies: [], forward: close })
  })
})

describe('a reused subscription id', () => {
  it('replaces the subscription: its part at the relay is closed', async () => {
    const test = startGateway()
    await stock(test, alice, 3)
    const { say } = test.connect()
    await say('REQ', 'sub', { kinds: [1] })
    const { replies, forward } = await say('REQ', 'sub', keyPackagesBy(alice))
    expect(replies.at(-1)).toEqual(EOSE)
    expect(forward).toEqual(['CLOSE', 'sub'])
    expect((await say('REQ', 'sub', keyPackagesBy(alice))).forward).toBeUndefined()
  })

  it('closes it also if the new REQ is refused', async () => {
    const { say } = startGateway().connect()
    await say('REQ', 'sub', { kinds: [1] })
    const { replies, forward } = await say('REQ', 'sub', { kinds: [443] })
    expect(replies.at(-1)?.[0]).toBe('CLOSED')
    expect(forward).toEqual(['CLOSE', 'sub'])
  })

  it('drops late messages of the old subscription, and passes those of the next one', async () => {
    const { say, session } = startGateway().connect()
    await say('REQ', 'sub', { kinds: [1] })
    await say('REQ', 'sub', keyPackagesBy(alice))
    expect(session.fromRelay(['EVENT', 'sub', { kind: 1 }])).toBeUndefined()
    await say('REQ', 'sub', { kinds: [1] })
    expect(session.fromRelay(['EVENT', 'sub', { kind: 1 }])).toBeDefined()
    expect(session.fromRelay(['CLOSED', 'sub', 'error: gone'])).toBeDefined()
    expect((await say('REQ', 'sub', keyPackagesBy(alice))).forward).toBeUndefined()
  })
})

describe('a subscription id', () => {
  it.each([[undefined], [null], [7], [{}], [['sub']]])('must be a string: %j gets a NOTICE', async (id) => {
    const { ask } = startGateway().connect()
    const notice = ['NOTICE', 'invalid: a subscription id must be a string of 1 to 64 characters']
    expect(await ask('REQ', id, keyPackagesBy(alice))).toEqual([notice])
  })

  it.each(['', 'x'.repeat(65)])('must have 1 to 64 characters: "%s" gets CLOSED', async (id) => {
    const { ask } = startGateway().connect()
    const closed = ['CLOSED', id, 'invalid: a subscription id must be a string of 1 to 64 characters']
    expect(await ask('REQ', id, keyPackagesBy(alice))).toEqual([closed])
  })

  it.each(['__proto__', 'constructor', ' ', '"'])('may be %j', async (id) => {
    const { say } = startGateway().connect()
    expect((await say('REQ', id, keyPackagesBy(alice))).replies).toEqual([['EOSE', id]])
    expect(await say('CLOSE', id)).toEqual({ replies: [] })
  })
})

describe('subscriptions that are never closed (I9)', () => {
  it('are refused from the 1001st on; a replacement is not', async () => {
    const { ask } = startGateway().connect()
    const none = { ...keyPackagesBy(alice), limit: 0 }
    for (let id = 0; id < 1000; id += 1) await ask('REQ', `${id}`, none)
    expect(await ask('REQ', 'more', keyPackagesBy(alice))).toEqual([
      ['EOSE', 'more'],
      ['CLOSED', 'more', 'blocked: at most 1000 subscriptions at a time'],
    ])
    expect(await ask('REQ', '7', keyPackagesBy(alice))).toEqual([['EOSE', '7']])
    await ask('CLOSE', '7')
    expect(await ask('REQ', 'more', keyPackagesBy(alice))).toEqual([['EOSE', 'more']])
  })

  it("do not count if they are the relay's; the oldest of those are forgotten", () => {
    const subscriptions = new Subscriptions({})
    for (let id = 0; id < 1500; id += 1) subscriptions.open(`${id}`, { forwarded: true })
    expect(subscriptions.get('499')).toBeUndefined()
    expect(subscriptions.get('500')).toBeDefined()
    expect(() => subscriptions.requireRoom('more')).not.toThrow()
  })

  it('with invalid ids are not kept', () => {
    const subscriptions = new Subscriptions({})
    for (const id of [undefined, null, 7, {}, '', 'x'.repeat(65)]) {
      subscriptions.open(id, { forwarded: true })
      expect(subscriptions.get(id)).toBeUndefined()
    }
  })
})
