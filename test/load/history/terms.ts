/** The settings of the servers, and what of them the model needs. */

import type { Options, OptionsInput } from '../../../plugin/options.ts'
import { resolveOptions } from '../../../plugin/options.ts'
import { policyOf } from '../../../plugin/request/plan.ts'
import type { Terms } from './model.ts'

/** It decides the order of delivery; clients authenticate for it. */
export const PUBLIC_URL = 'wss://history.example.com/'

/** Quotas over all authors would couple the histories of authors, which are checked one by one. */
const NOT_BY_AUTHOR = {
  perRequester: { max: 1_000_000 },
  perAddressTotal: { max: 1_000_000 },
  slotsPerRequester: { max: 1_000_000 },
  slotsPerAddress: { max: 10_000_000 },
  newAuthorsPerAddress: { max: 1_000_000 },
  publishPerAddress: { max: 1_000_000 },
} as const

const ANY_NUMBER = { strangers: { max: 0 }, freshPerAddress: { max: 0 } } as const

const SETTINGS = {
  /** As delivered: redelivery, the stranger rule, windows that no round outlives. */
  default: { quota: NOT_BY_AUTHOR },
  /** Every claim spends. */
  spending: {
    quota: { ...NOT_BY_AUTHOR, ...ANY_NUMBER, perAuthor: { max: 10_000 }, perAddress: { max: 100_000 } },
    claim: { redeliverySeconds: 0 },
    stock: { max: 30, keep: 0 },
  },
  /** Windows so short that a round sees their edges, and a stock so small that it is full. */
  tight: {
    quota: {
      ...NOT_BY_AUTHOR,
      ...ANY_NUMBER,
      perAuthor: { max: 2, windowSeconds: 2 },
      perAddress: { max: 4, windowSeconds: 3 },
      publish: { max: 4, windowSeconds: 2 },
    },
    claim: { redeliverySeconds: 1 },
    stock: { max: 6, keep: 0, retireAfterSeconds: 1 },
  },
} as const satisfies Record<string, OptionsInput>

export type TermsName = keyof typeof SETTINGS

export const TERMS_NAMES = Object.keys(SETTINGS) as TermsName[]

export interface NamedTerms extends Terms {
  readonly name: TermsName
  /** As they stand in the configuration. */
  readonly settings: OptionsInput
  readonly options: Options
}

export function termsNamed(name: TermsName): NamedTerms {
  const settings: OptionsInput = { publicUrl: PUBLIC_URL, ...SETTINGS[name] }
  const options = resolveOptions(settings)
  const { max, overflow, retireAfterSeconds } = options.stock
  const limits = { max, overflow, retireAfterSeconds, publish: options.quota.publish }
  return { name, settings, options, policy: policyOf(options), limits, shortestSeconds: shortestOf(options) }
}

/** A claim can be undone for so long. */
const RELEASE_SECONDS = 60

function shortestOf({ quota, claim, stock }: Options): number {
  const windows = Object.values(quota).map(({ windowSeconds }) => windowSeconds)
  const times = [...windows, claim.redeliverySeconds, stock.retireAfterSeconds, RELEASE_SECONDS]
  return Math.min(...times.filter((seconds) => seconds > 0))
}
