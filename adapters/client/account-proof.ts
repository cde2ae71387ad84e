/** The proof that a Nostr account has authorised an MLS signature key: Marmot's component 0x8009 of a leaf node. */

import type { EventTemplate } from 'nostr-tools/core'
import { getEventHash, verifyEvent } from 'nostr-tools/pure'
import type { Signer } from 'nostr-tools/signer'
import { bytesToHex, hexToBytes } from 'nostr-tools/utils'
import { type CiphersuiteName, ciphersuites, getCiphersuiteFromName } from 'ts-mls'
import { encodeUint64 } from 'ts-mls/codec/number.js'
import type { SignatureAlgorithm } from 'ts-mls/crypto/signature.js'
import { ACCOUNT_PROOF, showCode } from '../../plugin/key-package/codes.ts'

/** The event that is signed, and never published. */
const PROOF_KIND = 450

/** The signature schemes of TLS 1.3 (RFC 8446 section 4.2.3), where Marmot's ciphersuites use one. */
const SIGNATURE_SCHEMES: Readonly<Partial<Record<SignatureAlgorithm, number>>> = {
  Ed25519: 0x0807,
  Ed448: 0x0808,
  P256: 0x0403,
  P384: 0x0503,
  P521: 0x0603,
}

/** Whose key is authorised, and since when. */
export interface ProofSettings {
  /** 64 lower-case hex characters. */
  readonly pubkey: string
  readonly ciphersuite: CiphersuiteName
  readonly signatureKey: Uint8Array
  /** Seconds since the epoch. */
  readonly createdAt: number
}

/** The event that the account signs. @throws Error for a ciphersuite without a signature scheme of TLS 1.3 */
export function accountProofEvent({ ciphersuite, signatureKey, createdAt }: ProofSettings): EventTemplate {
  const scheme = SIGNATURE_SCHEMES[getCiphersuiteFromName(ciphersuite).signature]
  if (scheme === undefined) throw new Error(`there is no account proof for the ciphersuite ${ciphersuite}`)
  return {
    kind: PROOF_KIND,
    created_at: createdAt,
    tags: [
      ['d', 'marmot.account-identity-proof.v2'],
      ['component', showCode(ACCOUNT_PROOF)],
      ['ciphersuite', showCode(ciphersuites[ciphersuite])],
      ['signature_scheme', showCode(scheme)],
      ['mls_signature_key', bytesToHex(signatureKey)],
    ],
    content: 'Authorize this MLS leaf key for my Marmot account',
  }
}

/**
 * The data of the component: the pubkey, the time and the signature, 104 bytes.
 * @throws Error if the signer is another account, or signs something else
 */
export async function proveAccount(signer: Signer, settings: ProofSettings): Promise<Uint8Array> {
  const template = accountProofEvent(settings)
  const { pubkey, createdAt } = settings
  const { sig } = await signer.signEvent(template)
  // Whatever the signer returned, this is the event that others rebuild.
  const event = { ...template, pubkey, id: getEventHash({ ...template, pubkey }), sig }
  if (!verifyEvent(event)) throw new Error('the signer did not sign the account proof of this pubkey')
  return Uint8Array.from([...hexToBytes(pubkey), ...encodeUint64(BigInt(createdAt)), ...hexToBytes(sig)])
}
