/** What every receiver of a KeyPackage must refuse, whatever its generation (RFC 9420 sections 7.2, 7.3, 10 and 13.4). */

import { Refusal } from '../nostr/refusal.ts'
import { LAST_RESORT_COMPONENT, showCode } from './codes.ts'
import { type KeyPackage, MLS10 } from './decode.ts'
import { DEFAULT_EXTENSIONS, type Extension, LAST_RESORT_EXTENSIONS, readComponents } from './extensions.ts'

/** The only default extension that a leaf may have; a KeyPackage may have none (RFC 9420 section 17.3). */
const APPLICATION_ID = 1

/**
 * GREASE needs no rule of its own: unknown values in capabilities are ignored, and an extension must be listed whatever
 * its type (RFC 9420 section 13.5).
 * @throws Refusal
 */
export function checkForReceivers({ ciphersuite, leafNode, extensions }: KeyPackage): void {
  const { capabilities, credential } = leafNode
  if (!capabilities.versions.includes(MLS10)) {
    throw invalid('version mls10 is not in the capabilities of the leaf')
  }
  if (!capabilities.ciphersuites.includes(ciphersuite)) {
    throw invalid(`ciphersuite ${showCode(ciphersuite)} is not in the capabilities of the leaf`)
  }
  if (!capabilities.credentials.includes(credential.type)) {
    throw invalid(`credential type ${showCode(credential.type)} is not in the capabilities of the leaf`)
  }
  checkPackageExtensions(extensions, capabilities.extensions)
  checkLeafExtensions(leafNode.extensions, capabilities.extensions)
}

function checkPackageExtensions(extensions: readonly Extension[], supported: readonly number[]): void {
  const types = extensions.map(({ type }) => type)
  for (const type of types) {
    if (isTwice(type, types)) throw invalid(`the KeyPackage has extension ${showCode(type)} more than once`)
    if (DEFAULT_EXTENSIONS.includes(type)) {
      throw invalid(`extension ${showCode(type)} must not be in a KeyPackage`)
    }
    if (!supported.includes(type)) {
      throw invalid(
        `the KeyPackage has extension ${showCode(type)}, which is not in the capabilities of its leaf`,
      )
    }
  }
  for (const { type, data } of extensions) {
    if (LAST_RESORT_EXTENSIONS.includes(type) && data.length > 0) {
      throw invalid(`extension last_resort (${showCode(type)}) must be empty`)
    }
  }
  for (const { id, data } of readComponents(extensions, 'the KeyPackage')) {
    if (id === LAST_RESORT_COMPONENT && data.length > 0) {
      throw invalid('component 0x0004 (last resort) must be empty')
    }
  }
}

function checkLeafExtensions(extensions: readonly Extension[], supported: readonly number[]): void {
  const types = extensions.map(({ type }) => type)
  for (const type of types) {
    if (isTwice(type, types)) throw invalid(`the leaf has extension ${showCode(type)} more than once`)
    if (type === APPLICATION_ID) continue
    if (DEFAULT_EXTENSIONS.includes(type)) throw invalid(`extension ${showCode(type)} must not be in a leaf`)
    if (!supported.includes(type)) {
      throw invalid(`the leaf has extension ${showCode(type)}, which is not in its capabilities`)
    }
  }
  readComponents(extensions, 'the leaf')
}

function isTwice(type: number, types: readonly number[]): boolean {
  return types.indexOf(type) !== types.lastIndexOf(type)
}

function invalid(why: string): Refusal {
  return new Refusal('invalid', why)
}
