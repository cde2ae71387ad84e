/** Whom an access rule names: a pubkey, or a network address or network; and how each is written. Pure. */

import { decode } from 'nostr-tools/nip19'
import { readNetwork } from '../network-address.ts'
import { isHex32 } from '../nostr/event.ts'
import type { Pubkey } from '../nostr/messages.ts'

/**
 * The one way in which a rule's subject is kept: a pubkey in lower-case hex, an address, or a network such as
 * `203.0.113.0/24`, without the bits of a host. Undefined if the text is none of these, nor a pubkey as an `npub`.
 */
export function readSubject(text: string): string | undefined {
  const subject = text.trim().toLowerCase()
  if (subject.startsWith('npub1')) return pubkeyIn(subject)
  return isPubkey(subject) ? subject : readNetwork(subject)
}

export function isPubkey(subject: string): subject is Pubkey {
  return isHex32(subject)
}

function pubkeyIn(npub: string): Pubkey | undefined {
  try {
    const decoded = decode(npub)
    return decoded.type === 'npub' ? decoded.data : undefined
  } catch {
    return undefined
  }
}
