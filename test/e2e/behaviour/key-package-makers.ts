/** Makes key package events of Alice that are valid but for one thing. */

import { encodeKeyPackage, signKeyPackage } from 'ts-mls/keyPackage.js'
import type { SignedEvent } from '../../../plugin/nostr/messages.ts'
import { keyPackageEvent, makeKeyPackage } from '../../support/key-packages.ts'
import { alice, newEvent, type Target } from './scene.ts'

export type MakeEvent = (target: Target) => Promise<SignedEvent>

/** With a wrong KeyPackage signature (its last byte). */
export async function withWrongSignature(target: Target): Promise<SignedEvent> {
  const keyPackage = await makeKeyPackage(alice, { now: target.now() })
  const bytes = flipLast(keyPackage.bytes)
  return keyPackageEvent(alice, keyPackage, { bytes, createdAt: target.now() })
}

/** With a wrong leaf node signature, and a valid KeyPackage signature over it. */
export async function withWrongLeafSignature(target: Target): Promise<SignedEvent> {
  const keyPackage = await makeKeyPackage(alice, { now: target.now() })
  const { publicPackage, privatePackage, impl } = keyPackage
  const leafNode = { ...publicPackage.leafNode, signature: flipLast(publicPackage.leafNode.signature) }
  const signed = await signKeyPackage(
    { ...publicPackage, leafNode },
    privatePackage.signaturePrivateKey,
    impl.signature,
  )
  return keyPackageEvent(alice, keyPackage, { bytes: encodeKeyPackage(signed), createdAt: target.now() })
}

function flipLast(bytes: Uint8Array): Uint8Array {
  return bytes.with(-1, (bytes.at(-1) ?? 0) ^ 1)
}

export const withLifetime =
  (notBefore: number, notAfter: number): MakeEvent =>
  (target) =>
    madeWith({ lifetime: { notBefore: target.now() + notBefore, notAfter: target.now() + notAfter } })(target)

export const madeWith =
  (
    settings: Parameters<typeof makeKeyPackage>[1],
    event: Parameters<typeof keyPackageEvent>[2] = {},
  ): MakeEvent =>
  async (target) => {
    const keyPackage = await makeKeyPackage(alice, { now: target.now(), ...settings })
    return keyPackageEvent(alice, keyPackage, { createdAt: target.now(), ...event })
  }

export const withTags =
  (tags: Readonly<Record<string, readonly string[] | null>>, settings: object = {}): MakeEvent =>
  (target) =>
    newEvent(target, alice, { tags, ...settings })

export const atTime =
  (name: string, offset: number): MakeEvent =>
  (target) =>
    newEvent(target, alice, { tags: { [name]: [`${target.now() + offset}`] } })
