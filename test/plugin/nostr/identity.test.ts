/** Authentication (NIP-42), and attacks on it. */

import { describe, expect, it } from '@jest/globals'
import { authenticatedBy, createChallenge, hostOf } from '../../../plugin/nostr/auth.ts'
import {
  type AuthSettings,
  authEvent,
  challengeIn,
  HOST,
  idsIn,
  keyPackagesBy,
  startGateway,
  stock,
  type TestClient,
  type TestGateway,
} from '../../support/gateway.ts'
import { NOW } from '../../support/key-packages.ts'
import { person } from '../../support/people.ts'

const alice = person('alice')
const mallory = person('mallory')

/** Whether the client owns Alice's packages: only an owner may count them. */
async function ownsAlices({ ask }: TestClient): Promise<boolean> {
  const [reply] = await ask('COUNT', 'whose', keyPackagesBy(alice))
  return reply?.[0] === 'COUNT'
}

describe('a challenge', () => {
  it('is sent when a client connects, a different one to each', () => {
    const test = startGateway()
    const challenges = [test.connect(), test.connect()].map(({ pushed }) => challengeIn(pushed))
    expect(new Set(challenges).size).toBe(2)
    for (const challenge of challenges) expect(challenge).toMatch(/^[0-9a-f]{32}$/)
    expect(createChallenge()).not.toBe(createChallenge())
  })

  it('is not sent if the relay has its own NIP-42', () => {
    expect(startGateway().connect({ authenticated: () => [] }).pushed).toEqual([])
  })
})

describe("an AUTH that answers the gateway's challenge", () => {
  it('is answered by the gateway: OK true', async () => {
    const test = startGateway()
    const client = test.connect()
    const event = authEvent(alice, { challenge: challengeIn(client.pushed) })
    expect(await client.say('AUTH', event)).toEqual({ replies: [['OK', event.id, true, '']] })
    expect(await ownsAlices(client)).toBe(true)
  })

  const refusals: [what: string, change: Partial<AuthSettings>, why: string][] = [
    ['another kind', { kind: 1 }, 'invalid: an AUTH event must have kind 22242'],
    ['too old', { createdAt: NOW - 601 }, 'invalid: created_at is more than 10 minutes from now'],
    ['too new', { createdAt: NOW + 601 }, 'invalid: created_at is more than 10 minutes from now'],
    ['another relay', { relay: 'wss://evil.example' }, 'invalid: the relay tag names another relay'],
    ['another port', { relay: `wss://${HOST}:444` }, 'invalid: the relay tag names another relay'],
    [
      'another host by its password',
      { relay: `wss://${HOST}@evil.example` },
      'invalid: the relay tag names another relay',
    ],
    ['a longer host', { relay: `wss://${HOST}.evil.example` }, 'invalid: the relay tag names another relay'],
    ['no address', { relay: 'nonsense//' }, 'invalid: the relay tag names another relay'],
  ]

  it.each(refusals)('is refused: %s', async (_, change, why) => {
    const client = startGateway().connect()
    const event = authEvent(alice, { challenge: challengeIn(client.pushed), ...change })
    expect(await client.say('AUTH', event)).toEqual({ replies: [['OK', event.id, false, why]] })
    expect(await ownsAlices(client)).toBe(false)
  })

  it('is refused if the signature is not by its pubkey', async () => {
    const client = startGateway().connect()
    const event = authEvent(mallory, { challenge: challengeIn(client.pushed) })
    const forged = { ...event, pubkey: alice.pubkey }
    expect(await client.ask('AUTH', forged)).toEqual([
      ['OK', event.id, false, 'invalid: wrong id or signature'],
    ])
    expect(await ownsAlices(client)).toBe(false)
  })

  it.each(['wss://RELAY.example.com/', 'ws://relay.example.com:80', 'wss://relay.example.com:443/path?x#y'])(
    'may write the relay as %s',
    async (relay) => {
      const client = startGateway().connect()
      await client.ask('AUTH', authEvent(alice, { challenge: challengeIn(client.pushed), relay }))
      expect(await ownsAlices(client)).toBe(true)
    },
  )

  it('is compared with publicUrl if that is set, whatever Host header the client sent', async () => {
    const test = startGateway({ publicUrl: 'wss://keys.example.org' })
    const client = test.connect({ host: 'evil.example' })
    const challenge = challengeIn(client.pushed)
    await client.ask('AUTH', authEvent(alice, { challenge, relay: 'wss://evil.example' }))
    expect(await ownsAlices(client)).toBe(false)
    await client.ask('AUTH', authEvent(alice, { challenge, relay: 'wss://keys.example.org' }))
    expect(await ownsAlices(client)).toBe(true)
  })

  it("is an error if the relay's address is unknown", async () => {
    const client = startGateway().connect({ host: undefined })
    const [reply] = await client.authenticate(alice)
    expect(reply?.[3]).toBe('error: this relay does not know its own URL; its operator must set publicUrl')
  })

  it('may be sent for several pubkeys; quotas count the first, from its first message on (I5)', async () => {
    const test = startGateway({ quota: { perAuthor: { max: 1 } } })
    await stock(test, alice, 4)
    const one = test.connect()
    const two = test.connect()
    for (const client of [one, two]) {
      await client.authenticate(person('first'))
      await client.authenticate(person(`second of ${client === one}`))
    }
    expect(idsIn(await one.ask('REQ', 'sub', keyPackagesBy(alice)))).toHaveLength(1)
    expect((await two.ask('REQ', 'sub', keyPackagesBy(alice))).at(-1)?.[0]).toBe('CLOSED')
  })

  it('may be sent for at most 100 pubkeys (I9)', async () => {
    const client = startGateway({}).connect()
    for (let index = 0; index < 100; index += 1) await client.authenticate(person(`${index}`))
    const [reply] = await client.authenticate(alice)
    expect(reply?.slice(2)).toEqual([false, 'blocked: at most 100 pubkeys per connection'])
    expect((await client.authenticate(person('7')))[0]?.[2]).toBe(true)
  })

  it.each([[undefined], [null], ['text'], [{}], [[]]])('gets a NOTICE if malformed: %j', async (event) => {
    const [reply] = await startGateway().connect().ask('AUTH', event)
    expect(reply).toEqual(['NOTICE', expect.stringMatching(/^invalid: /)])
  })
})

describe('an AUTH that answers another challenge', () => {
  const other = authEvent(alice, { challenge: "the relay's own" })

  async function forwardedTo(test: TestGateway): Promise<TestClient> {
    const client = test.connect()
    client.session.fromRelay(['AUTH', "the relay's own"])
    const message = ['AUTH', other] as const
    const answer = await client.session.fromClient(message)
    expect(answer.forward).toBe(message)
    expect(answer.replies).toEqual([])
    return client
  }

  it('is forwarded, and accepted once the relay answers OK true', async () => {
    const client = await forwardedTo(startGateway())
    expect(await ownsAlices(client)).toBe(false)
    client.session.fromRelay(['OK', other.id, true, ''])
    expect(await ownsAlices(client)).toBe(true)
  })

  it.each([[false], ['true'], [1], [undefined]])(
    'is not believed for OK %j, nor ever after',
    async (accepted) => {
      const client = await forwardedTo(startGateway())
      client.session.fromRelay(['OK', other.id, accepted, ''])
      client.session.fromRelay(['OK', other.id, true, ''])
      expect(await ownsAlices(client)).toBe(false)
    },
  )

  it.each([
    ['forged', { ...authEvent(mallory, { challenge: 'x' }), pubkey: alice.pubkey }],
    ['no AUTH event', authEvent(alice, { challenge: 'x', kind: 1 })],
    ['an old one of hers', authEvent(alice, { challenge: 'x', createdAt: NOW - 601 })],
  ])('is never believed where it is %s, whatever the relay says', async (_, event) => {
    const client = startGateway().connect()
    client.session.fromRelay(['AUTH', 'x'])
    expect((await client.say('AUTH', event)).forward).toEqual(['AUTH', event])
    client.session.fromRelay(['OK', event.id, true, ''])
    expect(await ownsAlices(client)).toBe(false)
  })

  it('is not accepted if it names another relay than publicUrl: some relays do not check (I4)', async () => {
    const elsewhere = authEvent(alice, { challenge: 'x', relay: 'wss://evil.example' })
    const client = startGateway({ publicUrl: `wss://${HOST}` }).connect()
    client.session.fromRelay(['AUTH', 'x'])
    expect((await client.say('AUTH', elsewhere)).forward).toEqual(['AUTH', elsewhere])
    client.session.fromRelay(['OK', elsewhere.id, true, ''])
    expect(await ownsAlices(client)).toBe(false)
  })

  it('is accepted whatever relay it names where there is no publicUrl: the relay knows its own address', async () => {
    const elsewhere = authEvent(alice, { challenge: 'x', relay: 'wss://another.example' })
    const client = startGateway().connect()
    client.session.fromRelay(['AUTH', 'x'])
    await client.say('AUTH', elsewhere)
    client.session.fromRelay(['OK', elsewhere.id, true, ''])
    expect(await ownsAlices(client)).toBe(true)
  })

  it('is not accepted if the relay did not send that challenge here: it may have been made for another relay', async () => {
    const client = startGateway().connect()
    client.session.fromRelay(['AUTH', 'another'])
    expect((await client.say('AUTH', other)).forward).toEqual(['AUTH', other])
    client.session.fromRelay(['OK', other.id, true, ''])
    expect(await ownsAlices(client)).toBe(false)
  })

  it('may answer any of the last sixteen challenges of the relay (I9)', async () => {
    const client = startGateway().connect()
    for (const index of Array(17).keys()) client.session.fromRelay(['AUTH', `${index}`])
    for (const [challenge, believed] of [
      ['0', false],
      ['1', true],
    ] as const) {
      const event = authEvent(alice, { challenge })
      await client.say('AUTH', event)
      client.session.fromRelay(['OK', event.id, true, ''])
      expect(await ownsAlices(client)).toBe(believed)
    }
  })

  it('cannot be sent as an EVENT, whose OK true would prove nothing', async () => {
    const client = await forwardedTo(startGateway())
    expect(await client.say('EVENT', other)).toEqual({
      replies: [
        ['OK', other.id, false, 'invalid: authentication events must be sent with AUTH, not published'],
      ],
    })
    for (const event of [
      { ...other, kind: '22242' },
      { ...other, kind: 22242.0 },
      { ...other, kind: null },
    ]) {
      expect((await client.say('EVENT', event)).forward).toBeUndefined()
    }
  })

  it('is accepted only on its own connection', async () => {
    const test = startGateway()
    await forwardedTo(test)
    const elsewhere = test.connect()
    elsewhere.session.fromRelay(['OK', other.id, true, ''])
    expect(await ownsAlices(elsewhere)).toBe(false)
  })

  it('is one of at most sixteen that wait for the relay; more are only forwarded (I9)', async () => {
    const client = startGateway().connect()
    client.session.fromRelay(['AUTH', 'x'])
    client.session.fromRelay(['AUTH', "the relay's own"])
    for (let index = 0; index < 16; index += 1) {
      await client.say('AUTH', authEvent(person(`${index}`), { challenge: 'x' }))
    }
    expect((await client.say('AUTH', other)).forward).toEqual(['AUTH', other])
    client.session.fromRelay(['OK', other.id, true, ''])
    expect(await ownsAlices(client)).toBe(false)
  })
})

describe('hosts', () => {
  it.each([
    ['wss://relay.example.com', 'relay.example.com'],
    ['Relay.Example.com', 'relay.example.com'],
    ['relay.example.com:443', 'relay.example.com'],
    ['localhost:7447', 'localhost:7447'],
    ['[::1]:80', '[::1]'],
    ['', undefined],
    ['://', undefined],
  ])('%s is %s', (url, host) => {
    expect(hostOf(url)).toBe(host)
  })

  it('authenticatedBy accepts only the given challenge', async () => {
    const event = authEvent(alice, { challenge: 'one' })
    const expected = { challenge: 'two', host: HOST, verifyEvent: async () => true }
    await expect(authenticatedBy(event, expected, NOW)).rejects.toThrow(
      'invalid: the challenge is not from this relay',
    )
  })
})
