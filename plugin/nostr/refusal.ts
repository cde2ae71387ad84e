/** Refusals: a machine-readable prefix and a sentence (NIP-01, OK and CLOSED). */

import type { ClientMessage, GatewayMessage } from './messages.ts'

/** The prefixes of NIP-01 and NIP-42 that the gateway uses. */
export const REFUSAL_PREFIXES = [
  'invalid',
  'blocked',
  'restricted',
  'rate-limited',
  'auth-required',
  'error',
] as const
/** One of them. */
export type RefusalPrefix = (typeof REFUSAL_PREFIXES)[number]

/** What a client is told when the store fails (I7). It does not reveal the cause. */
export const UNAVAILABLE = 'key packages are unavailable, try again'

/** Thrown where the fault is found. `message` is sent to the client: `<prefix>: <reason>`. */
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

/** The reply to a refused message: OK, CLOSED or NEG-ERR if the message has an id, else NOTICE. */
export function refusalMessage(message: ClientMessage, { message: why }: Refusal): GatewayMessage {
  const [verb, subject] = message
  if (verb === 'EVENT' || verb === 'AUTH') {
    const id = idOf(subject)
    return id === undefined ? ['NOTICE', why] : ['OK', id, false, why]
  }
  if (typeof subject !== 'string') return ['NOTICE', why]
  if (verb === 'REQ' || verb === 'COUNT') return ['CLOSED', subject, why]
  return verb === 'NEG-OPEN' ? ['NEG-ERR', subject, why] : ['NOTICE', why]
}

function idOf(event: unknown): string | undefined {
  if (typeof event !== 'object' || event === null || !('id' in event)) return undefined
  return typeof event.id === 'string' ? event.id : undefined
}
