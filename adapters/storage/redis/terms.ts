/** What the fast path of claims depends on in a policy: a stock is prepared for one policy, and says for which. */

import { deliveryKeptUntil } from '../../../plugin/stock/deliveries.ts'
import type { StrangerTerms } from '../../../plugin/stock/strangers.ts'
import type { ClaimPolicy, Quota } from '../../../plugin/store.ts'
import { WINDOW_SLACK } from './windows.ts'

export interface Terms extends StrangerTerms {
  readonly retireAfterSeconds: number
  /** How long a claim needs its author's stock at least. */
  readonly stockSeconds: number
}

export function termsOf(policy: ClaimPolicy): Terms {
  const { strangers, freshPerAddress, keep, retireAfterSeconds, redeliverySeconds } = policy
  return {
    ...(strangers && { strangers }),
    ...(freshPerAddress && { freshPerAddress }),
    keep,
    retireAfterSeconds,
    stockSeconds: Math.max(
      deliveryKeptUntil(redeliverySeconds, 0),
      requesterSeconds(policy) + WINDOW_SLACK,
      policy.perAddress.windowSeconds + WINDOW_SLACK,
    ),
  }
}

/** How long the window of a requester matters. The fast path also sees from it whether a claim may be repeated. */
export function requesterSeconds({ perAuthor, redeliverySeconds }: ClaimPolicy): number {
  return Math.max(perAuthor.windowSeconds, redeliverySeconds)
}

export function encodeTerms({
  strangers,
  freshPerAddress,
  keep,
  retireAfterSeconds,
  stockSeconds,
}: Terms): string {
  return `${encodeQuota(strangers)} ${encodeQuota(freshPerAddress)} ${keep} ${retireAfterSeconds} ${stockSeconds}`
}

/** Stocks of one server have the same terms, nearly always. */
let last: { readonly text: string; readonly terms: Terms } | undefined

/** Undefined if the text is empty. */
export function decodeTerms(text: string): Terms | undefined {
  if (text === '') return undefined
  if (last?.text !== text) last = { text, terms: readTerms(text) }
  return last.terms
}

function readTerms(text: string): Terms {
  const [one = '', other = '', ...numbers] = text.split(' ')
  const [strangers, freshPerAddress] = [decodeQuota(one), decodeQuota(other)]
  const [keep = 0, retireAfterSeconds = 0, stockSeconds = 0] = numbers.map(Number)
  return {
    ...(strangers && { strangers }),
    ...(freshPerAddress && { freshPerAddress }),
    keep,
    retireAfterSeconds,
    stockSeconds,
  }
}

const NONE = '-'

function encodeQuota(quota: Quota | undefined): string {
  return quota === undefined ? NONE : `${quota.max}/${quota.windowSeconds}`
}

function decodeQuota(text: string): Quota | undefined {
  if (text === NONE) return undefined
  const [max, windowSeconds] = text.split('/')
  return { max: Number(max), windowSeconds: Number(windowSeconds) }
}
