/** In which encoding a package is delivered, and what stays unchanged in its event (I8). */

import { describe, expect } from '@jest/globals'
import { verifyEvent } from 'nostr-tools/pure'
import { restoreSignedEvent } from '../../../plugin/index.ts'
import type { SignedEvent } from '../../../plugin/nostr/messages.ts'
import { keyPackageEvent, makeKeyPackage } from '../../support/key-packages.ts'
import type { Rows } from './rows.ts'
import { alice, EACH_ANEW, newEvent, packagesOf, Scene, type StartTarget } from './scene.ts'

const writers = {
  'hex, no tag': { encoding: 'absent', write: (bytes: Buffer) => bytes.toString('hex') },
  hex: { encoding: 'hex', write: (bytes: Buffer) => bytes.toString('hex') },
  'HEX in capitals': { encoding: 'hex', write: (bytes: Buffer) => bytes.toString('hex').toUpperCase() },
  base64: { encoding: 'base64', write: (bytes: Buffer) => bytes.toString('base64') },
  'base64 without padding': {
    encoding: 'base64',
    write: (bytes: Buffer) => bytes.toString('base64').replaceAll('=', ''),
  },
  'base64url without padding': { encoding: 'base64', write: (bytes: Buffer) => bytes.toString('base64url') },
} as const

const asked = [
  { hint: { '#f': ['hex'] }, delivered: 'hex' },
  { hint: { '#f': ['base64'] }, delivered: 'base64' },
] as const

export function describeEncodings(startTarget: StartTarget, it: Rows): void {
  describe('a delivered event', () => {
    const scene = new Scene(startTarget)

    it.each(Object.entries(writers))(
      'published as %s: unchanged by default, hex or base64 if asked, and restored exactly (I8)',
      async (_name, { encoding, write }) => {
        const target = await scene.start()
        const client = await scene.connect(target)
        const keyPackage = await makeKeyPackage(alice, { now: target.now() })
        const content = write(Buffer.from(keyPackage.bytes))
        const event = keyPackageEvent(alice, keyPackage, { createdAt: target.now() - 60, encoding, content })
        expect(await client.publish(event)).toEqual([true, ''])
        const asPublished = (await client.request('claim', packagesOf(alice))).events
        expect(asPublished).toEqual([event])
        expect(asPublished.every(verifies)).toBe(true)
        for (const { hint, delivered } of asked) {
          const [received] = (await client.request('claim', { ...packagesOf(alice), ...hint })).events
          if (received === undefined) throw new Error('nothing was delivered')
          expect(received.content).toBe(Buffer.from(keyPackage.bytes).toString(delivered))
          expect(apartFromEncoding(received)).toEqual(apartFromEncoding(event))
          const restored = restoreSignedEvent(received)
          expect(restored).toEqual(event)
          expect(verifies(restored)).toBe(true)
        }
      },
    )

    it('already in the requested encoding: unchanged, with a valid signature (I8)', async () => {
      const { events, client } = await scene.stocked(1, { delivery: { encoding: 'hex' } })
      const reply = await client.request('claim', { ...packagesOf(alice), '#f': ['base64'] })
      expect(reply.events).toEqual(events)
      expect(reply.events.every(verifies)).toBe(true)
    })

    it('the `encoding` tag is replaced in place, or added at the end', async () => {
      const target = await scene.start(EACH_ANEW)
      const client = await scene.connect(target)
      const { storeUrl } = target
      const tagged = await newEvent(target, alice, {
        tags: { client: ['after it'] },
        place: { index: 0, of: 2, storeUrl },
      })
      const untagged = await newEvent(target, alice, {
        encoding: 'absent',
        place: { index: 1, of: 2, storeUrl },
      })
      for (const event of [tagged, untagged]) await client.publish(event)
      const [inHex] = (await client.request('hex', { ...packagesOf(alice), '#f': ['hex'] })).events
      expect(inHex?.tags).toEqual(
        tagged.tags.map((tag) => (tag[0] === 'encoding' ? ['encoding', 'hex'] : tag)),
      )
      const [inBase64] = (await client.request('base64', { ...packagesOf(alice), '#f': ['base64'] })).events
      expect(inBase64?.tags).toEqual([...untagged.tags, ['encoding', 'base64']])
    })

    it('`delivery.encoding: hex`: in hex unless `#f` asks for another encoding', async () => {
      const { events, client } = await scene.stocked(1, { delivery: { encoding: 'hex' } })
      const [hex] = (await client.request('claim', packagesOf(alice))).events
      expect(hex?.content).toMatch(/^[0-9a-f]+$/)
      const inBase64 = { ...packagesOf(alice), '#f': ['base64'] }
      expect((await client.request('base64', inBase64)).events).toEqual(events)
    })

    it('30443 is always delivered as published, whatever `#f` says', async () => {
      const target = await scene.start()
      const client = await scene.connect(target)
      const event = await newEvent(target, alice, { kind: 30443, tags: { d: ['phone'] } })
      await client.publish(event)
      const slots = { kinds: [30443], authors: [alice.pubkey], '#f': ['hex'], '#d': ['phone'] }
      const [received] = (await client.request('slot', slots)).events
      expect(received).toEqual(event)
      expect(received !== undefined && verifies(received)).toBe(true)
      expect((await client.request('other', { ...slots, '#d': ['desk'] })).events).toEqual([])
    })
  })
}

/** The parts of an event that stay the same in every encoding (I8). */
function apartFromEncoding({ content: _, tags, ...rest }: SignedEvent): object {
  return { ...rest, tags: tags.filter(([name]) => name !== 'encoding') }
}

/** Verifies a copy, because nostr-tools marks events that it has verified before. */
function verifies(event: SignedEvent): boolean {
  return verifyEvent(JSON.parse(JSON.stringify(event)) as Parameters<typeof verifyEvent>[0])
}
