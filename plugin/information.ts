/** What the gateway adds to the relay information document (NIP-11). */

import type { Options } from './options.ts'

/** What the relay information document says under `key_packages` (NIP-11). */
export interface KeyPackagesInformation {
  readonly kinds: readonly number[]
  /** Maximum packages of one author in one claim. */
  readonly per_query: number
  /** Maximum authors in one REQ. */
  readonly max_authors: number
  /** Maximum claims of one author by one requester; `window` is in seconds. */
  readonly rate_limit: { readonly max: number; readonly window: number }
  /** Maximum packages stored for one author. */
  readonly max_stored: number
  /** The allowed values of `#f`. */
  readonly encodings: readonly string[]
  /** The encoding when a filter has no `#f`; `as-published` is what each author chose. */
  readonly default_encoding: string
  /** Whether clients must authenticate (NIP-42) to query key packages. */
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
