/** Forwards plain HTTP requests to the upstream relay, and adds the gateway's limits to its NIP-11 document. */

import {
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type RequestListener,
  request as requestPlain,
  type ServerResponse,
} from 'node:http'
import { request as requestSecurely } from 'node:https'
import { pipeline } from 'node:stream/promises'
import { parseJson } from '../../../plugin/nostr/messages.ts'
import { CORS, NOSTR_JSON } from '../server/relay-information.ts'
import { endToEnd } from './forwarded-headers.ts'
import { textOf } from './upstream-http.ts'

export interface HttpForwardingSettings {
  /** The relay's URL for a request; undefined where the request target is not a path. */
  readonly urlOf: (request: IncomingMessage) => URL | undefined
  readonly headersOf: (request: IncomingMessage) => OutgoingHttpHeaders
  /** Adds the gateway's limits to the relay's NIP-11 document, which is `undefined` where it has none. */
  readonly mergeInformation: (document: unknown) => Promise<object>
}

const TIMEOUT_MS = 30_000
const MAX_DOCUMENT_BYTES = 1_048_576

export function forwardHttp(settings: HttpForwardingSettings): RequestListener {
  return (request, response) => {
    const answered = asksForInformation(request)
      ? answerInformation(request, response, settings)
      : forward(request, response, settings)
    answered.catch(() => answerUnreachable(response))
  }
}

function asksForInformation({ method, headers }: IncomingMessage): boolean {
  return (method === 'GET' || method === 'HEAD') && headers.accept?.includes(NOSTR_JSON) === true
}

async function forward(
  request: IncomingMessage,
  response: ServerResponse,
  settings: HttpForwardingSettings,
): Promise<void> {
  const answer = await requestUpstream(request, response, settings)
  response.writeHead(answer.statusCode ?? 502, answer.statusMessage, endToEnd(answer.headers))
  await pipeline(answer, response)
}

async function answerInformation(
  request: IncomingMessage,
  response: ServerResponse,
  settings: HttpForwardingSettings,
): Promise<void> {
  const answer = await requestUpstream(request, response, settings)
  const body = JSON.stringify(
    await settings.mergeInformation(parseJson(await textOf(answer, MAX_DOCUMENT_BYTES))),
  )
  response.writeHead(200, {
    ...CORS,
    'content-type': NOSTR_JSON,
    'content-length': Buffer.byteLength(body),
  })
  response.end(request.method === 'HEAD' ? undefined : body)
}

/** Resolves with the relay's answer once its headers have arrived. */
function requestUpstream(
  request: IncomingMessage,
  response: ServerResponse,
  { urlOf, headersOf }: HttpForwardingSettings,
): Promise<IncomingMessage> {
  const url = urlOf(request)
  if (url === undefined) return Promise.reject(new Error('the request target must be a path'))
  const send = url.protocol === 'https:' ? requestSecurely : requestPlain
  const { method, headers } = asksForInformation(request)
    ? { method: 'GET', headers: { ...headersOf(request), 'accept-encoding': 'identity' } }
    : { method: request.method, headers: headersOf(request) }
  return new Promise((resolve, reject) => {
    const upstream = send(url, { method, headers, timeout: TIMEOUT_MS })
    upstream.once('response', resolve).once('error', reject)
    upstream.once('timeout', () => upstream.destroy(new Error('the relay did not answer in time')))
    response.once('close', () => {
      if (!response.writableFinished) upstream.destroy()
    })
    pipeline(request, upstream).catch(reject)
  })
}

function answerUnreachable(response: ServerResponse): void {
  if (response.headersSent) return void response.destroy()
  response.writeHead(502, { 'content-type': 'text/plain; charset=utf-8' })
  response.end('the relay cannot be reached\n')
}
