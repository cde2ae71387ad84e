/** The time to check a key package (decoding, KeyPackageRef, both signatures), against two bare Ed25519 verifications. */

import { generateKeyPairSync, randomBytes, sign, verify } from 'node:crypto'
import { decodeKeyPackage, keyPackageRef } from '../../plugin/key-package/decode.ts'
import { hasValidSignatures } from '../../plugin/key-package/signatures.ts'
import { makeKeyPackage } from '../support/key-packages.ts'
import { person } from '../support/people.ts'
import type { BenchRow } from './row.ts'

const PACKAGES = 50
const CALLS_PER_ROUND = 200
const WARM_UP_ROUNDS = 5
const ROUNDS = 31
const BUDGET = 2

/** Microseconds for one package; rounds of the two alternate, and each figure is the median of its rounds. */
export async function benchKeyPackage(): Promise<BenchRow> {
  const made = await Promise.all(Array.from({ length: PACKAGES }, () => makeKeyPackage(person())))
  const packages = made.map(({ bytes }) => bytes)
  const bytesPerPackage = packages[0]?.length ?? 0
  const verifyTwice = twoVerifications(bytesPerPackage)
  const checks: number[] = []
  const baselines: number[] = []
  for (let round = 0; round < WARM_UP_ROUNDS + ROUNDS; round++) {
    checks.push(microsecondsPerCall((call) => check(packages[call % PACKAGES] ?? new Uint8Array())))
    baselines.push(microsecondsPerCall(verifyTwice))
  }
  const value = median(checks.slice(WARM_UP_ROUNDS))
  const baseline = median(baselines.slice(WARM_UP_ROUNDS))
  return {
    name: 'checking a key package (decode, ref, two signatures)',
    value,
    unit: 'µs',
    baseline,
    baselineName: 'two bare Ed25519 verifications',
    ratio: value / baseline,
    budget: `at most ${BUDGET} times the baseline`,
    inside: value <= BUDGET * baseline,
  }
}

function check(bytes: Uint8Array): void {
  const keyPackage = decodeKeyPackage(bytes)
  keyPackageRef(keyPackage.bytes, keyPackage.ciphersuite)
  if (!hasValidSignatures(keyPackage)) throw new Error('the bench is given good packages')
}

function twoVerifications(messageLength: number): () => void {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const message = randomBytes(messageLength)
  const signature = sign(null, message, privateKey)
  return () => {
    verify(null, message, publicKey, signature)
    verify(null, message, publicKey, signature)
  }
}

function microsecondsPerCall(run: (call: number) => void): number {
  const start = process.hrtime.bigint()
  for (let call = 0; call < CALLS_PER_ROUND; call++) run(call)
  return Number(process.hrtime.bigint() - start) / 1000 / CALLS_PER_ROUND
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[sorted.length >> 1] ?? 0
}
