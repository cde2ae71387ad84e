/** What the generator publishes is what real clients publish: every check of the gateway accepts it. */

import { describe, expect, it } from '@jest/globals'
import { memoryStore } from '../../../adapters/storage/memory.ts'
import { KeyPackageGateway } from '../../../plugin/gateway.ts'
import { decodeKeyPackage } from '../../../plugin/key-package/decode.ts'
import type { SignedEvent } from '../../../plugin/nostr/messages.ts'
import { NOW } from '../../support/key-packages.ts'
import { person } from '../../support/people.ts'
import { CLIENTS, type ClientName, Supply } from './supply.ts'

const NAMES = Object.keys(CLIENTS) as ClientName[]

describe('supply', () => {
  it.each(NAMES)('makes packages of %s that pass every check', async (client) => {
    const gateway = new KeyPackageGateway({ store: memoryStore(), clock: () => NOW * 1000 })
    const supply = new Supply(person(client), client)
    const supplied = [...(await supply.next(NOW)), ...(await supply.next(NOW + 1))]
    const answers = []
    for (const { frame } of supplied) {
      const [, event] = JSON.parse(frame) as [string, SignedEvent]
      const { accepted, message } = await gateway.publish(event)
      answers.push(`${accepted} ${message}`)
    }
    expect(answers).toEqual(supplied.map(() => 'true '))
    expect(new Set(supplied.map(({ ref }) => ref)).size).toBe(2)
    gateway.close()
  })

  it('renews the leaf when half of a short lifetime is over', async () => {
    const supply = new Supply(person('short'), 'pika', 600)
    const leaves = []
    for (const at of [NOW, NOW + 299, NOW + 300]) {
      const [, { content }] = JSON.parse((await supply.next(at))[0]?.frame ?? '') as [string, SignedEvent]
      const { leafNode } = decodeKeyPackage(Buffer.from(content, 'base64'))
      leaves.push([Buffer.from(leafNode.signatureKey).toString('hex'), leafNode.notAfter])
    }
    expect(leaves[1]).toEqual(leaves[0])
    expect(leaves[2]?.[0]).not.toBe(leaves[0]?.[0])
    expect(leaves.map(([, notAfter]) => notAfter)).toEqual([NOW + 600, NOW + 600, NOW + 900])
  })
})
