/** The limits that a server promises to keep: the gateway's defaults, or what a run was told of another server. */

import { type OptionsInput, resolveOptions } from '../../../../plugin/options.ts'
import type { Quota } from '../../../../plugin/store.ts'

/** What the judges need of the options. */
export interface Policy {
  readonly perAuthor: Quota
  readonly perAddress: Quota
  readonly perRequester: Quota
  readonly perAddressTotal: Quota
  readonly slotsPerRequester: Quota
  readonly slotsPerAddress: Quota
  readonly publish: Quota
  readonly publishPerAddress: Quota
  readonly newAuthorsPerAddress: Quota
  /** Fresh packages of one author that strangers take, all together; and from one address. 0: any number. */
  readonly strangers: Quota
  readonly freshPerAddress: Quota
  /** Fresh packages that are kept for requesters whom the author knows. */
  readonly keep: number
  /** One-time packages of one author in one claim. */
  readonly oneTimePerClaim: number
  readonly retireAfterSeconds: number
  /** How long a package is kept after it was created. */
  readonly ttlSeconds: number
}

export function policyOf(options: OptionsInput = {}): Policy {
  const { quota, claim, stock } = resolveOptions(options)
  return {
    ...quota,
    keep: stock.keep,
    oneTimePerClaim: claim.perAuthor,
    retireAfterSeconds: stock.retireAfterSeconds,
    ttlSeconds: stock.ttlSeconds,
  }
}
