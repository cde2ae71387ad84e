/** The `@nostr-relay/core` plugin in the real relay over real sockets: what is special about this relay. */

import { describe, expect, it } from '@jest/globals'
import { alice, bob, eventOf, idsOf, newEvent, packagesOf, Scene } from '../../../e2e/behaviour/scene.ts'
import { gate } from '../../../support/gate.ts'
import { machineTime, type Plugin, startNostrRelay } from '../../../support/nostr-relay.ts'

/** What other plugins see: one that logs what the relay sent, and one that sends events elsewhere. */
const logged: string[] = []
const logger: Plugin = {
  handleMessage: async (_ctx, _message, next) => {
    const result = await next()
    if (result?.messageType === 'REQ') logged.push(...result.events.map(({ id }) => id))
    return result
  },
}
const broadcast: string[] = []
const broadcaster: Plugin = {
  broadcast: async (event, next) => {
    broadcast.push(event.id)
    await next()
  },
}

describe('plugins of the relay that check events', () => {
  let opened: Promise<void> = Promise.resolve()
  const onlyBob: Plugin = {
    beforeHandleEvent: async ({ pubkey }) => {
      await opened
      return { canHandle: pubkey === bob.pubkey, message: 'blocked: you are not on the list' }
    },
  }
  const scene = new Scene((options) => startNostrRelay({ options, before: [onlyBob] }))

  it('are asked first: what they refuse is not published', async () => {
    const target = await scene.start()
    const client = await scene.connect(target)
    const refused = [false, 'blocked: you are not on the list']
    expect(await client.publish(await newEvent(target, alice))).toEqual(refused)
    expect(await client.publish(await newEvent(target, bob))).toEqual([true, ''])
    expect(await target.store.count([alice.pubkey, bob.pubkey], machineTime())).toEqual([undefined, 1])
  })

  it('may be slow: messages are still answered as if handled in order', async () => {
    const target = await scene.start()
    const client = await scene.connect(target)
    await client.rest()
    const { opened: until, open } = gate()
    opened = until
    const [first, second, refused] = [
      await newEvent(target, bob, { createdAt: machineTime() - 2, place: { index: 0, of: 2 } }),
      await newEvent(target, bob, { createdAt: machineTime() - 1, place: { index: 1, of: 2 } }),
      await newEvent(target, alice),
    ]
    client.send(['EVENT', first], ['EVENT', refused], ['EVENT', second], ['REQ', 'one', packagesOf(bob)])
    client.send(['REQ', 'never', packagesOf(bob)], ['CLOSE', 'never'])
    // Another client is not kept waiting.
    const other = await scene.connect(target)
    expect((await other.request('none', packagesOf(bob))).events).toEqual([])
    open()
    expect(idsOf((await client.reply('one')).events)).toEqual([first.id])
    expect((await client.rest()).filter(([verb]) => verb === 'EVENT')).toEqual([])
    expect(await target.store.count([alice.pubkey, bob.pubkey], machineTime())).toEqual([undefined, 1])
  })

  it('and are registered later are asked about events that the gateway forwards', async () => {
    const target = await startNostrRelay({ after: [onlyBob] })
    const client = await scene.connect(target)
    expect(await client.publish(await newEvent(target, alice))).toEqual([true, ''])
    expect(await client.publish(eventOf(target, alice, 1, []))).toEqual([
      false,
      'blocked: you are not on the list',
    ])
    await client.close()
    await target.stop()
  })
})

describe('key packages in the relay itself (I4)', () => {
  const scene = new Scene((options) => startNostrRelay({ options, before: [logger], after: [broadcaster] }))

  it('are shown only to their owner, whatever the filter, stored or live', async () => {
    const target = await scene.start()
    const [old, live] = [await newEvent(target, alice), await newEvent(target, alice)]
    target.relay.keep(old)
    const [stranger, owner] = [await scene.connect(target, bob), await scene.connect(target, alice)]
    const filters = [{}, { ids: [old.id, live.id] }, { authors: [alice.pubkey] }, { since: old.created_at }]
    for (const [index, filter] of filters.entries()) {
      expect((await stranger.request(`filter ${index}`, filter)).events).toEqual([])
    }
    expect(logged).toEqual([])
    expect((await owner.request('all', {})).events).toEqual([old])
    expect(logged).toEqual([old.id])
    await target.relay.program.broadcast(live as never)
    expect(await owner.until('EVENT')).toContainEqual(['EVENT', 'all', live])
    expect(await stranger.rest()).toEqual([])
  })

  it('with custody relay are stored by it, and broadcast to no other plugin', async () => {
    const target = await scene.start({ custody: 'relay' })
    const [stranger, owner] = [await scene.connect(target, bob), await scene.connect(target, alice)]
    await stranger.request('all', {})
    const events = await scene.publish(target, alice, 2)
    const note = eventOf(target, alice, 1, [])
    await owner.publish(note)
    expect((await owner.request('all', {})).events.map(({ id }) => id)).toEqual(
      expect.arrayContaining(idsOf(events)),
    )
    expect((await stranger.rest()).filter(([verb]) => verb === 'EVENT')).toEqual([['EVENT', 'all', note]])
    expect(broadcast).toEqual([note.id])
  })
})

describe('events of the program that runs the relay', () => {
  const scene = new Scene((options) => startNostrRelay({ options }))

  it('are published like those of clients, and not stored by the relay', async () => {
    const target = await scene.start()
    const [event, wrong] = [await newEvent(target, alice), await newEvent(target, alice, { content: '' })]
    const { program } = target.relay
    expect(await program.handleEvent(event as never)).toEqual({ success: false, message: '' })
    expect((await program.handleEvent(wrong as never)).message).toMatch(/^invalid: /)
    expect(await program.findEvents([{}])).toEqual([])
    const client = await scene.connect(target)
    expect(idsOf((await client.request('claim', packagesOf(alice))).events)).toEqual([event.id])
  })
})

describe('an answer that the relay caches', () => {
  const scene = new Scene((options) => startNostrRelay({ options, relay: { repeatsFor: 600_000 } }))

  it('is never one about a key package: the gateway answers each time', async () => {
    const target = await scene.start()
    const client = await scene.connect(target)
    const event = await newEvent(target, alice, { tags: { '-': [] } })
    expect((await client.publish(event))[1]).toMatch(/^auth-required: /)
    await client.authenticate(alice, machineTime())
    expect(await client.publish(event)).toEqual([true, ''])
    expect(await client.publish(event)).toEqual([true, 'duplicate: already have this key package'])
  })

  it('is reported as such, if the gateway would forward the event by now', async () => {
    const target = await scene.start({ custody: 'relay' })
    const client = await scene.connect(target)
    const event = await newEvent(target, alice, { tags: { '-': [] } })
    expect((await client.publish(event))[1]).toMatch(/^auth-required: /)
    await client.authenticate(alice, machineTime())
    expect(await client.publish(event)).toEqual([
      false,
      'error: the relay answered from its cache, try again in a few minutes',
    ])
    expect(await target.store.count([alice.pubkey], machineTime())).toEqual([1])
  })
})
