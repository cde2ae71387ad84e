/** KeyPackages made by another MLS implementation; they lie beside the checkout, so they may be absent. */

import { existsSync, readFileSync } from 'node:fs'

const FILE = new URL('../../../shared/vectors/mls-key-packages.json', import.meta.url)

export interface KeyPackageVector {
  readonly ciphersuite: number
  /** An MLSMessage. */
  readonly message: Buffer
}

/** Within the lifetime of each of the packages, in seconds since the epoch. */
export const VECTORS_NOW = 1_680_000_000

/** The packages, or undefined where the file is absent. */
export function keyPackageVectors(): KeyPackageVector[] | undefined {
  if (!existsSync(FILE)) return undefined
  const { key_packages } = JSON.parse(readFileSync(FILE, 'utf8')) as {
    key_packages: { cipher_suite: number; mls_message_hex: string }[]
  }
  return key_packages.map(({ cipher_suite, mls_message_hex }) => ({
    ciphersuite: cipher_suite,
    message: Buffer.from(mls_message_hex, 'hex'),
  }))
}
