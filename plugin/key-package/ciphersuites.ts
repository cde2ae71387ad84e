/** The algorithms of each MLS ciphersuite (RFC 9420 section 17.1), in Node's names. */

export interface Ciphersuite {
  readonly hash: 'sha256' | 'sha384' | 'sha512'
  readonly signature: 'Ed25519' | 'Ed448' | 'P-256' | 'P-384' | 'P-521'
  /** Length of a serialised HPKE public key, in bytes (RFC 9180 section 7.1). */
  readonly hpkeKeyBytes: number
}

const ED25519: Ciphersuite = { hash: 'sha256', signature: 'Ed25519', hpkeKeyBytes: 32 }
const ED448: Ciphersuite = { hash: 'sha512', signature: 'Ed448', hpkeKeyBytes: 56 }

const CIPHERSUITES: ReadonlyMap<number, Ciphersuite> = new Map([
  [1, ED25519],
  [2, { hash: 'sha256', signature: 'P-256', hpkeKeyBytes: 65 }],
  [3, ED25519],
  [4, ED448],
  [5, { hash: 'sha512', signature: 'P-521', hpkeKeyBytes: 133 }],
  [6, ED448],
  [7, { hash: 'sha384', signature: 'P-384', hpkeKeyBytes: 97 }],
])

/** The ciphersuite with this code; undefined if RFC 9420 does not define it. */
export function ciphersuiteOf(code: number): Ciphersuite | undefined {
  return CIPHERSUITES.get(code)
}
