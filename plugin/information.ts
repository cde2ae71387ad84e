/** What the gateway adds to the relay information document (NIP-11). */

import { SLOT_KIND } from './key-package/kinds.ts'
import type { Options } from './options.ts'

/** What to add to the relay information document (NIP-11). */
export interface RelayInformation {
  /** The numbers of the Marmot Implementation Proposals that the relay supports; absent if there are none. */
  readonly supported_mips?: readonly number[]
  readonly key_packages: KeyPackagesInformation
}

/** What the relay information document says under `key_packages` (NIP-11). */
export interface KeyPackagesInformation {
  readonly kinds: readonly number[]
  /** Maximum one-time packages of one author in one claim. */
  readonly per_query: number
  /** Maximum authors in one REQ. */
  readonly max_authors: number
  /** Maximum claims of one author by one requester; `window` is in seconds. */
  readonly rate_limit: { readonly max: number; readonly window: number }
  /** Maximum one-time packages stored for one author, and likewise slots. */
  readonly max_stored: number
  /** The allowed values of `#f`. */
  readonly encodings: readonly string[]
  /** The encoding when a filter has no `#f`; `as-published` is what each author chose. */
  readonly default_encoding: string
  /** Whether a key package with a `-` tag is accepted from its authenticated author alone (NIP-70), and kept by the gateway alone. */
  readonly protected: boolean
  /** Whether clients must authenticate (NIP-42) to query key packages, unless their address is on the list of those allowed. */
  readonly auth_required: boolean
}

/** MIP-00: key packages in slots (kind 30443). The other proposals concern a relay only by events it stores like any other. */
const KEY_PACKAGES_MIP = 0

export function informationOf(options: Options): RelayInformation {
  const { kinds, access, claim, quota, stock, delivery, requester, custody } = options
  return {
    ...(kinds.includes(SLOT_KIND) && { supported_mips: [KEY_PACKAGES_MIP] }),
    key_packages: {
      kinds,
      per_query: claim.perAuthor,
      max_authors: claim.maxAuthors,
      rate_limit: { max: quota.perAuthor.max, window: quota.perAuthor.windowSeconds },
      max_stored: stock.max,
      encodings: ['hex', 'base64'],
      default_encoding: delivery.encoding,
      protected: custody === 'gateway',
      auth_required: requester === 'auth' || access.mode === 'allow-listed',
    },
  }
}
