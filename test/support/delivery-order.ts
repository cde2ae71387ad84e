/** Events whose hashes put them where a test wants them in the order of delivery. */

import { getEventHash } from 'nostr-tools/pure'
import { rankOf } from '../../plugin/publish/home.ts'
import type { KeyPackageStore } from '../../plugin/store.ts'
import { publicKeyOf } from './signing.ts'

/** The URL of the stores of tests, unless the gateway has a `publicUrl`. */
export const STORE_URL = 'wss://store.example.com/'

/** Which of how many events it is, in the order of delivery. */
export interface Place {
  readonly index: number
  readonly of: number
  /** Default: that of `fixOrder`. */
  readonly storeUrl?: string | undefined
}

interface Template {
  readonly kind: number
  readonly created_at: number
  readonly tags: string[][]
  readonly content: string
}

/** Gives a new store a URL that tests know, so that `placed` holds for it. */
export function fixOrder(store: KeyPackageStore): void {
  store.keepUrl(STORE_URL).catch(() => undefined)
}

/** The event with a tag that gives it an id whose rank is in its part of all ranks. */
export function placed(template: Template, secretKey: Uint8Array, place: Place): Template {
  const pubkey = publicKeyOf(secretKey)
  for (let nonce = 0; ; nonce++) {
    const tags = [['nonce', `${nonce}`], ...template.tags]
    const id = getEventHash({ ...template, tags, pubkey })
    if (isInPlace(rankOf({ id, tags }, place.storeUrl ?? STORE_URL), place)) return { ...template, tags }
  }
}

/** Of those with the same band. */
function isInPlace(rank: string, { index, of }: Place): boolean {
  const share = Number.parseInt(rank.slice(1, 9), 16) / 2 ** 32
  return Math.floor(share * of) === index
}
