/** The proxy in front of a real relay: the behaviour suite, and that nothing bypasses it to see key packages (I4). */

import { describe, expect, it } from '@jest/globals'
import type { SignedEvent } from '../../../plugin/nostr/messages.ts'
import type { OptionsInput } from '../../../plugin/options.ts'
import { Client } from '../../support/client.ts'
import { eventually } from '../../support/eventually.ts'
import { authEvent } from '../../support/gateway.ts'
import { startTestProxy, type TestProxy } from '../../support/proxy.ts'
import { startRelay } from '../../support/relay.ts'
import { LmdbStores } from '../../support/stores.ts'
import { alice, bob, eventOf, idsOf, newEvent, packagesOf, Scene } from '../behaviour/scene.ts'
import { describeControlledRelay, describeKeyPackageRelay } from '../behaviour.ts'

const stores = new LmdbStores()

const startWith = (gateway: OptionsInput) => startTestProxy({ gateway })

describeKeyPackageRelay('serve --upstream', startWith)
describeControlledRelay('serve --upstream', startWith)
describeKeyPackageRelay('serve --upstream, on LMDB', (gateway) =>
  startTestProxy({ gateway, store: stores.open() }),
)

describe('no way to bypass the gateway (I4)', () => {
  const scene = new Scene<TestProxy>(startWith)

  /** Key packages of Alice in the relay: one stored earlier, one published to the relay directly. */
  async function leftovers(target: TestProxy): Promise<SignedEvent[]> {
    const earlier = await newEvent(target, alice)
    target.relay.keep(earlier)
    const direct = await Client.connect(target.relay.url)
    const published = await newEvent(target, alice)
    await direct.publish(published)
    await direct.close()
    return [earlier, published]
  }

  it('no REQ of any shape shows key packages that the relay has stored', async () => {
    const target = await scene.start()
    const events = await leftovers(target)
    const note = eventOf(target, alice, 1, [])
    target.relay.keep(note)
    const client = await scene.connect(target, bob)
    const [event] = events
    for (const filter of [
      {},
      { ids: idsOf(events) },
      { authors: [alice.pubkey] },
      { since: 1 },
      { limit: 100 },
      { '#relays': ['wss://relay.example.com'] },
      { '#mls_protocol_version': ['1.0'] },
      { ids: [event?.id], kinds: [1, 443], authors: [alice.pubkey] },
      { kinds: [443.0], authors: [alice.pubkey] },
      { Kinds: [443] },
    ]) {
      const reply = await client.request('any', filter)
      expect([filter, idsOf(reply.events).filter((id) => id !== note.id)]).toEqual([filter, []])
    }
    client.sendRaw('["REQ","twice",{"kinds":[1],"kinds":[443],"authors":["x"]}]')
    client.sendRaw('["REQ","escaped",{"\\u006binds":[443],"kinds":[1]}]')
    client.sendRaw('["\\u0052EQ","verb",{"kinds":[4.43e2]}]')
    expect(JSON.stringify(await client.rest())).not.toContain(events[0]?.content)
  })

  it('no live feed shows key packages published to the relay directly, except to their author', async () => {
    const target = await scene.start()
    const [stranger, owner] = [await scene.connect(target, bob), await scene.connect(target, alice)]
    for (const client of [stranger, owner]) {
      await client.request('all', {})
      await client.request('alices', { authors: [alice.pubkey] })
    }
    const [, published] = await leftovers(target)
    await owner.rest()
    for (const id of ['alices', 'all']) {
      expect(owner.history).toContainEqual(['EVENT', id, published])
    }
    expect((await stranger.rest()).filter(([verb]) => verb === 'EVENT')).toEqual([])
  })

  it('no COUNT or NEG-OPEN that could count or list them reaches the relay', async () => {
    const target = await scene.start()
    await leftovers(target)
    const client = await scene.connect(target, bob)
    for (const filter of [
      {},
      { authors: [alice.pubkey] },
      { kinds: [443] },
      { Kinds: [443] },
      { kinds: [] },
    ]) {
      expect(await client.count('count', filter)).toMatch(/^restricted: /)
      client.send(['NEG-OPEN', 'sync', filter, '6100'])
      expect((await client.until('NEG-ERR', 'sync')).at(-1)?.[2]).toMatch(/^blocked: /)
    }
    expect(await client.count('notes', { kinds: [1, 443] })).toEqual({ count: 0 })
    client.send(['NEG-OPEN', 'notes', { kinds: [1, 443] }, '6100'])
    await client.rest()
    const heard = target.relay.received.filter((frame) => /^\["(COUNT|NEG)/.test(frame))
    expect(heard).toEqual(['["COUNT","notes",{"kinds":[1]}]', '["NEG-OPEN","notes",{"kinds":[1]},"6100"]'])
  })

  it.each([
    ['two kinds, ours last', '"kind":1,"kind":443'],
    ['two kinds, ours first', '"kind":443,"kind":1'],
    ['a kind spelled in escapes', '"kind":1,"\\u006bind":443'],
    ['a kind in capitals', '"kind":1,"KIND":443'],
    ['a kind with the Kelvin sign', '"kind":1,"\u212aind":443'],
    ['a kind with a fraction', '"kind":443.0'],
    ['a kind with an exponent', '"kind":4.43e2'],
    ['a kind as text', '"kind":"443"'],
    ['a kind after spaces', '"kind" \t:\n 443'],
  ])('an EVENT with %s reaches the relay as the gateway parsed it, or not at all', async (_, kind) => {
    const target = await scene.start()
    const client = await scene.connect(target)
    const { kind: _kind, ...event } = await newEvent(target, alice)
    const text = `["EVENT",{${kind},${JSON.stringify(event).slice(1, -1)}}]`
    client.sendRaw(text)
    await client.untilAny('OK', 'NOTICE')
    const events = target.relay.received.filter((frame) => frame.includes('EVENT'))
    const kinds = events.map((frame) => frame.match(/.ind":[^,}]*/gi))
    expect(kinds).toEqual(
      kind.includes('"kind":443,"kind":1') || /[A-Z\u212a]IND|\u212aind/.test(kind) ? [['kind":1']] : [],
    )
  })

  it('custody relay: packages that both store are shown only by claims', async () => {
    const target = await scene.start({ custody: 'relay' })
    const events = await scene.publish(target, alice, 2)
    const client = await scene.connect(target)
    expect((await client.request('all', {})).events).toEqual([])
    expect(idsOf((await client.request('claim', packagesOf(alice))).events)).toEqual([events[0]?.id])
    expect(target.relay.received.filter((frame) => frame.startsWith('["EVENT"'))).toHaveLength(2)
  })
})

describe('one EOSE for each REQ', () => {
  const scene = new Scene<TestProxy>(startWith)

  it('whoever answers it, and its id can be reused at once', async () => {
    const target = await scene.start()
    const note = eventOf(target, bob, 1, [])
    target.relay.keep(note)
    const client = await scene.connect(target)
    await client.challenge()
    const turns = 5
    client.together(() => {
      for (let turn = 0; turn < turns; turn++) {
        client.send(['REQ', 's', { kinds: [1] }], ['REQ', 's', packagesOf(alice)])
      }
      client.send(['REQ', 's', { kinds: [1, 443], authors: [bob.pubkey] }])
    })
    // Until the gateway has answered, the first REQs get their answers; after that, only the last one does.
    const heard = await client.rest()
    const ends = heard.flatMap(([verb], index) => (verb === 'EOSE' ? [index] : []))
    expect(ends.length).toBeLessThanOrEqual(2 * turns + 1)
    expect(heard.slice((ends.at(-2) ?? 0) + 1)).toEqual([
      ['EVENT', 's', note],
      ['EOSE', 's'],
    ])
    client.send(['CLOSE', 's'])
    expect(await client.request('s', { kinds: [1] })).toMatchObject({ events: [note] })
    expect(await client.rest()).toEqual([])
  })
})

describe('NIP-42 of the relay and of the gateway', () => {
  const scene = new Scene<TestProxy>(async (gateway) =>
    startTestProxy({ gateway, relay: await startRelay({ hostname: '127.0.0.1' }) }),
  )
  const challengesOf = async (client: Client) => {
    await client.rest()
    return client.history.filter(([verb]) => verb === 'AUTH').map(([, challenge]) => String(challenge))
  }

  it('both challenges reach the client, and answering either one authenticates it as an owner', async () => {
    const target = await scene.start()
    await scene.publish(target, alice, 2)
    for (const which of [0, 1]) {
      const client = await scene.connect(target)
      const challenges = await challengesOf(client)
      expect(challenges).toHaveLength(2)
      // The relay uses the machine's clock.
      target.advance(Math.floor(Date.now() / 1000) - target.now())
      const challenge = challenges[which] ?? ''
      const event = authEvent(alice, { challenge, relay: target.url, createdAt: target.now() })
      client.send(['AUTH', event])
      expect((await client.until('OK', event.id)).at(-1)?.[2]).toBe(true)
      expect(await client.count('own', packagesOf(alice))).toEqual({ count: expect.any(Number) })
    }
    expect(target.relay.received.filter((frame) => frame.startsWith('["AUTH"'))).toHaveLength(1)
  })

  it('a relay that accepts any AUTH authenticates nobody here: the event may be signed for another relay', async () => {
    const target = await startTestProxy({ relay: await startRelay({ answersAuth: 'always' }) })
    const client = await scene.connect(target)
    const [challenge, relay] = ['their challenge', 'wss://elsewhere.example.com']
    const event = authEvent(alice, { challenge, relay, createdAt: target.now() })
    client.send(['AUTH', event])
    expect((await client.until('OK', event.id)).at(-1)?.[2]).toBe(true)
    expect(await client.count('own', packagesOf(alice))).toMatch(/^restricted: /)
    await client.close()
    await target.stop()
  })
})

describe('proxy.publish: upstream', () => {
  it('forwards every EVENT to the relay, whose plugin shares the store; claims are answered here', async () => {
    const store = stores.open()
    const target = await startTestProxy({ store, proxy: { publish: 'upstream' } })
    const client = await Client.connect(target.url)
    const event = await newEvent(target, alice)
    expect((await client.publish(event))[0]).toBe(true)
    expect(await store.count([alice.pubkey], target.now())).toEqual([undefined])
    expect(target.relay.received.filter((frame) => frame.includes(event.id))).toEqual([
      JSON.stringify(['EVENT', event]),
    ])
    expect((await client.request('all', {})).events).toEqual([])
    await client.close()
    await target.stop()
  })
})

describe('a relay that disconnects', () => {
  it('closes its clients with 1012, and is used again once it is back; both are logged', async () => {
    const relay = await startRelay()
    const target = await startTestProxy({ relay })
    const client = await Client.connect(target.url)
    await client.rest()
    await relay.stop()
    expect(await client.ended).toBe(1012)
    for (const _turn of [1, 2]) await expect(Client.connect(target.url)).rejects.toThrow('502')
    const again = await startRelay({ port: relay.port })
    const back = await eventually('the relay is back', () => Client.connect(target.url))
    expect((await back.request('all', {})).events).toEqual([])
    expect(target.log.lines.map(({ message }) => message)).toEqual([
      'the upstream relay cannot be reached',
      'refused clients: the relay refused them, or cannot be reached',
      'the upstream relay can be reached again',
    ])
    await back.close()
    await again.stop()
    await target.stop()
  })
})
