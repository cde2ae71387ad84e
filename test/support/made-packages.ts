/** A valid key package of each ciphersuite, and ways to change their bytes. */

import { Refusal } from '../../plugin/nostr/refusal.ts'
import { type MadeKeyPackage, makeKeyPackage } from './key-packages.ts'
import { person } from './people.ts'

/** All ciphersuites of RFC 9420 section 17.1. */
export const SUITES: readonly number[] = [1, 2, 3, 4, 5, 6, 7]

const made = await Promise.all(SUITES.map((ciphersuite) => makeKeyPackage(person(), { ciphersuite })))

/** The package of a ciphersuite, 1 to 7. */
export function madeWith(suite: number): MadeKeyPackage {
  const found = made.find(({ ciphersuite }) => ciphersuite === suite)
  if (found === undefined) throw new Error(`no package of suite ${suite}`)
  return found
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

/** A copy with one bit flipped. */
export function flipped(bytes: Uint8Array, bit: number): Buffer {
  const changed = Buffer.from(bytes)
  changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
  return changed
}

/** The index of each bit, beginning with the first of the first byte. */
export function everyBit(bytes: Uint8Array): number[] {
  return Array.from({ length: bytes.length * 8 }, (_, bit) => bit)
}

/** The index of one bit of each byte, in turn of all eight places. */
export function oneBitOfEveryByte(bytes: Uint8Array): number[] {
  return Array.from({ length: bytes.length }, (_, byte) => byte * 8 + (byte % 8))
}

/** What a function returns, or undefined if it throws a Refusal. */
export function outcomeOf<Outcome>(run: () => Outcome): Outcome | undefined {
  try {
    return run()
  } catch (error) {
    if (error instanceof Refusal) return undefined
    throw error
  }
}
