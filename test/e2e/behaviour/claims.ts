/** The steps of a claim (plugin/stock/) and its quotas (I5), as far as no time has to pass. */

import { describe, expect } from '@jest/globals'
import { keyPackageEvent, makeKeyPackage } from '../../support/key-packages.ts'
import { person } from '../../support/people.ts'
import type { Rows } from './rows.ts'
import { alice, bob, EACH_ANEW, idsOf, packagesOf, Scene, type StartTarget } from './scene.ts'

export function describeClaims(startTarget: StartTarget, it: Rows): void {
  describe('a claim', () => {
    const scene = new Scene(startTarget)

    it('hands each package to one requester, one after the other, and the last one to everybody (I1, I2)', async () => {
      const { target, events } = await scene.stocked(3)
      const delivered: string[] = []
      for (const name of ['bob', 'carol', 'dave', 'erin', 'frank']) {
        const client = await scene.connect(target, person(name))
        delivered.push(...idsOf((await client.request('claim', packagesOf(alice))).events))
      }
      const [first, second, last] = idsOf(events)
      expect(delivered).toEqual([first, second, last, last, last])
    })

    it('hands out packages with the last_resort extension last', async () => {
      const target = await scene.start(EACH_ANEW)
      const client = await scene.connect(target)
      const now = target.now()
      const withExtension = await makeKeyPackage(alice, { now })
      const without = await makeKeyPackage(alice, { now, lastResort: null })
      const older = keyPackageEvent(alice, withExtension, { createdAt: now - 100 })
      const newer = keyPackageEvent(alice, without, { createdAt: now - 50 })
      await client.publish(older)
      await client.publish(newer)
      expect(idsOf((await client.request('one', packagesOf(alice))).events)).toEqual([newer.id])
      expect(idsOf((await client.request('two', packagesOf(alice))).events)).toEqual([older.id])
    })

    it('hands out fresh packages before an exposed one, which remains as the last one (I1)', async () => {
      const { target, events, client } = await scene.stocked(1, EACH_ANEW)
      const [exposed] = events
      await client.request('one', packagesOf(alice))
      const [fresh] = await scene.publish(target, alice, 1, 1)
      for (const id of [fresh?.id, exposed?.id]) {
        expect(idsOf((await client.request('claim', packagesOf(alice))).events)).toEqual([id])
      }
    })

    it('hands nothing out twice to many concurrent requesters (I1, I2)', async () => {
      const { target, events } = await scene.stocked(5)
      const people = Array.from({ length: 12 }, (_, index) => person(`requester ${index}`))
      const clients = await Promise.all(people.map((someone) => scene.connect(target, someone)))
      const replies = await Promise.all(clients.map((client) => client.request('claim', packagesOf(alice))))
      const delivered = replies.flatMap((reply) => idsOf(reply.events))
      const last = events.at(-1)?.id
      expect(delivered).toHaveLength(12)
      expect(delivered.filter((id) => id !== last).sort()).toEqual(idsOf(events.slice(0, -1)).sort())
    })

    it('counts by the first pubkey a requester authenticated; further ones add no quota (I5)', async () => {
      const { target, client } = await scene.stocked(1, { quota: { perAuthor: { max: 1 } } })
      await client.authenticate(bob, target.now())
      await client.request('one', packagesOf(alice))
      await client.authenticate(person('carol'), target.now())
      expect((await client.request('two', packagesOf(alice))).closed).toMatch(/^rate-limited: /)
    })

    it('counts two connections of one requester together (I5)', async () => {
      const { target } = await scene.stocked(1, { quota: { perAuthor: { max: 1 } } })
      const [desk, phone] = [await scene.connect(target, bob), await scene.connect(target, bob)]
      await desk.request('one', packagesOf(alice))
      expect((await phone.request('two', packagesOf(alice))).closed).toMatch(/^rate-limited: /)
    })

    it('a query that finds nothing is not counted for the author: one could tell who has packages', async () => {
      const { client } = await scene.stocked(1, { quota: { perAuthor: { max: 1 } } })
      await client.request('one', { ...packagesOf(alice), until: 1 })
      expect((await client.request('two', packagesOf(alice))).events).toHaveLength(1)
    })
  })

  describe('quota.perRequester: claims of one requester over all authors', () => {
    const scene = new Scene(startTarget)

    it('serves authors up to the maximum, then answers rate-limited (I5)', async () => {
      const { target, client } = await scene.stocked(2, { quota: { perRequester: { max: 2 } } })
      for (const name of ['bob', 'carol']) await scene.publish(target, person(name), 1)
      const { events, notices } = await client.request('three', packagesOf(alice, bob, person('carol')))
      expect(events).toHaveLength(2)
      expect(notices).toEqual([
        expect.stringMatching(
          /^rate-limited: 1 of 3 authors: 2 queries per 3600 s for each requester; try again in \d+ s$/,
        ),
      ])
      expect((await client.request('none', packagesOf(alice))).closed).toMatch(/^rate-limited: /)
    })
  })

  describe('quota.perAddress: claims of one author from one address, whoever authenticated there', () => {
    const scene = new Scene(startTarget)

    it('limits new pubkeys too, because they cost nothing (I5)', async () => {
      const { target } = await scene.stocked(3, { quota: { perAddress: { max: 3 } } })
      const answers: (string | undefined)[] = []
      for (let index = 0; index < 4; index++) {
        const client = await scene.connect(target, person(`fresh ${index}`))
        answers.push((await client.request('claim', packagesOf(alice))).closed)
      }
      expect(answers).toEqual([
        undefined,
        undefined,
        undefined,
        expect.stringMatching(/^rate-limited: 3 queries per 3600 s for each author from one address; /),
      ])
    })
  })
}
