/** What a pubkey is (NIP-01). */

import { isHex32 } from 'nostr-tools/utils'

/** @throws Error where it is none */
export function checkPubkey(pubkey: string): void {
  if (!isHex32(pubkey)) throw new Error(`a pubkey has 64 lower-case hex characters: "${pubkey}"`)
}
