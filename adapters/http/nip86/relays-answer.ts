/** What the relay behind made of an admin's request, and what both did, as one answer. */

import { parseJson } from '../../../plugin/nostr/messages.ts'
import { type Done, type Entry, METHODS } from './methods.ts'

/** An HTTP answer of the relay behind. */
export interface RelayReply {
  readonly status: number
  readonly body: string
}

/**
 * - `done`: it has done it, or listed this.
 * - `unknown`: it does not have the method, or no NIP-86 at all.
 * - `refused`: it has not done it, and said why.
 * - `failed`: nobody knows whether it has done it.
 */
export type RelayDone =
  | { readonly outcome: 'done'; readonly result: unknown }
  | { readonly outcome: 'unknown' }
  | { readonly outcome: 'refused' | 'failed'; readonly reason: string }

/** What we did, or that the store did not answer. */
export type OwnDone = Done | { readonly outcome: 'failed'; readonly reason: string }

/** The body of an answer (NIP-86), and its status. `gateway` and `relay` say what each did, where there are two. */
export interface Answer {
  readonly status: number
  readonly result?: unknown
  readonly error?: string
  readonly gateway?: string
  readonly relay?: string
}

const MAX_REASON = 300
/** How relays say that they do not have a method; NIP-86 has no code for it. */
const UNKNOWN =
  /method\b.{0,80}\b(unknown|unsupported|unrecogni[sz]ed|not (known|supported|implemented|found|available))\b|\b(unknown|unsupported|unrecogni[sz]ed|no such) method\b/i
/** A server that has no such resource, or takes nothing of this kind. */
const NOT_THERE: readonly number[] = [400, 404, 405, 406, 415, 426, 501]

/** Whether a relay's NIP-11 document says that it has NIP-86. */
export function listsNip86({ status, body }: RelayReply): boolean {
  const { supported_nips: nips } = Object(parseJson(body)) as { readonly supported_nips?: unknown }
  return status === 200 && Array.isArray(nips) && nips.includes(86)
}

export function readReply({ status, body }: RelayReply): RelayDone {
  const reply: { readonly result?: unknown; readonly error?: unknown } = Object(parseJson(body))
  const { result, error } = reply
  if (typeof error === 'string' && error !== '') {
    if (UNKNOWN.test(error)) return { outcome: 'unknown' }
    return { outcome: 'refused', reason: error.slice(0, MAX_REASON) }
  }
  if (status === 401 || status === 403) return { outcome: 'refused', reason: `HTTP status ${status}` }
  if (status === 200 && result === false) return { outcome: 'refused', reason: 'the result is false' }
  // An empty list is null in the relays that are written in Go.
  if (status === 200 && 'result' in reply) return { outcome: 'done', result }
  if (status < 300 || NOT_THERE.includes(status)) return { outcome: 'unknown' }
  return { outcome: 'failed', reason: `HTTP status ${status}` }
}

/** The answer where there is no relay behind. */
export function ownAnswer(own: OwnDone): Answer {
  switch (own.outcome) {
    case 'done':
      return { status: 200, result: true }
    case 'listed':
      return { status: 200, result: own.entries }
    case 'refused':
      return { status: 400, error: own.reason }
    case 'failed':
      return { status: 503, error: own.reason }
  }
}

/** The answer to a method that both may have. It has no error only if both have done it, or the relay does not have it. */
export function answerOfBoth(own: OwnDone, relay: RelayDone): Answer {
  const said = { gateway: wordsFor(own), relay: wordsFor(relay) }
  const answer = ownAnswer(own)
  const isOurs = answer.error === undefined
  const isTheirs = relay.outcome === 'done'
  const result = own.outcome === 'listed' ? merged(own.entries, relay) : answer.result
  if (relay.outcome === 'unknown' || (isOurs && isTheirs))
    return { ...answer, ...(isOurs && { result }), ...said }
  if (isOurs) {
    const error = `the gateway has done it, the relay behind has not: ${said.relay}`
    return { status: 502, ...(own.outcome === 'listed' && { result }), error, ...said }
  }
  const error = isTheirs
    ? `the relay behind has done it, the gateway has not: ${said.gateway}`
    : `neither has done it; the gateway: ${said.gateway}; the relay behind: ${said.relay}`
  return { ...answer, error, ...said }
}

/** The methods that either has. The relay's refusal is no error: ours can be used all the same. */
export function supportedMethods(relay: RelayDone | undefined): Answer {
  const { result } = relay?.outcome === 'done' ? relay : { result: [] }
  const theirs = Array.isArray(result) ? result.filter((name) => typeof name === 'string') : []
  const names = new Set([...METHODS, ...theirs])
  // NIP-86: the names of all the other methods.
  names.delete('supportedmethods')
  return { status: 200, result: [...names], ...(relay && { gateway: 'done', relay: wordsFor(relay) }) }
}

function wordsFor(done: OwnDone | RelayDone): string {
  switch (done.outcome) {
    case 'done':
    case 'listed':
      return 'done'
    case 'unknown':
      return 'does not have this method'
    case 'refused':
    case 'failed':
      return done.reason
  }
}

/** Both lists as one; who is in both has our reason, or else the relay's. */
function merged(ours: readonly Entry[], relay: RelayDone): readonly Entry[] {
  const theirs = relay.outcome === 'done' && Array.isArray(relay.result) ? relay.result.filter(isEntry) : []
  const byKey = new Map<unknown, Entry>()
  for (const entry of [...theirs, ...ours]) {
    const key = keyOf(entry)
    byKey.set(key, { ...byKey.get(key), ...entry })
  }
  return [...byKey.values()]
}

function isEntry(value: unknown): value is Entry {
  return typeof value === 'object' && value !== null && keyOf(value as Entry) !== undefined
}

function keyOf({ pubkey, ip }: Entry): unknown {
  return pubkey ?? ip
}
