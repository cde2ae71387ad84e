/** Requests that the proxy makes itself of the upstream relay, over HTTP at the relay's own URL. */

import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { type OutgoingHttpHeaders, request as requestPlain } from 'node:http'
import { request as requestSecurely } from 'node:https'
import { NOSTR_JSON } from '../server/relay-information.ts'

const TIMEOUT_MS = 10_000
const MAX_BYTES = 1_048_576

export interface UpstreamRequest {
  readonly method: 'GET' | 'POST'
  readonly headers: OutgoingHttpHeaders
  readonly body?: Buffer
}

export interface UpstreamReply {
  readonly status: number
  readonly body: string
}

/** @param upstream the relay's address, as in `ws://127.0.0.1:7777`. Rejects after ten seconds, and for an answer of more than a megabyte. */
export async function askUpstream(
  upstream: string,
  { method, headers, body }: UpstreamRequest,
): Promise<UpstreamReply> {
  const url = new URL(upstream.replace(/^ws/, 'http'))
  const send = url.protocol === 'https:' ? requestSecurely : requestPlain
  const signal = AbortSignal.timeout(TIMEOUT_MS)
  const sent = send(url, { method, headers: { ...headers, 'accept-encoding': 'identity' }, signal })
  sent.end(body)
  const [answer] = (await once(sent, 'response', { signal })) as [IncomingMessage]
  return { status: answer.statusCode ?? 0, body: await textOf(answer, MAX_BYTES) }
}

/** The relay's information document (NIP-11). Undefined if it has none, or does not answer in time. Never rejects. */
export async function upstreamInformation(upstream: string): Promise<unknown> {
  try {
    const { status, body } = await askUpstream(upstream, { method: 'GET', headers: { accept: NOSTR_JSON } })
    return status === 200 ? JSON.parse(body) : undefined
  } catch {
    return undefined
  }
}

/** Rejects a body that is longer. */
export async function textOf(answer: IncomingMessage, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of answer) {
    length += (chunk as Buffer).length
    if (length > maxBytes) throw new Error(`the relay's answer is longer than ${maxBytes} bytes`)
    chunks.push(chunk as Buffer)
  }
  return Buffer.concat(chunks).toString()
}
