/** What a session handles itself (NIP-01, NIP-45, NIP-77), and what it forwards unchanged. */

import { describe, expect, it } from '@jest/globals'
import type { ClientMessage, RelayMessage } from '../../plugin/nostr/messages.ts'
import { keyPackagesBy, keyPackagesOf, startGateway, stock } from '../support/gateway.ts'
import { NOW, signEvent } from '../support/key-packages.ts'
import { person } from '../support/people.ts'

const alice = person('alice')
const bob = person('bob')
const note = signEvent(bob.secretKey, { kind: 1, created_at: NOW, tags: [], content: 'hello' })

describe('messages that are not about key packages', () => {
  const messages: ClientMessage[] = [
    ['EVENT', note],
    ['EVENT', { kind: 1 }],
    ['EVENT', { ...note, kind: 30443 }],
    ['REQ', 'sub', { kinds: [1] }],
    ['REQ', 'sub', { authors: [alice.pubkey] }],
    ['REQ', 'sub', { kinds: [] }, {}],
    ['REQ', 'sub'],
    ['REQ', 'sub', null, 7, 'text', [], { ids: 'odd' }],
    ['REQ'],
    ['REQ', { not: 'an id' }, { kinds: [1] }],
    ['COUNT', 'sub', { kinds: [1] }],
    ['NEG-OPEN', 'sub', { kinds: [1] }, '61'],
    ['NEG-MSG', 'sub', '61'],
    ['NEG-CLOSE', 'sub'],
    ['CLOSE', 'never opened'],
    ['CLOSE'],
    ['SOMETHING', 'else'],
  ]

  it.each(messages.map((message) => [message]))(
    'is forwarded as the very same object: %j',
    async (message) => {
      const { session } = startGateway({ kinds: [443] }).connect()
      const answer = await session.fromClient(message)
      expect(answer.forward).toBe(message)
      expect(answer.replies).toEqual([])
    },
  )

  it('are still handled while the store fails (I7)', async () => {
    const fail = () => Promise.reject(new Error('gone'))
    const test = startGateway({ kinds: [443] }, () => ({
      put: fail,
      claim: fail,
      list: fail,
      hit: fail,
      count: fail,
    }))
    const { session } = test.connect()
    for (const message of messages) expect((await session.fromClient(message)).forward).toBe(message)
  })
})

describe('a verb that some relays read as another', () => {
  it.each([
    'req',
    'Req',
    'count',
    'Neg-Open',
    'event',
    ' REQ',
    'REQ ',
    'REQ\0',
    'CLO\u017fE',
    '',
    '__proto__',
    '\nCOUNT',
  ])('is not passed on: %j (I4)', async (verb) => {
    const client = startGateway().connect()
    expect(await client.say(verb, 'sub', keyPackagesBy(alice))).toEqual({
      replies: [['NOTICE', `invalid: unknown message type ${JSON.stringify(verb)}`]],
    })
  })
})

describe('a REQ is split filter by filter', () => {
  it('removes the key package kind and changes nothing else', async () => {
    const test = startGateway()
    const untouched = { kinds: [10051], authors: [alice.pubkey] }
    const mixed = { ...keyPackagesBy(alice), kinds: [0, 443, 1], limit: 3, search: 'x', '#t': ['y'] }
    const { replies, forward } = await test.connect().say('REQ', 'sub', untouched, mixed, keyPackagesBy(bob))
    expect(forward).toEqual(['REQ', 'sub', untouched, { ...mixed, kinds: [0, 1] }])
    expect(forward?.[2]).toBe(untouched)
    expect(replies).toEqual([])
  })

  it("sends claimed events before the rest is forwarded; the relay's EOSE is the only one", async () => {
    const test = startGateway()
    await stock(test, alice, 1)
    const client = test.connect()
    const { replies, forward } = await client.say('REQ', 'sub', { ...keyPackagesBy(alice), kinds: [443, 1] })
    expect(replies.map(([verb]) => verb)).toEqual(['EVENT'])
    expect(forward).toEqual(['REQ', 'sub', { ...keyPackagesBy(alice), kinds: [1] }])
    const eose: RelayMessage = ['EOSE', 'sub']
    expect(client.session.fromRelay(eose)).toBe(eose)
  })

  it.each([
    [{ kinds: 443 }, 'invalid: filter `kinds` must be an array of integers'],
    [{ kinds: ['443'] }, 'invalid: filter `kinds` must be an array of integers'],
    [{ kinds: [443.5] }, 'invalid: filter `kinds` must be an array of integers'],
    [{ kinds: null }, 'invalid: filter `kinds` must be an array of integers'],
  ])('kinds that cannot be read never reach a relay: %j (I4)', async (filter, why) => {
    expect(await startGateway().connect().say('REQ', 'sub', filter)).toEqual({
      replies: [
        ['EOSE', 'sub'],
        ['CLOSED', 'sub', why],
      ],
    })
  })
})

describe('messages from the relay', () => {
  const theirs = { ...note, kind: 443, pubkey: bob.pubkey }
  const own = { ...note, kind: 443, pubkey: alice.pubkey }

  it('key packages of others are hidden, own ones pass (I4)', async () => {
    const { session, authenticate, say } = startGateway().connect()
    await say('REQ', 'sub', { ids: [note.id] })
    await say('REQ', 'live', { authors: [alice.pubkey, bob.pubkey] })
    expect(session.fromRelay(['EVENT', 'sub', theirs])).toBeUndefined()
    expect(session.fromRelay(['EVENT', 'live', own])).toBeUndefined()
    await authenticate(alice)
    const message: RelayMessage = ['EVENT', 'live', own]
    expect(session.fromRelay(message)).toBe(message)
    expect(session.fromRelay(['EVENT', 'sub', theirs])).toBeUndefined()
    expect(session.fromRelay(['EVENT', 'sub', { kind: 443 }])).toBeUndefined()
    expect(session.fromRelay(['EVENT', 'sub', { ...theirs, kind: '443' }])).toBeUndefined()
    expect(session.fromRelay(['EVENT', theirs])).toBeUndefined()
    expect(session.fromRelay(['EVENT', 'sub', note, theirs])).toBeUndefined()
  })

  it('kind 30443 is hidden if it is a key package kind', () => {
    const slot: RelayMessage = ['EVENT', 'sub', { ...theirs, kind: 30443 }]
    expect(startGateway().connect().session.fromRelay(slot)).toBeUndefined()
    expect(
      startGateway({ kinds: [443] })
        .connect()
        .session.fromRelay(slot),
    ).toBe(slot)
  })

  it.each([
    [['EVENT', 'sub', note]],
    [['EVENT', 'sub', null]],
    [['EVENT']],
    [['EOSE', 'sub']],
    [['CLOSED', 'sub', 'error: gone']],
    [['OK', note.id, true, '']],
    [['OK', { odd: true }, true]],
    [['NOTICE', 'hello']],
    [['AUTH', 'challenge']],
    [['COUNT', 'sub', { count: 3 }]],
    [['COUNT', 'sub', 'odd']],
    [['NEG-MSG', 'sub', '61']],
    [['ODD']],
  ] as [RelayMessage][])('everything else passes as the very same object: %j', (message) => {
    expect(startGateway().connect().session.fromRelay(message)).toBe(message)
  })

  it('are dropped for a subscription that was not forwarded', async () => {
    const { session, say } = startGateway().connect()
    await say('REQ', 'sub', keyPackagesBy(bob))
    expect(session.fromRelay(['EVENT', 'sub', note])).toBeUndefined()
    expect(session.fromRelay(['EOSE', 'sub'])).toBeUndefined()
    expect(session.fromRelay(['CLOSED', 'sub', ''])).toBeUndefined()
  })
})

describe('COUNT', () => {
  it('owner: the true number', async () => {
    const test = startGateway()
    const [first] = await stock(test, alice, 4)
    const owner = test.connect()
    await owner.authenticate(alice)
    expect(await owner.say('COUNT', 'sub', keyPackagesBy(alice))).toEqual({
      replies: [['COUNT', 'sub', { count: 4 }]],
    })
    const some = { ...keyPackagesBy(alice), ids: [first?.id] }
    expect(await owner.ask('COUNT', 'sub', some, some)).toEqual([['COUNT', 'sub', { count: 1 }]])
  })

  it.each([
    ['others', keyPackagesBy(bob)],
    ['own and others', keyPackagesBy(alice, bob)],
    ['everybody', { kinds: [443] }],
  ])('%s: CLOSED (I4)', async (_, filter) => {
    const test = startGateway()
    await stock(test, bob, 2)
    const client = test.connect()
    await client.authenticate(alice)
    expect(await client.say('COUNT', 'sub', filter)).toEqual({
      replies: [['CLOSED', 'sub', 'restricted: only the author may count key packages']],
    })
  })

  it("mixed: the kind is removed and the rest forwarded; only an owner's packages are added", async () => {
    const test = startGateway()
    await stock(test, alice, 2)
    const client = test.connect()
    const filter = { ...keyPackagesBy(alice), kinds: [443, 1] }
    const forward = ['COUNT', 'sub', { ...filter, kinds: [1] }]
    const counted: RelayMessage = ['COUNT', 'sub', { count: 5, approximate: true }]
    expect(await client.say('COUNT', 'sub', filter)).toEqual({ replies: [], forward })
    expect(client.session.fromRelay(counted)).toBe(counted)
    await client.authenticate(alice)
    expect(await client.say('COUNT', 'sub', filter)).toEqual({ replies: [], forward })
    expect(client.session.fromRelay(counted)).toEqual(['COUNT', 'sub', { count: 7, approximate: true }])
    expect(client.session.fromRelay(counted)).toBe(counted)
  })

  it('a COUNT that the relay never answered does not change the next one with that id', async () => {
    const test = startGateway()
    await stock(test, alice, 2)
    const owner = test.connect()
    await owner.authenticate(alice)
    const counted: RelayMessage = ['COUNT', 'sub', { count: 5 }]
    const mixed = { ...keyPackagesBy(alice), kinds: [443, 1] }
    await owner.say('COUNT', 'sub', mixed)
    await owner.say('COUNT', 'sub', { kinds: [1] })
    expect(owner.session.fromRelay(counted)).toBe(counted)
    await owner.say('COUNT', 'sub', mixed)
    owner.session.fromRelay(['CLOSED', 'sub', 'unsupported: counting'])
    expect(owner.session.fromRelay(counted)).toBe(counted)
  })
})

describe('COUNT and NEG-OPEN with kinds that NIP-01 does not know', () => {
  const kinds = 'invalid: filter `kinds` must be an array of integers'

  it.each([
    [[65_979]],
    [[1, 65_536]],
    [[-1]],
    [[443 - 65_536]],
    [[-0.5]],
    [['443']],
    [[null]],
    ['443'],
    [{ 0: 443 }],
  ])('are refused: %j, which some relays might take for key packages (I4)', async (wrong) => {
    const client = startGateway().connect()
    const [filter, fine] = [{ kinds: wrong }, { kinds: [1] }]
    for (const filters of [[filter], [fine, filter], [filter, keyPackagesBy(alice)]]) {
      const { replies, forward } = await client.say('COUNT', 'sub', ...filters)
      expect(replies).toEqual([['CLOSED', 'sub', expect.stringContaining(kinds)]])
      expect(forward).toBeUndefined()
    }
    const { replies, forward } = await client.say('NEG-OPEN', 'sub', filter, '61')
    expect(replies).toEqual([['NEG-ERR', 'sub', expect.stringContaining(kinds)]])
    expect(forward).toBeUndefined()
  })

  it('are passed on up to the highest', async () => {
    const { session } = startGateway().connect()
    const count: ClientMessage = ['COUNT', 'sub', { kinds: [0, 65_535] }]
    expect((await session.fromClient(count)).forward).toBe(count)
  })
})

describe('COUNT and NEG-OPEN without kinds', () => {
  const kindless: [what: string, filter: unknown][] = [
    ['nothing', {}],
    ['an id', { ids: [note.id] }],
    ['somebody', { authors: [bob.pubkey] }],
    ['oneself and somebody', { authors: [alice.pubkey, bob.pubkey] }],
    ['nobody', { authors: [] }],
    ['an empty list of kinds, which some relays take for none', { kinds: [] }],
    ['kinds by another name', { Kinds: [443] }],
    ['no filter', null],
    ['a list', [{ kinds: [1] }]],
  ]

  it.each(kindless)(
    'that name %s: refused, for a relay would count what it has from earlier (I4)',
    async (_, filter) => {
      const client = startGateway().connect()
      await client.authenticate(alice)
      const counting = 'restricted: COUNT filters must specify `kinds`'
      expect(await client.say('COUNT', 'sub', filter)).toEqual({ replies: [['CLOSED', 'sub', counting]] })
      expect(await client.say('COUNT', 'sub', { kinds: [1] }, filter)).toEqual({
        replies: [['CLOSED', 'sub', counting]],
      })
      expect(await client.say('NEG-OPEN', 'sub', filter, '61')).toEqual({
        replies: [['NEG-ERR', 'sub', 'blocked: NEG-OPEN filters must specify `kinds`']],
      })
    },
  )

  it('without any filter: refused', async () => {
    const { ask } = startGateway().connect()
    expect((await ask('COUNT', 'sub'))[0]?.[0]).toBe('CLOSED')
    expect((await ask('NEG-OPEN', 'sub'))[0]?.[0]).toBe('NEG-ERR')
  })

  it('that name only the client itself: forwarded', async () => {
    const client = startGateway().connect()
    await client.authenticate(alice)
    const count: ClientMessage = ['COUNT', 'sub', { authors: [alice.pubkey] }]
    const open: ClientMessage = ['NEG-OPEN', 'sub', { authors: [alice.pubkey], since: 1 }, '61']
    expect((await client.session.fromClient(count)).forward).toBe(count)
    expect((await client.session.fromClient(open)).forward).toBe(open)
  })
})

describe('a session with EVENTs left to a plugin of the relay', () => {
  const connect = () =>
    startGateway().gateway.session({ address: '192.0.2.1', publish: 'upstream', send: () => {} })

  it.each([443, 5, 62, 444, 447, 10051, 1])('forwards kind %i as the same object', async (kind) => {
    const message: ClientMessage = ['EVENT', { ...note, kind }]
    expect((await connect().fromClient(message)).forward).toBe(message)
  })

  it('still refuses an AUTH event published as an EVENT', async () => {
    const { forward, replies } = await connect().fromClient(['EVENT', { ...note, kind: 22242 }])
    expect(forward).toBeUndefined()
    expect(replies).toEqual([['OK', note.id, false, expect.stringMatching(/^invalid: /)]])
  })
})

describe('NEG-OPEN', () => {
  it('with a second filter is refused: a relay might read that one too (I4)', async () => {
    const { say } = startGateway().connect()
    expect(await say('NEG-OPEN', 'sub', { kinds: [1] }, keyPackagesBy(alice), '61')).toEqual({
      replies: [['NEG-ERR', 'sub', 'invalid: NEG-OPEN takes one filter']],
    })
  })

  it('removes the kind; answers NEG-ERR if nothing is left (I4)', async () => {
    const { say } = startGateway().connect()
    expect(await say('NEG-OPEN', 'sub', keyPackagesBy(alice), '61')).toEqual({
      replies: [['NEG-ERR', 'sub', 'blocked: key packages cannot be synchronised']],
    })
    expect(await say('NEG-OPEN', 'sub', { kinds: [1, 443] }, '61', 'more')).toEqual({
      replies: [],
      forward: ['NEG-OPEN', 'sub', { kinds: [1] }, '61', 'more'],
    })
  })
})

describe('a COUNT with the id of a REQ', () => {
  it('leaves the REQ to be answered, if that has not happened', async () => {
    const test = startGateway()
    await stock(test, alice, 2)
    const { ask } = test.connect()
    const asked = ask('REQ', 'sub', keyPackagesBy(alice))
    void ask('COUNT', 'sub', { kinds: [1] })
    expect((await asked).map(([verb]) => verb)).toEqual(['EVENT', 'EOSE'])
  })

  it('leaves its subscription open, also where it is refused itself', async () => {
    const { say, session } = startGateway().connect()
    await say('REQ', 'sub', { kinds: [443, 1], authors: [bob.pubkey] })
    expect((await say('COUNT', 'sub', keyPackagesBy(bob))).forward).toBeUndefined()
    const event: RelayMessage = ['EVENT', 'sub', note]
    expect(session.fromRelay(event)).toBe(event)
  })
})

describe('EOSE before CLOSED', () => {
  const refused: [why: string, filter: unknown][] = [
    ['restricted', { kinds: [443] }],
    ['invalid', { kinds: 'all' }],
  ]

  it.each(refused)('%s: a client that waits for EOSE alone does not hang', async (why, filter) => {
    const replies = await startGateway().connect().ask('REQ', 'sub', filter)
    expect(replies).toEqual([
      ['EOSE', 'sub'],
      ['CLOSED', 'sub', expect.stringMatching(`^${why}: `)],
    ])
  })

  it('none where the subscription id is none', async () => {
    const { ask } = startGateway().connect()
    const long = 'x'.repeat(65)
    expect((await ask('REQ', long, { kinds: [443] })).map(([verb]) => verb)).toEqual(['CLOSED'])
    expect((await ask('REQ', 7, { kinds: [443] })).map(([verb]) => verb)).toEqual(['NOTICE'])
  })

  it('none where a client should ask again: it could take EOSE for the answer', async () => {
    const { ask } = startGateway({ requester: 'auth' }).connect()
    expect((await ask('REQ', 'sub', keyPackagesBy(bob))).map(([verb]) => verb)).toEqual(['AUTH', 'CLOSED'])
    const down = startGateway({}, () => ({ hit: () => Promise.reject(new Error('gone')) })).connect()
    expect((await down.ask('REQ', 'sub', keyPackagesBy(bob))).map(([verb]) => verb)).toEqual(['CLOSED'])
  })

  it('none from COUNT', async () => {
    const replies = await startGateway().connect().ask('COUNT', 'sub', keyPackagesBy(bob))
    expect(replies.map(([verb]) => verb)).toEqual(['CLOSED'])
  })
})

describe('an event that the relay checks itself', () => {
  it('is left to the relay if it is no concern of the gateway, or was refused by the relay', async () => {
    const { session } = startGateway().connect()
    expect(await session.accept({ event: note, isVerified: true })).toEqual({ outcome: 'forward' })
    expect(await session.accept(Promise.resolve(undefined))).toEqual({ outcome: 'forward' })
  })

  it('is verified again only if the relay has not done so', async () => {
    const test = startGateway()
    const [event, other] = await keyPackagesOf(alice, 2)
    if (event === undefined || other === undefined) throw new Error('two events')
    const { session } = test.connect()
    const forged = { ...event, sig: '0'.repeat(128) }
    const refused = await session.accept({ event: forged, isVerified: false })
    expect(refused).toEqual({
      outcome: 'refused',
      accepted: false,
      message: 'invalid: the signature is wrong',
    })
    const stored = { outcome: 'stored', accepted: true, message: '' }
    expect(await session.accept({ event: forged, isVerified: true })).toEqual(stored)
    expect(await session.accept({ event: other, isVerified: false })).toEqual(stored)
    expect(await test.store.count([alice.pubkey], NOW)).toEqual([2])
  })

  it('is of whom the client had authenticated when it came, or has since, also if it has disconnected', async () => {
    const test = startGateway()
    const protectedBy = async (author: typeof alice) => {
      const [event] = await keyPackagesOf(author, 1)
      const { created_at, content, tags } = event ?? note
      const kind = 443
      return signEvent(author.secretKey, { kind, created_at, content, tags: [...tags, ['-']] })
    }
    const [event, later] = [await protectedBy(alice), await protectedBy(bob)]
    const client = test.connect()
    expect(await client.session.accept({ event, isVerified: true })).toMatchObject({
      accepted: false,
      message: 'auth-required: this event may only be published by its author',
    })
    await client.authenticate(alice)
    const accepted = client.session.accept(Promise.resolve({ event, isVerified: true }))
    client.session.close()
    expect(await accepted).toMatchObject({ outcome: 'stored', accepted: true })

    const another = test.connect()
    let arrive = (_: { event: typeof event; isVerified: boolean }) => {}
    const arrived = new Promise<{ event: typeof event; isVerified: boolean }>((resolve) => {
      arrive = resolve
    })
    const authenticating = another.authenticate(bob)
    const pending = another.session.accept(arrived)
    await authenticating
    arrive({ event: later, isVerified: true })
    expect(await pending).toMatchObject({ outcome: 'stored', accepted: true })
  })
})

describe('a session that is closed', () => {
  it('answers nothing, and passes nothing on in either direction', async () => {
    const { session, pushed, say } = startGateway().connect()
    await say('REQ', 'sub', { kinds: [1] })
    const before = pushed.length
    session.close()
    expect(session.fromRelay(['EVENT', 'sub', note])).toBeUndefined()
    expect(session.fromRelay(['NOTICE', 'hello'])).toBeUndefined()
    for (const message of [
      ['EVENT', note],
      ['REQ', 'sub', keyPackagesBy(alice)],
      ['CLOSE', 'sub'],
    ] as const) {
      expect(await session.fromClient(message)).toEqual({ replies: [] })
    }
    expect(pushed).toHaveLength(before)
  })

  it('is no session of the gateway any more', () => {
    const { gateway, connect } = startGateway()
    const [first] = [connect(), connect()]
    expect(gateway.activity().sessions).toBe(2)
    first.session.close()
    first.session.close()
    expect(gateway.activity().sessions).toBe(1)
  })
})

describe('a failure inside the gateway', () => {
  const broken = {
    id: note.id,
    get kind(): number {
      throw new Error('no kind')
    },
  }

  it('is told to the client without its reason, and logged with it; the next message is answered (I9)', async () => {
    const test = startGateway()
    const { say } = test.connect()
    expect(await say('EVENT', broken)).toEqual({
      replies: [['OK', note.id, false, 'error: failed to handle this message']],
    })
    expect(test.logged.filter((line) => line.includes('a request failed'))).toEqual([
      expect.stringContaining('"err"'),
    ])
    expect(await say('EVENT', note)).toEqual({ replies: [], forward: ['EVENT', note] })
  })

  it('is not what a refusal is: those are not logged as failures', async () => {
    const test = startGateway()
    await test.connect().ask('REQ', 'sub', { kinds: [443] })
    expect(test.logged.filter((line) => line.includes('a request failed'))).toEqual([])
  })

  it('of a socket is logged, and fails nobody else', async () => {
    const test = startGateway()
    const fails = () => {
      throw new Error('the socket is gone')
    }
    const { session } = test.connect({ send: fails })
    expect(test.logged.filter((line) => line.includes('a request failed'))).toHaveLength(1)
    expect(await session.fromClient(['EVENT', note])).toEqual({ replies: [], forward: ['EVENT', note] })
  })
})

describe('a message of an unknown type', () => {
  it('is named in the answer, up to 32 characters of it', async () => {
    const { ask } = startGateway().connect()
    expect(await ask(`req${'x'.repeat(40)}`, 'sub')).toEqual([
      ['NOTICE', `invalid: unknown message type "req${'x'.repeat(29)}"`],
    ])
  })
})

describe('an AUTH', () => {
  it("whose challenge is not the gateway's is passed on as the same object", async () => {
    const client = startGateway().connect()
    const event = signEvent(alice.secretKey, {
      kind: 22242,
      created_at: NOW,
      tags: [['challenge', 'of the relay']],
      content: '',
    })
    const message: ClientMessage = ['AUTH', event]
    const answer = await client.session.fromClient(message)
    expect(answer).toEqual({ replies: [], forward: message })
    expect(answer.forward).toBe(message)
  })

  it('without an event is refused', async () => {
    expect((await startGateway().connect().say('AUTH', 'text')).forward).toBeUndefined()
    expect((await startGateway().connect().say('AUTH')).forward).toBeUndefined()
  })
})

describe('an event that only its author may publish', () => {
  it('brings a challenge with its refusal, so that the author can authenticate', async () => {
    const client = startGateway().connect()
    const [event] = await keyPackagesOf(alice, 1)
    const { created_at, content, tags } = event ?? note
    const own = signEvent(alice.secretKey, { kind: 443, created_at, content, tags: [...tags, ['-']] })
    expect((await client.ask('EVENT', own)).map(([verb]) => verb)).toEqual(['AUTH', 'OK'])
    expect((await client.ask('EVENT', { ...own, sig: '0'.repeat(128) })).map(([verb]) => verb)).toEqual([
      'OK',
    ])
  })
})
