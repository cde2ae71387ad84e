/** What is asked of the relay without a WebSocket goes to the relay; its information document comes back with ours in it. */

import {
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type RequestListener,
  request as requestPlain,
  type ServerResponse,
} from 'node:http'
import { request as requestSecurely } from 'node:https'
import { pipeline } from 'node:stream/promises'
import { CORS, NOSTR_JSON } from '../information.ts'
import { endToEnd } from './headers.ts'

export interface PassingSettings {
  /** The relay's address for a request; undefined where the request names none. */
  readonly urlOf: (request: IncomingMessage) => URL | undefined
  readonly headersOf: (request: IncomingMessage) => OutgoingHttpHeaders
  /** Makes our document of the relay's: of `undefined` where it has none. */
  readonly inform: (document: unknown) => object
}

const PATIENCE_MS = 30_000
const LARGEST_DOCUMENT = 1_048_576

export function passingListener(settings: PassingSettings): RequestListener {
  return (request, response) => {
    const answered = asksForInformation(request)
      ? answerInformation(request, response, settings)
      : pass(request, response, settings)
    answered.catch(() => refuse(response))
  }
}

function asksForInformation({ method, headers }: IncomingMessage): boolean {
  return (method === 'GET' || method === 'HEAD') && headers.accept?.includes(NOSTR_JSON) === true
}

async function pass(
  request: IncomingMessage,
  response: ServerResponse,
  settings: PassingSettings,
): Promise<void> {
  const answer = await ask(request, response, settings)
  response.writeHead(answer.statusCode ?? 502, answer.statusMessage, endToEnd(answer.headers))
  await pipeline(answer, response)
}

async function answerInformation(
  request: IncomingMessage,
  response: ServerResponse,
  settings: PassingSettings,
): Promise<void> {
  const answer = await ask(request, response, settings)
  const body = JSON.stringify(settings.inform(parse(await textOf(answer))))
  response.writeHead(200, {
    ...CORS,
    'content-type': NOSTR_JSON,
    'content-length': Buffer.byteLength(body),
  })
  response.end(request.method === 'HEAD' ? undefined : body)
}

/** Resolves with the head of the relay's answer. */
function ask(
  request: IncomingMessage,
  response: ServerResponse,
  { urlOf, headersOf }: PassingSettings,
): Promise<IncomingMessage> {
  const url = urlOf(request)
  if (url === undefined) return Promise.reject(new Error('this request names no path'))
  const send = url.protocol === 'https:' ? requestSecurely : requestPlain
  const { method, headers } = asksForInformation(request)
    ? { method: 'GET', headers: { ...headersOf(request), 'accept-encoding': 'identity' } }
    : { method: request.method, headers: headersOf(request) }
  return new Promise((resolve, reject) => {
    const upstream = send(url, { method, headers, timeout: PATIENCE_MS })
    upstream.once('response', resolve).once('error', reject)
    upstream.once('timeout', () => upstream.destroy(new Error('the relay does not answer')))
    response.once('close', () => {
      if (!response.writableFinished) upstream.destroy()
    })
    pipeline(request, upstream).catch(reject)
  })
}

/** Rejects where it is longer than any document. */
async function textOf(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of answer) {
    length += (chunk as Buffer).length
    if (length > LARGEST_DOCUMENT) throw new Error('the relay has no end of a document')
    chunks.push(chunk as Buffer)
  }
  return Buffer.concat(chunks).toString()
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function refuse(response: ServerResponse): void {
  if (response.headersSent) return void response.destroy()
  response.writeHead(502, { 'content-type': 'text/plain; charset=utf-8' })
  response.end('the relay cannot be reached\n')
}
