/** A set of pubkeys and networks, in which looking somebody up takes the same time however many there are. */

import { NetworkSet } from '../network-address.ts'
import type { Pubkey } from '../nostr/messages.ts'
import { isPubkey } from './subjects.ts'

export class SubjectSet {
  readonly #pubkeys = new Set<Pubkey>()
  readonly #networks = new NetworkSet()

  /** @param subjects as `readSubject` returns them */
  constructor(subjects: Iterable<string>) {
    for (const subject of subjects) {
      if (isPubkey(subject)) this.#pubkeys.add(subject)
      else this.#networks.add(subject)
    }
  }

  hasPubkey(pubkey: Pubkey): boolean {
    return this.#pubkeys.has(pubkey)
  }

  /** Whether the address is one of these, or in one of these networks. */
  hasAddress(address: string | undefined): boolean {
    return this.#networks.has(address)
  }
}
