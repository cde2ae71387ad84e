/** What the gateway adds to the relay information document (NIP-11). */

import type { Options } from './options.ts'

/** What the relay information document says under `key_packages` (NIP-11). */
export interface KeyPackagesInformation {
  readonly kinds: readonly number[]
  readonly per_query: number
  readonly max_authors: number
  readonly rate_limit: { readonly max: number; readonly window: number }
  readonly max_stored: number
  readonly encodings: readonly string[]
  readonly default_encoding: string
  readonly auth_required: boolean
}

export function informationOf({
  kinds,
  claim,
  quota,
  stock,
  delivery,
  requester,
}: Options): KeyPackagesInformation {
  return {
    kinds,
    per_query: claim.perAuthor,
    max_authors: claim.maxAuthors,
    rate_limit: { max: quota.perAuthor.max, window: quota.perAuthor.windowSeconds },
    max_stored: stock.max,
    encodings: ['hex', 'base64'],
    default_encoding: delivery.encoding,
    auth_required: requester === 'auth',
  }
}
