/** What the gateway adds to the relay information document (NIP-11). */

import type { Options } from './options.ts'

/** What the relay information document says under `key_packages` (NIP-11). */
export interface KeyPackagesInformation {
  readonly kinds: readonly number[]
  /** Most packages of one author in one claim. */
  readonly per_query: number
  /** Most authors in one REQ. */
  readonly max_authors: number
  /** Most claims of one author by one requester, in a `window` of so many seconds. */
  readonly rate_limit: { readonly max: number; readonly window: number }
  /** Most packages kept for one author. */
  readonly max_stored: number
  /** What `#f` may ask for. */
  readonly encodings: readonly string[]
  /** Where a filter has no `#f`; `as-published` is whatever each author chose. */
  readonly default_encoding: string
  /** Whether clients must authenticate (NIP-42) before they ask. */
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
