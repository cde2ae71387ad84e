/** How a refusal is written over HTTP: as a problem (RFC 9457) with the prefix and the sentence of NIP-01. */

import { type ServerResponse, STATUS_CODES } from 'node:http'
import { Refusal, type RefusalPrefix, UNAVAILABLE } from '../../plugin/nostr/refusal.ts'
import type { Authorisation } from './nip98.ts'

export const PROBLEM_JSON = 'application/problem+json'

/** What an operator or an admin is told when the store fails (I7); others are told `UNAVAILABLE`. */
export const STORE_DOWN = 'the store does not answer, try again'

export interface Problem {
  readonly type: 'about:blank'
  /** The phrase of the status. */
  readonly title: string
  readonly status: number
  /** `<prefix>: <sentence>`, as in an OK or a CLOSED (NIP-01). */
  readonly detail: string
  readonly prefix: RefusalPrefix
}

const statusOf: Readonly<Record<RefusalPrefix, number>> = {
  invalid: 400,
  'auth-required': 401,
  blocked: 403,
  restricted: 403,
  'rate-limited': 429,
  error: 503,
}

/** @param status if it is not the usual one of the refusal's prefix */
export function problemOf({ prefix, message }: Refusal, status = statusOf[prefix]): Problem {
  return { type: 'about:blank', title: STATUS_CODES[status] ?? '', status, detail: message, prefix }
}

/** Why a client is refused whose events or requests have been signed wrongly again and again (I9). */
export const TOO_MANY_WRONG_SIGNATURES = 'too many wrong signatures came from here'

/** Why there is no authenticated pubkey. */
export type Unauthenticated = Exclude<Authorisation, { outcome: 'authenticated' }>

/** Why a request that needs an authenticated pubkey is refused; undefined if it has one. */
export function authorisationProblem(authorisation: Unauthenticated): Problem
export function authorisationProblem(authorisation: Authorisation): Problem | undefined
export function authorisationProblem(authorisation: Authorisation): Problem | undefined {
  switch (authorisation.outcome) {
    case 'authenticated':
      return undefined
    case 'absent':
      return problemOf(new Refusal('auth-required', 'sign the request with NIP-98'))
    case 'refused':
      return problemOf(new Refusal('invalid', `NIP-98: ${authorisation.reason}`), 401)
    case 'limited':
      return problemOf(
        new Refusal('rate-limited', 'too many signed requests from this address, try again later'),
      )
    case 'unavailable':
      return problemOf(new Refusal('error', UNAVAILABLE))
  }
}

/** The headers that belong to a status, besides the content type. */
export function headersOf({ status }: Pick<Problem, 'status'>): Readonly<Record<string, string>> {
  // RFC 9110: a 401 says how to authenticate (section 11.6.1), and after a 408 the connection is closed (section 15.5.9).
  if (status === 401) return { 'www-authenticate': 'Nostr' }
  return status === 408 ? { connection: 'close' } : {}
}

/** Answers with a problem. */
export function sendProblem(
  response: ServerResponse,
  problem: Problem,
  headers: Readonly<Record<string, string>> = {},
): void {
  const body = JSON.stringify(problem)
  response.writeHead(problem.status, {
    ...headers,
    ...headersOf(problem),
    'content-type': PROBLEM_JSON,
    'content-length': Buffer.byteLength(body),
  })
  response.end(body)
}
