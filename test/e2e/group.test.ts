/** The main job on real input: a key package is published, claimed by somebody else, and gets its author into a group. */

import { afterAll, describe, expect, it } from '@jest/globals'
import { verifyEvent } from 'nostr-tools/pure'
import {
  type ClientState,
  createApplicationMessage,
  createCommit,
  createGroup,
  decodeMlsMessage,
  emptyPskIndex,
  encodeMlsMessage,
  joinGroup,
  type MLSMessage,
  processPrivateMessage,
} from 'ts-mls'
import { decodeKeyPackage } from 'ts-mls/keyPackage.js'
import { restoreSignedEvent } from '../../plugin/index.ts'
import type { SignedEvent } from '../../plugin/nostr/messages.ts'
import { keyPackageEvent, type MadeKeyPackage, makeKeyPackage } from '../support/key-packages.ts'
import { startTestServer } from '../support/server.ts'
import { LmdbStores } from '../support/stores.ts'
import { alice, bob, carol, packagesOf, Scene } from './behaviour/scene.ts'

const stores = new LmdbStores()
afterAll(() => stores.remove())

describe('from a published key package to a group', () => {
  // ts-mls goes by the machine's clock, so the server has to.
  const scene = new Scene(async (options) => {
    const server = await startTestServer(stores.open(), options)
    server.advance(Math.floor(Date.now() / 1000) - server.now())
    return server
  })

  it('Bob and Carol each add Alice, offline, with a package of her own, and she reads what they write', async () => {
    const target = await scene.start()
    const publisher = await scene.connect(target)
    const made = new Map<string, MadeKeyPackage>()
    for (let index = 0; index < 3; index++) {
      const keyPackage = await makeKeyPackage(alice, { now: target.now() })
      const event = keyPackageEvent(alice, keyPackage, { createdAt: target.now() - index })
      expect(await publisher.publish(event)).toEqual([true, ''])
      made.set(event.id, keyPackage)
    }
    await publisher.close()

    const used = new Set<string>()
    for (const [adder, hint] of [
      [bob, {}],
      [carol, { '#f': ['base64'] }],
    ] as const) {
      const client = await scene.connect(target, adder)
      const { events } = await client.request('claim', { ...packagesOf(alice), ...hint })
      const [event] = events
      if (event === undefined) throw new Error('nothing was delivered')
      expect(verifyEvent(restoreSignedEvent(event) as never)).toBe(true)

      const own = await makeKeyPackage(adder, { now: target.now() })
      const { state, welcome } = await addToNewGroup(contentOf(event), own)
      const hers = made.get(event.id)
      if (hers === undefined) throw new Error('that is none of her packages')
      used.add(event.id)
      const joined = await joinFrom(welcome, hers)
      const secret = await encrypt(state, own, `hello from ${adder.pubkey}`)
      expect(await decrypt(joined, hers, secret)).toBe(`hello from ${adder.pubkey}`)
    }
    expect(used.size).toBe(2)
  })

  it('a Welcome for one package opens for no other (what using one twice would give away)', async () => {
    const { client, target } = await scene.stocked(1)
    const [event] = (await client.request('claim', packagesOf(alice))).events
    if (event === undefined) throw new Error('nothing was delivered')
    const own = await makeKeyPackage(bob, { now: target.now() })
    const { welcome } = await addToNewGroup(contentOf(event), own)
    await expect(joinFrom(welcome, await makeKeyPackage(alice, { now: target.now() }))).rejects.toThrow()
  })
})

/** The KeyPackage in a delivered event, read as a client does: by the `encoding` tag. */
function contentOf({ content, tags }: SignedEvent): Uint8Array {
  const encoding = tags.find(([name]) => name === 'encoding')?.[1] === 'base64' ? 'base64' : 'hex'
  return Uint8Array.from(Buffer.from(content, encoding))
}

async function addToNewGroup(
  keyPackageBytes: Uint8Array,
  { publicPackage, privatePackage, impl }: MadeKeyPackage,
): Promise<{ state: ClientState; welcome: Uint8Array }> {
  const [keyPackage] = decodeKeyPackage(keyPackageBytes, 0) ?? []
  if (keyPackage === undefined) throw new Error('this is not a KeyPackage')
  const group = await createGroup(Uint8Array.of(1), publicPackage, privatePackage, [], impl)
  const { newState, welcome } = await createCommit(
    { state: group, cipherSuite: impl },
    { extraProposals: [{ proposalType: 'add', add: { keyPackage } }], ratchetTreeExtension: true },
  )
  if (welcome === undefined) throw new Error('the commit came without a Welcome')
  return {
    state: newState,
    welcome: encodeMlsMessage({ version: 'mls10', wireformat: 'mls_welcome', welcome }),
  }
}

async function joinFrom(
  bytes: Uint8Array,
  { publicPackage, privatePackage, impl }: MadeKeyPackage,
): Promise<ClientState> {
  const message = decode(bytes)
  if (message.wireformat !== 'mls_welcome') throw new Error('this is not a Welcome')
  return joinGroup(message.welcome, publicPackage, privatePackage, emptyPskIndex, impl)
}

async function encrypt(state: ClientState, { impl }: MadeKeyPackage, text: string): Promise<Uint8Array> {
  const { privateMessage } = await createApplicationMessage(state, new TextEncoder().encode(text), impl)
  return encodeMlsMessage({ version: 'mls10', wireformat: 'mls_private_message', privateMessage })
}

async function decrypt(state: ClientState, { impl }: MadeKeyPackage, bytes: Uint8Array): Promise<string> {
  const message = decode(bytes)
  if (message.wireformat !== 'mls_private_message') throw new Error('this is not a private message')
  const result = await processPrivateMessage(state, message.privateMessage, emptyPskIndex, impl)
  if (result.kind !== 'applicationMessage') throw new Error('this is not an application message')
  return new TextDecoder().decode(result.message)
}

function decode(bytes: Uint8Array): MLSMessage {
  const [message] = decodeMlsMessage(bytes, 0) ?? []
  if (message === undefined) throw new Error('this is not an MLSMessage')
  return message
}
