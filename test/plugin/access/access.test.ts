/** Access rules: who may publish and claim, whose packages are served, and what others can see of it. */

import { describe, expect, it } from '@jest/globals'
import { npubEncode } from 'nostr-tools/nip19'
import { memoryStore } from '../../../adapters/storage/memory.ts'
import { KeyPackageGateway } from '../../../plugin/gateway.ts'
import type { AccessRule } from '../../../plugin/store.ts'
import { everyStore } from '../../support/every-store.ts'
import { gate } from '../../support/gate.ts'
import {
  eventsIn,
  idsIn,
  keyPackagesBy,
  keyPackagesOf,
  startGateway,
  stock,
  type TestGateway,
  wordsIn,
} from '../../support/gateway.ts'
import { keyPackageEvent, makeKeyPackage, NOW, signEvent } from '../../support/key-packages.ts'
import { type Person, person } from '../../support/people.ts'

const alice = person('alice')
const bob = person('bob')
const carol = person('carol')
const ALICE = '198.51.100.7'
const BLOCKED = /^blocked: you may not /

/** Publishes a new key package of alice through a connection from this address, and returns what the OK says. */
async function published(test: TestGateway, author: Person, address = ALICE): Promise<unknown> {
  const [event] = await keyPackagesOf(author, 1)
  const [ok] = await test.connect({ address }).ask('EVENT', event)
  return ok?.[3]
}

/** The text of the CLOSED that answers a REQ for alice's packages from this address. */
async function refusalTo(test: TestGateway, address: string): Promise<unknown> {
  const last = (await test.connect({ address }).ask('REQ', 'sub', keyPackagesBy(alice))).at(-1)
  return last?.[0] === 'CLOSED' ? last[2] : undefined
}

describe('a banned author', () => {
  it.each([
    ['their pubkey', alice.pubkey],
    ['their npub', npubEncode(alice.pubkey)],
    ['their address', ALICE],
    ['their network', '198.51.100.0/24'],
  ])('cannot publish: banned by %s in the settings', async (_by, subject) => {
    const test = startGateway({ access: { ban: [subject] } })
    expect(await published(test, alice)).toMatch(/^blocked: you may not publish/)
  })

  it('cannot publish through a plugin that sees no connections, nor without an address', async () => {
    const test = startGateway({ access: { ban: [alice.pubkey, ALICE] } })
    const [[alices], [bobs]] = await Promise.all([keyPackagesOf(alice, 1), keyPackagesOf(bob, 1)])
    const message = expect.stringMatching(/^blocked: /)
    expect(await test.gateway.accept(alices as never)).toMatchObject({ outcome: 'refused', message })
    expect(await test.gateway.accept(bobs as never, { address: ALICE })).toMatchObject({ message })
    expect(await test.gateway.publish(bobs as never)).toMatchObject({ outcome: 'stored' })
  })

  it('is told of a wrong signature first, as everybody is (row 1 before row 3)', async () => {
    const test = startGateway({ access: { ban: [alice.pubkey] } })
    const [event] = await keyPackagesOf(alice, 1)
    const forged = { ...event, content: `${event?.content}00` }
    const [ok] = await test.connect().ask('EVENT', forged)
    expect(ok?.[3]).toMatch(/^invalid: /)
  })

  it('may send events of other kinds, which are the relay s to judge', async () => {
    const test = startGateway({ access: { ban: [alice.pubkey] } })
    const client = test.connect()
    for (const [kind, tags] of [
      [1, []],
      [5, [['k', '443']]],
      [10051, [['relay', 'wss://relay.example']]],
    ] as const) {
      const event = signEvent(alice.secretKey, {
        kind,
        created_at: NOW,
        tags: tags.map((tag) => [...tag]),
        content: '',
      })
      expect((await client.say('EVENT', event)).forward).toEqual(['EVENT', event])
    }
  })

  it('cannot list or count their own packages', async () => {
    const test = startGateway()
    await stock(test, alice, 2)
    await test.gateway.ban(alice.pubkey)
    const owner = test.connect()
    await owner.authenticate(alice)
    expect(await owner.ask('REQ', 'sub', keyPackagesBy(alice))).toEqual([
      ['EOSE', 'sub'],
      ['CLOSED', 'sub', expect.stringMatching(BLOCKED)],
    ])
    expect(await owner.ask('COUNT', 'sub', keyPackagesBy(alice))).toEqual([
      ['CLOSED', 'sub', expect.stringMatching(BLOCKED)],
    ])
    const byIds = { ids: ['00'.repeat(32)] }
    expect(await owner.say('REQ', 'sub', byIds)).toEqual({ replies: [], forward: ['REQ', 'sub', byIds] })
  })
})

describe.each(everyStore())('the packages of a banned author, in %s', (_name, open) => {
  it('are not served, and a stranger sees and leaves the same as for an author without packages', async () => {
    const store = await open()
    const calls: unknown[] = []
    const watched = new Proxy(store, {
      get(target, name) {
        const value = Reflect.get(target, name)
        if (typeof value !== 'function') return value
        return (...args: unknown[]) => {
          if (name === 'claim') calls.push(['claim', (args[0] as unknown[]).length])
          if (name === 'hit' || name === 'refund') calls.push([name, args[0], args[1]])
          return value.apply(target, args)
        }
      },
    })
    const gateway = new KeyPackageGateway({ store: watched, clock: () => NOW * 1000 })
    for (const event of await keyPackagesOf(alice, 3)) await gateway.publish(event)
    await gateway.ban(alice.pubkey, 'spam')
    const answers = []
    for (const author of [alice, carol]) {
      const session = gateway.session({ address: '192.0.2.1', host: 'relay.example.com', send: () => {} })
      calls.length = 0
      const { replies, forward } = await session.fromClient(['REQ', 'sub', keyPackagesBy(author)])
      answers.push({ replies, forward, calls: [...calls] })
    }
    expect(answers[0]).toEqual(answers[1])
    expect(answers[0]?.replies).toEqual([['EOSE', 'sub']])
    expect(await store.count([alice.pubkey], NOW)).toEqual([3])
    await gateway.unban(alice.pubkey)
    const session = gateway.session({ address: '192.0.2.1', send: () => {} })
    const { replies } = await session.fromClient(['REQ', 'sub', keyPackagesBy(alice)])
    expect(idsIn(replies as never)).toHaveLength(1)
    await store.close()
  })
})

describe('the packages of a banned author', () => {
  it('are missing like those of an author without any, where a relay list names other relays', async () => {
    const test = startGateway({ publicUrl: 'wss://relay.example.com' })
    await stock(test, alice, 2)
    for (const author of [alice, carol]) {
      const tags = [['relay', 'wss://elsewhere.example']]
      const list = signEvent(author.secretKey, { kind: 10051, created_at: NOW, tags, content: '' })
      await test.gateway.accept(list)
    }
    await test.gateway.ban(alice.pubkey)
    const noticeOf = async (author: Person) => {
      const [notice] = await test.connect().ask('REQ', 'sub', keyPackagesBy(author))
      return String(notice?.[1]).replaceAll(author.pubkey, 'the author')
    }
    expect(await noticeOf(alice)).toMatch(/^missing: /)
    expect(await noticeOf(alice)).toBe(await noticeOf(carol))
  })

  it('are served no more where others are in the same query', async () => {
    const test = startGateway()
    await stock(test, alice, 2)
    const [first] = await stock(test, bob, 2)
    await test.gateway.ban(alice.pubkey)
    const replies = await test.connect().ask('REQ', 'sub', keyPackagesBy(alice, bob))
    expect(eventsIn(replies).map(({ pubkey }) => pubkey)).toEqual([first?.pubkey])
    expect(wordsIn(replies)).toEqual([['EOSE', 'sub']])
  })

  it('are not pushed, neither to who claimed before nor from another process', async () => {
    const store = memoryStore()
    const [here, elsewhere] = [0, 1].map(() => new KeyPackageGateway({ store, clock: () => NOW * 1000 }))
    const slot = async (createdAt: number) =>
      keyPackageEvent(alice, await makeKeyPackage(alice), { kind: 30443, createdAt, tags: { d: ['phone'] } })
    await elsewhere?.publish(await slot(NOW - 10))
    const pushed: unknown[] = []
    const session = here?.session({ address: '192.0.2.1', send: (message) => pushed.push(message[0]) })
    await session?.fromClient(['REQ', 'sub', { kinds: [30443], authors: [alice.pubkey] }])
    await elsewhere?.publish(await slot(NOW - 9))
    await turns()
    expect(pushed).toEqual(['AUTH', 'EVENT'])
    // As an older process would that does not know the rule.
    const late = await slot(NOW - 8)
    const { accepted } = (await elsewhere?.publish(late)) ?? {}
    await here?.ban(alice.pubkey)
    await turns()
    expect([accepted, (await elsewhere?.publish(await slot(NOW - 7)))?.message]).toEqual([
      true,
      expect.stringMatching(/^blocked: /),
    ])
  })
})

describe('a banned asker', () => {
  it.each([
    ['192.0.2.9', '192.0.2.9'],
    ['192.0.2.0/24', '192.0.2.9'],
    ['192.0.2.0/24', '::ffff:192.0.2.9'],
    ['2001:db8:0:1::9', '2001:db8:0:1::9'],
    ['2001:db8:0:1::/64', '2001:db8:0:1::9'],
  ])('is refused: %s is banned, and they come from %s', async (subject, address) => {
    const test = startGateway({ access: { ban: [subject] } })
    await stock(test, alice, 2)
    expect(await refusalTo(test, address)).toMatch(/^blocked: you may not query/)
    expect(await test.store.count([alice.pubkey], NOW)).toEqual([2])
  })

  it('is the one address that was banned, not its neighbours in the /64', async () => {
    const test = startGateway({ access: { ban: ['2001:db8:0:1::9'] } })
    expect(await refusalTo(test, '2001:db8:0:1::9')).toMatch(BLOCKED)
    expect(await refusalTo(test, '2001:db8:0:1::8')).toBeUndefined()
  })

  it('is refused as the pubkey they authenticated, and also as a further one', async () => {
    const test = startGateway()
    await stock(test, alice, 2)
    await test.gateway.ban(bob.pubkey)
    const client = test.connect()
    await client.authenticate(carol)
    expect(idsIn(await client.ask('REQ', 'sub', keyPackagesBy(alice)))).toHaveLength(1)
    await client.authenticate(bob)
    expect(await client.ask('REQ', 'sub', keyPackagesBy(alice))).toEqual([
      ['EOSE', 'sub'],
      ['CLOSED', 'sub', expect.stringMatching(BLOCKED)],
    ])
  })

  it('gets the rest of a REQ from the relay, with a notice', async () => {
    const test = startGateway({ access: { ban: ['192.0.2.1'] } })
    const rest = { kinds: [0], authors: [alice.pubkey] }
    const { replies, forward } = await test
      .connect({ address: '192.0.2.1' })
      .say('REQ', 'sub', { kinds: [0, 443], authors: [alice.pubkey] })
    expect(replies).toEqual([['NOTICE', expect.stringMatching(BLOCKED)]])
    expect(forward).toEqual(['REQ', 'sub', rest])
  })

  it('is pushed nothing on subscriptions from before the ban', async () => {
    const test = startGateway()
    const pushes = async (createdAt: number) => {
      const made = await makeKeyPackage(alice)
      await test.gateway.publish(
        keyPackageEvent(alice, made, { kind: 30443, createdAt, tags: { d: ['one'] } }),
      )
      await turns()
    }
    await pushes(NOW - 9)
    const client = test.connect({ address: '192.0.2.1' })
    await client.ask('REQ', 'sub', { kinds: [30443], authors: [alice.pubkey] })
    await pushes(NOW - 8)
    await test.gateway.ban('192.0.2.1')
    await pushes(NOW - 7)
    await test.gateway.unban('192.0.2.1')
    await pushes(NOW - 6)
    expect(eventsIn(client.pushed).map(({ created_at }) => created_at)).toEqual([NOW - 8, NOW - 6])
  })
})

describe('access.mode allow-listed', () => {
  it('serves who is on the list, by pubkey or address, and asks the others to authenticate', async () => {
    const test = startGateway({
      access: { mode: 'allow-listed', allow: [npubEncode(bob.pubkey), '10.0.0.0/8'] },
    })
    await stock(test, bob, 3)
    const client = test.connect()
    expect(await client.ask('REQ', 'sub', keyPackagesBy(bob))).toEqual([
      ['AUTH', expect.any(String)],
      ['CLOSED', 'sub', expect.stringMatching(/^auth-required: /)],
    ])
    await client.authenticate(carol)
    expect(await client.ask('REQ', 'sub', keyPackagesBy(bob))).toEqual([
      ['EOSE', 'sub'],
      ['CLOSED', 'sub', expect.stringMatching(/^blocked: you are not on the list/)],
    ])
    await test.gateway.allow(carol.pubkey, 'a friend')
    expect(idsIn(await client.ask('REQ', 'sub', keyPackagesBy(bob)))).toHaveLength(1)
    const inside = test.connect({ address: '10.1.2.3' })
    expect(idsIn(await inside.ask('REQ', 'sub', keyPackagesBy(bob)))).toHaveLength(1)
  })

  it('takes packages of authors on the list, or from its addresses, and serves what it took', async () => {
    const test = startGateway({ access: { mode: 'allow-listed', allow: [bob.pubkey, '10.0.0.0/8'] } })
    expect(await published(test, bob)).toBe('')
    expect(await published(test, alice)).toMatch(/^blocked: you are not on the list/)
    expect(await published(test, alice, '10.0.0.1')).toBe('')
    const inside = test.connect({ address: '10.0.0.2' })
    expect(idsIn(await inside.ask('REQ', 'sub', keyPackagesBy(alice)))).toHaveLength(1)
  })

  it('bans also who is on the list', async () => {
    const test = startGateway({
      access: { mode: 'allow-listed', allow: ['10.0.0.0/8'], ban: ['10.0.0.66'] },
    })
    expect(await refusalTo(test, '10.0.0.66')).toMatch(BLOCKED)
    expect(await refusalTo(test, '10.0.0.65')).toBeUndefined()
  })
})

describe('rules that are added at run time', () => {
  it('are listed with their reasons, after those of the settings', async () => {
    const test = startGateway({ access: { ban: [npubEncode(alice.pubkey)], allow: ['10.0.0.7/8'] } })
    expect(await test.gateway.ban('2001:DB8::/32', 'a botnet')).toEqual({
      list: 'ban',
      subject: '2001:db8::/32',
      reason: 'a botnet',
      at: NOW,
    })
    test.now += 1
    await test.gateway.allow(npubEncode(bob.pubkey))
    expect(await test.gateway.accessRules()).toEqual([
      { list: 'ban', subject: alice.pubkey, from: 'settings' },
      { list: 'allow', subject: '10.0.0.0/8', from: 'settings' },
      { list: 'ban', subject: '2001:db8::/32', reason: 'a botnet', at: NOW, from: 'store' },
      { list: 'allow', subject: bob.pubkey, at: NOW + 1, from: 'store' },
    ])
  })

  it('can be removed, those of the settings not', async () => {
    const test = startGateway({ access: { ban: [alice.pubkey] } })
    await test.gateway.ban(alice.pubkey)
    await test.gateway.ban(bob.pubkey)
    expect(await test.gateway.unban(npubEncode(bob.pubkey))).toBe('removed')
    expect(await test.gateway.unban(bob.pubkey)).toBe('missing')
    expect(await test.gateway.unallow(bob.pubkey)).toBe('missing')
    expect(await test.gateway.unban(alice.pubkey)).toBe('in settings')
    expect(await published(test, alice)).toMatch(BLOCKED)
    expect(await published(test, bob)).toBe('')
  })

  it('hold at once in every gateway on the store', async () => {
    const store = memoryStore()
    const [one, other] = [0, 1].map(() => new KeyPackageGateway({ store, clock: () => NOW * 1000 }))
    const [event] = await keyPackagesOf(alice, 1)
    const said = async () => (await other?.publish(event as never))?.message
    expect(await said()).toBe('')
    await one?.ban(alice.pubkey)
    expect(await said()).toMatch(BLOCKED)
    await one?.unban(alice.pubkey)
    expect(await said()).toMatch(/^duplicate: /)
  })

  it.each([['alice'], ['10.0.0.0/33'], ['']])(
    'must name a pubkey, an address or a network, not %j',
    async (text) => {
      const { gateway } = startGateway()
      await expect((async () => gateway.ban(text))()).rejects.toThrow(/expected a pubkey in hex or as npub/)
    },
  )

  it('are refused in the settings where they look right but are not', () => {
    const wrong = npubEncode(alice.pubkey).replace(/.$/, 'b')
    expect(() => startGateway({ access: { ban: [wrong], allow: ['300.0.0.1'] } })).toThrow(
      /^access\.ban: "npub1\w+" is not allowed; .*\naccess\.allow: "300\.0\.0\.1" is not allowed; /,
    )
  })
})

describe('the rules of the store', () => {
  it('are read once, however many ask, and again when they have changed or a minute has passed', async () => {
    let reads = 0
    const test = startGateway({}, (store) => ({
      accessRules: () => {
        reads += 1
        return store.accessRules()
      },
    }))
    const askAll = () => Promise.all(['192.0.2.1', '192.0.2.2'].map((address) => refusalTo(test, address)))
    await askAll()
    await askAll()
    expect(reads).toBe(1)
    await test.gateway.ban(bob.pubkey)
    await askAll()
    expect(reads).toBe(2)
    test.now += 60
    await askAll()
    await turns()
    await askAll()
    expect(reads).toBe(3)
  })

  it('are read again where they change while they are read', async () => {
    const answered = gate()
    const stale: AccessRule[] = []
    let reads = 0
    const test = startGateway({}, (store) => ({
      accessRules: async () => {
        reads += 1
        if (reads > 1) return store.accessRules()
        await answered.opened
        return stale
      },
    }))
    const asked = refusalTo(test, '192.0.2.1')
    await turns()
    await test.gateway.ban('192.0.2.1')
    answered.open()
    expect(await asked).toMatch(BLOCKED)
  })

  it('must be known: where they cannot be read, key packages fail closed, and other kinds flow (I7)', async () => {
    let isDown = true
    const test = startGateway({}, (store) => ({
      accessRules: () => (isDown ? Promise.reject(new Error('down')) : store.accessRules()),
    }))
    await test.store.putAccessRule({ list: 'ban', subject: bob.pubkey, at: NOW })
    const UNAVAILABLE = 'error: key packages are unavailable, try again'
    expect(await published(test, alice)).toBe(UNAVAILABLE)
    expect(await refusalTo(test, ALICE)).toBe(UNAVAILABLE)
    const profile = ['REQ', 'sub', { kinds: [0], authors: [alice.pubkey] }] as const
    expect((await test.connect().say(...profile)).forward).toEqual(profile)
    isDown = false
    expect(await published(test, alice)).toBe('')
    expect(await published(test, bob)).toMatch(BLOCKED)
  })
})

/** Lets what nobody waits for come to an end. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
}
