/** Whether a message of the gateway is one of NIP-01, 42, 45 or 77, with a prefix wherever a reason needs one. */

import type { RelayMessage } from '../../plugin/nostr/messages.ts'

const PREFIXED =
  /^(invalid|blocked|restricted|rate-limited|auth-required|error|duplicate|exposed|missing): \S/

export function isWellFormed([verb, first, second, third, ...more]: RelayMessage): boolean {
  if (more.length > 0) return false
  switch (verb) {
    case 'OK':
      return typeof first === 'string' && typeof second === 'boolean' && isReason(third, second)
    case 'CLOSED':
    case 'NEG-ERR':
      return typeof first === 'string' && isReason(second, false)
    case 'NOTICE':
      return isReason(first, false)
    case 'EVENT':
      return typeof first === 'string' && typeof second === 'object'
    case 'COUNT':
      return typeof first === 'string' && typeof (second as { count: unknown }).count === 'number'
    default:
      return (verb === 'EOSE' || verb === 'AUTH') && typeof first === 'string'
  }
}

function isReason(text: unknown, mayBeEmpty: unknown): boolean {
  return typeof text === 'string' && (PREFIXED.test(text) || (text === '' && mayBeEmpty === true))
}
