/** Why a published key package is refused, and with which message: rows 1 to 17, the checks of validate.ts. */

import { describe, expect } from '@jest/globals'
import { acceptedCases, refusedCases } from './key-package-cases.ts'
import type { Rows } from './rows.ts'
import { alice, bob, newEvent, Scene, type StartTarget } from './scene.ts'

export function describeChecks(startTarget: StartTarget, it: Rows): void {
  describe('a key package that is refused', () => {
    const scene = new Scene(startTarget)

    it.each(refusedCases)('row $row', async ({ make, answer, options = {} }) => {
      const target = await scene.start(options)
      const client = await scene.connect(target, alice)
      const event = await make(target)
      const expected = typeof answer === 'string' ? answer : expect.stringMatching(answer)
      expect(await client.publish(event)).toEqual([false, expected])
      const own = await client.request('own', { kinds: [443, 30443], authors: [alice.pubkey] })
      expect(own.events).toEqual([])
    })
  })

  describe('a key package that is accepted', () => {
    const scene = new Scene(startTarget)

    it.each(acceptedCases)('row $row', async ({ make, options = {} }) => {
      const target = await scene.start(options)
      const client = await scene.connect(target)
      expect(await client.publish(await make(target))).toEqual([true, ''])
    })
  })

  describe('row 2: ["-"] needs the connection authenticated as the author', () => {
    const scene = new Scene(startTarget)
    const answer = 'auth-required: this event may only be published by its author'

    it('is refused from anybody else, with a challenge, and accepted from the author', async () => {
      const target = await scene.start()
      const client = await scene.connect(target)
      const event = await newEvent(target, alice, { tags: { '-': [] } })
      const challenge = await client.challenge()
      await client.rest()
      client.send(['EVENT', event])
      expect(await client.until('OK')).toEqual([
        ['AUTH', challenge],
        ['OK', event.id, false, answer],
      ])
      await client.authenticate(bob, target.now())
      expect(await client.publish(event)).toEqual([false, answer])
      await client.authenticate(alice, target.now())
      expect(await client.publish(event)).toEqual([true, ''])
    })
  })
}
