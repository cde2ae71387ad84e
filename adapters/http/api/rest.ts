/** The REST interface as a part of the HTTP interface: which requests are its own, and how many at once. */

import type { ServerResponse } from 'node:http'
import { Refusal } from '../../../plugin/nostr/refusal.ts'
import { problemOf, sendProblem, TOO_MANY_WRONG_SIGNATURES } from '../problem.ts'
import type { Exchange, HttpPart } from '../routing.ts'
import type { ApiSettings } from './api-settings.ts'

export interface RestSettings extends ApiSettings {
  /** For the requests in progress (I9). */
  readonly places: Places
}

/** Who may have one more request handled. It never rejects. */
interface Places {
  admit(address: string): Admission | Promise<Admission>
}

type Admission =
  | { readonly outcome: 'admitted'; readonly place: { release(): void } }
  | { readonly outcome: 'refused' }

/** Of one address (IPv6: one /64): more than browsers and clients send at once. Each costs memory for its body. */
export const MAX_REQUESTS_PER_ADDRESS = 16
/** How long a client may take nothing of an answer before its connection is closed. */
const STALLED_MS = 60_000

/** Web apps of any origin may use it: nothing here depends on cookies. A wildcard would not allow Authorization (Fetch standard). */
const HEADERS = {
  'access-control-allow-origin': '*',
  'access-control-expose-headers': 'Retry-After, WWW-Authenticate, Allow',
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
}
/** What a browser asks before it sends a request to another origin. */
const PREFLIGHT_HEADERS = {
  'access-control-allow-methods': 'GET, HEAD, POST, DELETE',
  'access-control-allow-headers': 'Authorization, Content-Type',
  'access-control-max-age': '86400',
}

type Answer = (exchange: Exchange) => Promise<void>

/** Answers everything under `<base>/api/v1`. Fastify is loaded for the first request. */
export function restPart(settings: RestSettings): HttpPart {
  const { base, places, log } = settings
  const root = `${base}/api/v1`
  let loading: Promise<Answer> | undefined
  const load = () => {
    loading ??= import('./api.ts').then(({ createApi }) => createApi(settings))
    return loading
  }
  return (exchange) => {
    const { request, response, path } = exchange
    if (path !== root && !path.startsWith(`${root}/`)) return false
    setHeaders(response, HEADERS)
    if (request.method === 'OPTIONS') {
      response.writeHead(204, PREFLIGHT_HEADERS).end()
      return true
    }
    if (exchange.client?.isKeptOut() === true) {
      sendProblem(response, problemOf(new Refusal('rate-limited', TOO_MANY_WRONG_SIGNATURES)))
      return true
    }
    handle(exchange).catch((error: unknown) => {
      log.error({ err: error }, 'an HTTP request failed')
      fail(response)
    })
    return true
  }

  async function handle(exchange: Exchange): Promise<void> {
    const { response, address } = exchange
    const admission = await places.admit(address)
    if (admission.outcome === 'refused') {
      const problem = problemOf(new Refusal('rate-limited', 'too many requests at once; try again in 1 s'))
      return sendProblem(response, problem, { 'retry-after': '1' })
    }
    if (response.destroyed) return admission.place.release()
    response.once('close', admission.place.release)
    response.setTimeout(STALLED_MS, () => response.destroy())
    await (await load())(exchange)
  }
}

function setHeaders(response: ServerResponse, headers: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
}

function fail(response: ServerResponse): void {
  if (response.headersSent) response.destroy()
  else sendProblem(response, problemOf(new Refusal('error', 'failed to handle this request'), 500))
}
