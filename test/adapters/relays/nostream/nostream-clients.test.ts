/** nostream's clients with the gateway in between: their subscriptions, and what happens when they disconnect. */

import { describe, expect, it } from '@jest/globals'
import { withKeyPackageGateway } from '../../../../adapters/relays/nostream/nostream.ts'
import { memoryStore } from '../../../../adapters/storage/memory.ts'
import { KeyPackageGateway } from '../../../../plugin/gateway.ts'
import type { SignedEvent } from '../../../../plugin/nostr/messages.ts'
import type { OptionsInput } from '../../../../plugin/options.ts'
import { alice, bob, carol, newEvent, packagesOf, Scene } from '../../../e2e/behaviour/scene.ts'
import { eventually } from '../../../support/eventually.ts'
import { gate } from '../../../support/gate.ts'
import { signEvent } from '../../../support/key-packages.ts'
import {
  inStock,
  keptBy,
  type NostreamTarget,
  startNostreamTarget,
} from '../../../support/nostream-target.ts'

const scene = new Scene<NostreamTarget>((options) => startNostreamTarget(options))

const noteOf = ({ now }: NostreamTarget): SignedEvent =>
  signEvent(bob.secretKey, { kind: 1, created_at: now(), tags: [], content: 'hello' })

describe('subscriptions', () => {
  it('a duplicate is answered as by nostream alone', async () => {
    const { client } = await scene.stocked(1)
    await client.request('s', { kinds: [1] })
    client.send(['REQ', 's', { kinds: [1] }])
    const why = 'Subscription rejected: Duplicate subscription s: Ignoring'
    expect((await client.rest()).at(-1)).toEqual(['NOTICE', why])
  })

  it('one that is replaced by a query for key packages is closed at nostream', async () => {
    const { target, client } = await scene.stocked(2)
    await client.request('s', { kinds: [1] })
    await client.request('s', packagesOf(alice))
    await client.rest()
    const author = await scene.connect(target)
    await author.publish(noteOf(target))
    expect(await client.rest()).toEqual([])
    const [adapter] = target.nostream.adapters
    expect([...(adapter?.getSubscriptions().keys() ?? [])]).not.toContain('s')
  })
})

describe('a client that has disconnected', () => {
  it('has published what it sent last, of any kind', async () => {
    const target = await scene.start()
    const client = await scene.connect(target)
    const [event, note] = [await newEvent(target, alice), noteOf(target)]
    client.together(() => client.send(['EVENT', note], ['EVENT', event]))
    await client.close()
    await eventually('both are kept', async () => {
      return (await keptBy(target, 1)).length === 1 && (await inStock(target)) === 1
    })
  })

  it('has published an event that only its author may, though nostream no longer knows who was authenticated', async () => {
    const target = await scene.start()
    const { store, nostream } = target
    const claim = store.claim.bind(store)
    const [asked, answered] = [gate(), gate()]
    store.claim = async (...call) => {
      asked.open()
      await answered.opened
      return claim(...call)
    }
    const [client, other] = [await scene.connect(target, alice), await scene.connect(target)]
    const event = await newEvent(target, alice, { tags: { '-': [] } })
    client.send(['REQ', 'claim', packagesOf(bob)], ['EVENT', event])
    await asked.opened
    // This one was sent later and is done, so nostream has also checked the one before it.
    await other.publish(noteOf(target))
    await client.cut()
    await eventually('nostream has noticed', () => nostream.adapters.size === 1)
    answered.open()
    await eventually('it is kept', async () => (await inStock(target)) === 1)
  })

  it('has claimed nothing if it disconnected before the answer', async () => {
    const { target, events } = await scene.stocked(2)
    const hasty = await scene.connect(target, carol)
    hasty.send(['REQ', 'claim', packagesOf(alice)])
    await hasty.close()
    const [first] = (await (await scene.connect(target, bob)).request('claim', packagesOf(alice))).events
    const isFirst = hasty.history.some(([verb]) => verb === 'EVENT') ? 1 : 0
    expect(first?.id).toBe(events[isFirst]?.id)
  })

  it('has its running queries aborted, as by nostream alone', async () => {
    const target = await scene.start()
    const { events, adapters, errors } = target.nostream
    const find = events.find.bind(events)
    const [asked, answered] = [gate(), gate()]
    events.find = async (filters) => {
      asked.open()
      await answered.opened
      return find(filters)
    }
    const client = await scene.connect(target)
    client.send(['REQ', 'all', {}])
    await asked.opened
    await client.cut()
    await eventually('nostream has noticed', () => adapters.size === 0)
    answered.open()
    await eventually('the query has ended', () => errors.length === 1)
    expect(errors).toEqual([expect.objectContaining({ name: 'AbortError' })])
  })
})

describe('a nostream without the members that the gateway needs', () => {
  const gateway = (options: OptionsInput = {}) => new KeyPackageGateway({ ...options, store: memoryStore() })
  const handler = { handleMessage: async () => undefined }

  it('is refused at once, naming what its event handler lacks', () => {
    expect(() => withKeyPackageGateway(() => handler, gateway())).toThrow(
      /^nostream's EventMessageHandler has no strategyFactory; /,
    )
  })

  it('is refused with the first message, naming what its connection lacks', () => {
    const whole = { ...handler, strategyFactory: () => undefined }
    const factory = withKeyPackageGateway(() => whole, gateway())
    const adapter = { emit: () => true, getClientAddress: () => '' } as never
    expect(() => factory([['CLOSE', 's'], adapter])).toThrow(
      /^nostream's WebSocketAdapter has no getAuthenticatedPubkeys; /,
    )
  })
})
