/** The bytes of a key package: decoding them, and telling what is in them. */

import { decodeKeyPackage as decodeByTsMls, encodeKeyPackage } from 'ts-mls/keyPackage.js'
import { decodeWhole } from '../../../adapters/client/components.ts'
import { decodeKeyPackage, type KeyPackage } from '../../../plugin/key-package/decode.ts'
import { inspect } from '../../../plugin/key-package/inspection.ts'
import { hasValidSignatures } from '../../../plugin/key-package/signatures.ts'
import { Refusal } from '../../../plugin/nostr/refusal.ts'
import { NOW } from '../../support/key-packages.ts'
import { verifyEvent } from '../../support/signing.ts'
import { keyPackageVectors } from '../../support/vectors.ts'
import { alice, STOCKED, signed } from '../cast.ts'
import { demand, type Target } from '../target.ts'

const stocked = STOCKED.map(({ content }) => Buffer.from(content, 'base64'))
/** The length of its init_key in two bytes, where one is enough (RFC 9420 section 2.1.2). */
const notMinimal = stocked.slice(0, 1).map((bytes) => {
  return Buffer.concat([bytes.subarray(0, 4), Buffer.of(0x40), bytes.subarray(4)])
})

export const target: Target = {
  name: 'key-package-bytes',
  seeds: [...stocked, ...notMinimal, ...(keyPackageVectors() ?? []).map(({ message }) => message)],
  words: [
    '\u0000\u0001\u0000\u0005',
    '\u0000\u000a\u0000',
    '\u0000\u0006',
    '\u0001',
    '\u00f2\u00ee',
    '\u0040\u0040',
  ],
  shortRun: 100,
  run(input) {
    const decoded = decodedOf(input)
    const content = input.toString('base64')
    const tags = [
      ['encoding', 'base64'],
      ['mls_ciphersuite', '0x0001'],
    ]
    const inspection = inspect(signed({ content, tags }, alice), verifyEvent, NOW)
    const decodes = inspection.checks.find(({ check }) => check === 'KeyPackage')?.outcome === 'passed'
    demand(decodes === (decoded !== undefined), 'the inspection says otherwise', inspection.checks)
    if (decoded === undefined) return
    hasValidSignatures(decoded)
    demandKnownToTsMls(decoded)
  },
}

/** Undefined where it is refused. */
function decodedOf(input: Buffer): KeyPackage | undefined {
  try {
    return decodeKeyPackage(input)
  } catch (error) {
    if (error instanceof Refusal && error.prefix === 'invalid') return undefined
    throw error
  }
}

/** ts-mls has no names for some codes, and does not decode those. */
function demandKnownToTsMls({ bytes, ciphersuite, leafNode }: KeyPackage): void {
  const { credential, capabilities } = leafNode
  const isNamed = ciphersuite >= 1 && ciphersuite <= 7 && credential.type === 1
  const hasNamedCapabilities = capabilities.versions.every((version) => version === 1)
  if (!isNamed || !hasNamedCapabilities) return
  const read = decodeWhole(decodeByTsMls, bytes)
  demand(read !== undefined, 'ts-mls does not read what we read', bytes.length)
  demand(Buffer.from(encodeKeyPackage(read)).equals(bytes), 'ts-mls writes the package otherwise')
}
