/** The behaviour suite and real client libraries on the real strfry with plugin and proxy. It needs STRFRY_BIN. */

import { describe, expect, it } from '@jest/globals'
import { describeLibraries } from '../../clients/libraries.ts'
import type { Differences } from '../behaviour/rows.ts'
import { alice, idsOf, newEvent, packagesOf, Scene } from '../behaviour/scene.ts'
import { describeKeyPackageRelay } from '../behaviour.ts'
import { strfryProgram } from './strfry-relay.ts'
import { type StrfryTarget, startStrfry } from './strfry-target.ts'

const describeStrfry = strfryProgram === undefined ? describe.skip : describe

const CHECKED_FIRST = 'strfry checks the event before it asks the plugin, and refuses it in its own words'
const NOT_AUTHENTICATED =
  'strfry does not hear who has authenticated at the proxy, so its plugin tells an author what it tells anybody'

/** Rows that hold when the proxy accepts key packages, but not when strfry and its plugin do. */
const upstream: Differences = {
  'row 1: event shape': CHECKED_FIRST,
  'row 1: id': CHECKED_FIRST,
  'row 1: signature': CHECKED_FIRST,
  'row 1: signature, of somebody else': CHECKED_FIRST,
  'row 5: NIP-40 `expiration` in the future': CHECKED_FIRST,
  'is refused from anybody else, with a challenge, and accepted from the author': CHECKED_FIRST,
  'refuses one too many; an event already known is not counted, nor is another author (I5)':
    NOT_AUTHENTICATED,
  'spent: a re-encoded package, and the restored one, count as the same package (I3, I8)': CHECKED_FIRST,
  'gets OK, CLOSED or NEG-ERR if it has an id, otherwise a NOTICE, and claims nothing': CHECKED_FIRST,
}

describeStrfry('strfry', () => {
  describeKeyPackageRelay('proxy.publish: here', (options) => startStrfry(options, { publish: 'here' }))
  describeKeyPackageRelay(
    'proxy.publish: upstream',
    (options) => startStrfry(options, { publish: 'upstream' }),
    upstream,
  )
  describeLibraries('proxy.publish: here', (options) => startStrfry(options, { publish: 'here' }))
  describeLibraries('proxy.publish: upstream', (options) => startStrfry(options, { publish: 'upstream' }))

  describe.each(['here', 'upstream'] as const)('custody relay, proxy.publish: %s', (publish) => {
    const scene = new Scene<StrfryTarget>((options) => startStrfry(options, { publish }))

    /** The ids of the key packages that strfry stores. */
    const stored = async ({ strfry }: StrfryTarget) =>
      (await strfry.command('scan', '{"kinds":[443]}')).split('\n').filter(Boolean).map(idOf).sort()

    it('strfry stores each key package too, and again after deleting it: used ones as well, of which nobody gets to know (I3, I4)', async () => {
      const { target, events, client } = await scene.stocked(3, { custody: 'relay' })
      expect(await stored(target)).toEqual(idsOf(events).sort())
      const [claimed, ...live] = events
      expect(idsOf((await client.request('claim', packagesOf(alice))).events)).toEqual([claimed?.id])
      await target.strfry.command('delete', '--filter', '{"kinds":[443]}')
      for (const event of events) expect((await client.publish(event))[0]).toBe(true)
      expect(await stored(target)).toEqual(idsOf(events).sort())
      const { events: others } = await client.request('all', { authors: [alice.pubkey] })
      expect(others).toEqual([])
      const left = (await (await scene.connect(target)).request('left', packagesOf(alice))).events
      expect(idsOf(left)).toEqual([live[0]?.id])
    })
  })

  describe('proxy.publish: upstream', () => {
    const scene = new Scene<StrfryTarget>((options) => startStrfry(options, { publish: 'upstream' }))

    it("what strfry's own checks refuse is not stored", async () => {
      const target = await scene.start()
      const author = await scene.connect(target, alice)
      const event = await newEvent(target, alice)
      for (const wrong of [
        { ...event, sig: 'ff' },
        { ...event, sig: 'f'.repeat(128) },
        { ...event, created_at: event.created_at - 1 },
        await newEvent(target, alice, { tags: { expiration: ['1700000000'] } }),
      ]) {
        expect(await author.publish(wrong)).toEqual([false, expect.stringMatching(/^invalid: /)])
      }
      expect((await author.request('own', packagesOf(alice))).events).toEqual([])
    })

    it('["-"]: strfry asks the author to authenticate, and tells the plugin who did', async () => {
      const target = await scene.start()
      const author = await scene.connect(target)
      const event = await newEvent(target, alice, { tags: { '-': [] } })
      expect(await author.publish(event)).toEqual([false, expect.stringMatching(/^auth-required: /)])
      await author.authenticate(alice, target.now())
      expect(await author.publish(event)).toEqual([true, ''])
      expect(idsOf((await author.request('own', packagesOf(alice))).events)).toEqual([event.id])
    })
  })
})

function idOf(event: string): string {
  return (JSON.parse(event) as { id: string }).id
}
