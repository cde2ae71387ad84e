/**
 * Counts from how many different addresses each slot was claimed, and tells every process when that is often enough for the author
 * to replace its KeyPackage (DESIGN section 8). Claims of slots write nothing, so the processes of a server count them in memory.
 */

import { apart } from '../apart.ts'
import type { KeyPackageRef } from '../key-package/decode.ts'
import type { Pubkey } from '../nostr/messages.ts'
import type { Options } from '../options.ts'
import { alone, type Channel, type Siblings } from '../siblings.ts'
import type { KeyPackageStore } from '../store.ts'

/** Bound memory: the slots that were claimed longest ago are forgotten first (I9). */
const MAX_SLOTS = 10_000
const MAX_ADDRESSES = 200_000
/** The shortest time between two requests to rotate one slot. */
const DAY_SECONDS = 86_400

interface Wear {
  /** At most `rotateAfter`. */
  readonly addresses: Set<string>
  /** Until when nobody is told (seconds since the epoch). */
  quietUntil: number
}

/** An address has claimed slots, or has not got them after all. */
interface WearNews {
  readonly what: 'claimed' | 'not claimed'
  readonly author: Pubkey
  readonly slots: readonly KeyPackageRef[]
  readonly address: string
}

export interface SlotWearSettings {
  readonly options: Pick<Options, 'replenish'>
  readonly store: Pick<KeyPackageStore, 'hit' | 'tellRotationDue'>
  readonly log: { error(fields: object, message: string): void }
  /** Seconds since the epoch. */
  now(): number
  /** They count the same. None by default. */
  readonly siblings?: Siblings
}

export class SlotWear {
  readonly #settings: SlotWearSettings
  readonly #limit: number
  readonly #channel: Channel<WearNews>
  /** By author and KeyPackageRef, so that the aliases of a slot count too. The one that was claimed longest ago is first. */
  readonly #slots = new Map<string, Wear>()
  #addressCount = 0

  constructor(settings: SlotWearSettings) {
    const { enabled, rotateAfter } = settings.options.replenish
    this.#settings = settings
    this.#limit = enabled ? rotateAfter : 0
    this.#channel = (settings.siblings ?? alone).channel('slot wear')
    this.#channel.hear(({ what, author, slots, address }) => {
      if (what === 'claimed') this.#note(author, slots, address)
      else this.#forget(author, slots, address)
    })
  }

  /** An address has claimed these slots. Returns those of which it was not counted before. Never throws. */
  note(author: Pubkey, slots: readonly KeyPackageRef[], address: string): KeyPackageRef[] {
    const counted = this.#note(author, slots, address)
    if (counted.length > 0) this.#channel.tell({ what: 'claimed', author, slots: counted, address })
    return counted
  }

  /** The address did not get these slots after all; `note` had counted it. */
  forget(author: Pubkey, slots: readonly KeyPackageRef[], address: string): void {
    if (slots.length === 0) return
    this.#forget(author, slots, address)
    this.#channel.tell({ what: 'not claimed', author, slots, address })
  }

  #note(author: Pubkey, slots: readonly KeyPackageRef[], address: string): KeyPackageRef[] {
    if (this.#limit === 0) return []
    return slots.filter((slot) => {
      const key = apart(keyOf(author, slot))
      const wear = this.#slots.get(key) ?? { addresses: new Set(), quietUntil: 0 }
      if (wear.addresses.has(address)) return false
      this.#drop(key)
      const isCounted = wear.addresses.size < this.#limit
      if (isCounted) wear.addresses.add(address)
      this.#keep(key, wear)
      if (wear.addresses.size === this.#limit) this.#tell(author, slot, wear)
      return isCounted
    })
  }

  #forget(author: Pubkey, slots: readonly KeyPackageRef[], address: string): void {
    for (const slot of slots) {
      const wear = this.#slots.get(keyOf(author, slot))
      if (wear?.addresses.delete(address)) this.#addressCount -= 1
    }
  }

  /** Nobody waits for it: it neither slows a claim nor makes it fail. */
  #tell(author: Pubkey, slot: KeyPackageRef, wear: Wear): void {
    const { store, log, now } = this.#settings
    const at = now()
    if (at < wear.quietUntil) return
    wear.quietUntil = at + DAY_SECONDS
    const telling = async () => {
      const quota = { max: 1, windowSeconds: DAY_SECONDS }
      const { granted, retryAfterSeconds } = await store.hit(`rotate ${keyOf(author, slot)}`, 1, quota, at)
      if (granted > 0) await store.tellRotationDue(author, slot)
      else wear.quietUntil = at + retryAfterSeconds
    }
    telling().catch((error: unknown) => {
      wear.quietUntil = 0
      log.error({ err: error }, 'failed to tell that a slot should be rotated')
    })
  }

  #keep(key: string, wear: Wear): void {
    this.#slots.set(key, wear)
    this.#addressCount += wear.addresses.size
    for (const oldest of this.#slots.keys()) {
      if (this.#slots.size <= MAX_SLOTS && this.#addressCount <= MAX_ADDRESSES) return
      this.#drop(oldest)
    }
  }

  #drop(key: string): void {
    this.#addressCount -= this.#slots.get(key)?.addresses.size ?? 0
    this.#slots.delete(key)
  }
}

function keyOf(author: Pubkey, slot: KeyPackageRef): string {
  return `${author} ${slot}`
}
