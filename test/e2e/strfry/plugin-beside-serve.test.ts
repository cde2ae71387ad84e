/** strfry's plugin and `serve` as two processes on one LMDB store: what the plugin takes in reaches clients of `serve`. */

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import type { SignedEvent } from '../../../plugin/nostr/messages.ts'
import { type Person, person } from '../../support/people.ts'
import { scratch } from '../../support/scratch.ts'
import { Plugin, pluginCommand } from '../../support/strfry.ts'
import { alice, bob, carol, eventOf, newEvent, packagesOf, Scene } from '../behaviour/scene.ts'
import { DEFAULTS } from '../behaviour/stranger-rule.ts'
import { type ServeProcess, startServe } from '../serve-process.ts'

describe("strfry's plugin, beside serve on one LMDB path", () => {
  const scene = new Scene<ServeProcess>((options) => startServe(directory, options))
  let directory: string
  let plugin: Plugin

  beforeEach(() => {
    directory = scratch()
    plugin = new Plugin(`exec ${pluginCommand('--store', `lmdb:${directory}/store`)}`)
  })
  afterEach(() => plugin.kill())

  it('shows owners what it takes in, in the live feeds that they have at serve', async () => {
    const serve = await scene.start()
    const owner = await scene.connect(serve, alice)
    expect((await owner.request('own', packagesOf(alice))).events).toEqual([])
    const event = await newEvent(serve, alice)
    await take(event)
    expect(await owner.until('EVENT', 'own')).toEqual([['EVENT', 'own', event]])
  })

  it('withdraws the request for more that an author got from serve, once it has taken in enough', async () => {
    const serve = await scene.start({ stock: { low: 2 } })
    await take(await newEvent(serve, alice))
    const author = await scene.connect(serve, alice)
    await author.until('REQ', 'keypackages:low')
    await take(await newEvent(serve, alice))
    await author.until('CLOSED', 'keypackages:low')
  })

  it('teaches serve whom an author follows, who then gets a fresh package when strangers have had their share', async () => {
    const serve = await scene.start(DEFAULTS)
    for (let index = 0; index < 3; index++) await take(await newEvent(serve, alice))
    const follows = eventOf(serve, alice, 3, [['p', bob.pubkey]])
    expect(await plugin.ask(follows)).toEqual({ id: follows.id, action: 'accept' })
    const asked = async (as: Person) =>
      (await (await scene.connect(serve, as)).request('invite', packagesOf(alice))).events
    const [first, shared] = [await asked(carol), await asked(person('dave'))]
    expect(await asked(person('erin'))).toEqual(shared)
    const known = await asked(bob)
    expect(known).toHaveLength(1)
    expect([...first, ...shared]).not.toContainEqual(known[0])
  })

  async function take(event: SignedEvent): Promise<void> {
    expect(await plugin.ask(event)).toEqual({ id: event.id, action: 'shadowReject' })
  }
})
