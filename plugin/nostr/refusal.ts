/** Why something was not done: a machine-readable prefix and a sentence for people (NIP-01, OK and CLOSED). */

/** The prefixes of NIP-01 and NIP-42 that the gateway uses. */
export type RefusalPrefix = 'invalid' | 'blocked' | 'restricted' | 'rate-limited' | 'auth-required' | 'error'

/** Thrown where a fault is known; `message` is what goes on the wire: `<prefix>: <reason>`. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly prefix: RefusalPrefix
  readonly reason: string

  constructor(prefix: RefusalPrefix, reason: string) {
    super(`${prefix}: ${reason}`)
    this.prefix = prefix
    this.reason = reason
  }
}
