/** A set of pubkeys and networks, in which looking somebody up takes the same time however many there are. */

import type { Pubkey } from '../nostr/messages.ts'
import { addressBits, isPubkey, networkBits } from './subjects.ts'

export class SubjectSet {
  readonly #pubkeys = new Set<Pubkey>()
  readonly #networks = new Set<string>()
  /** The lengths of the prefixes in `#networks`; there are few. */
  readonly #lengths = new Set<number>()

  /** @param subjects as `readSubject` returns them */
  constructor(subjects: Iterable<string>) {
    for (const subject of subjects) this.#add(subject)
  }

  hasPubkey(pubkey: Pubkey): boolean {
    return this.#pubkeys.has(pubkey)
  }

  /** Whether the address is one of these, or in one of these networks. */
  hasAddress(address: string | undefined): boolean {
    if (address === undefined || this.#lengths.size === 0) return false
    const bits = addressBits(address)
    if (bits === undefined) return false
    return [...this.#lengths].some((length) => this.#networks.has(bits.slice(0, length)))
  }

  #add(subject: string): void {
    if (isPubkey(subject)) {
      this.#pubkeys.add(subject)
      return
    }
    const network = networkBits(subject)
    if (network === undefined) return
    this.#networks.add(network)
    this.#lengths.add(network.length)
  }
}
