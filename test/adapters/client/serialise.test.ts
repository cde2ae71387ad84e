/** Key packages with their private keys: written as plain data and read back. */

import { describe, expect, it } from '@jest/globals'
import { generateKeyPackage } from '../../../adapters/client/generate.ts'
import { calculateKeyPackageRef } from '../../../adapters/client/mls.ts'
import { restoreKeyPackage, serialiseKeyPackage } from '../../../adapters/client/serialise.ts'
import { GroupMember } from '../../support/group-member.ts'
import { alice, bob } from '../../support/key-package-answers.ts'

const own = await generateKeyPackage({ pubkey: alice.pubkey })
const stored = await serialiseKeyPackage(own)

describe('a serialised key package', () => {
  it('is restored from JSON exactly, and joins a group', async () => {
    const restored = await restoreKeyPackage(JSON.parse(JSON.stringify(stored)))
    expect(restored).toEqual(own)
    const group = await GroupMember.open(await generateKeyPackage({ pubkey: bob.pubkey }))
    const { welcome } = await group.add([own.publicPackage])
    const member = await GroupMember.join(welcome, restored)
    expect(await member.read(await group.say('hello'))).toBe('hello')
  })

  it('is texts alone, with the KeyPackageRef to store it under', async () => {
    expect(stored.ref).toBe(Buffer.from(await calculateKeyPackageRef(own.publicPackage)).toString('hex'))
    const { version, ...texts } = stored
    expect(version).toBe(1)
    expect(Object.values(texts).every((text) => typeof text === 'string')).toBe(true)
  })

  it.each([
    ['of another version', { version: 2 }, 'not a serialised key package of version 1'],
    ['of another package', { ref: '0'.repeat(64) }, 'not the one that its ref names'],
    ['without a private key', { initPrivateKey: undefined }, 'initPrivateKey of the serialised key package'],
    ['with another text', { hpkePrivateKey: 'not base64!' }, 'hpkePrivateKey of the serialised key package'],
    ['with no KeyPackage', { keyPackage: 'AAAA' }, 'not an MLS KeyPackage'],
  ])('%s is not restored, and the error holds no secret', async (_what, change, message) => {
    const changed = JSON.parse(JSON.stringify({ ...stored, ...change }))
    const failure = await restoreKeyPackage(changed).catch((error: Error) => error.message)
    expect(failure).toContain(message)
    expect(failure).not.toContain(stored.signaturePrivateKey)
  })
})
