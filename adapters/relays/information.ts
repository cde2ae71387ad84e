/** The relay information document (NIP-11), and what else a relay without a web site answers to HTTP. */

import type { IncomingMessage, RequestListener } from 'node:http'
import type { KeyPackageGateway } from '../../plugin/gateway.ts'
import { LONGEST_SUBSCRIPTION_ID } from '../../plugin/subscriptions.ts'
import type { ServerOptions } from './server-options.ts'

/** NIP-01, 9 and 62 deletions, 11, 40 expiration, 42 AUTH, 45 COUNT, 70 protected events. */
const SUPPORTED_NIPS = [1, 9, 11, 40, 42, 45, 62, 70]
const SOFTWARE = 'keypackage-gateway'

/** The type of the document (NIP-11). */
export const NOSTR_JSON = 'application/nostr+json'
/** NIP-11: browsers may read it from anywhere. */
export const CORS = {
  'access-control-allow-origin': '*',
  'access-control-allow-headers': '*',
  'access-control-allow-methods': 'GET, HEAD, OPTIONS',
}

/** What the document is made from. */
export interface InformationSettings {
  readonly gateway: KeyPackageGateway
  readonly options: ServerOptions
  /** Of this software. */
  readonly version: string
}

function relayInformation({ gateway, options, version }: InformationSettings): object {
  return {
    name: options.name,
    description: options.description,
    contact: options.contact,
    icon: options.icon,
    software: SOFTWARE,
    version,
    supported_nips: SUPPORTED_NIPS,
    limitation: {
      max_message_length: options.maxMessageBytes,
      max_subscriptions: options.maxSubscriptions,
      max_subid_length: LONGEST_SUBSCRIPTION_ID,
      auth_required: gateway.options.requester === 'auth',
      payment_required: false,
      restricted_writes: true,
    },
    key_packages: gateway.keyPackagesInformation(),
  }
}

/** Answers `GET /` with the document to those who accept it, with a sentence to others. */
export function informationListener(settings: InformationSettings): RequestListener {
  return (request, response) => {
    request.resume()
    const answer = answerTo(request, settings)
    response.writeHead(answer.status, {
      ...CORS,
      'content-type': answer.type,
      'content-length': Buffer.byteLength(answer.body),
    })
    response.end(request.method === 'HEAD' ? undefined : answer.body)
  }
}

function answerTo(
  { url, method, headers }: IncomingMessage,
  settings: InformationSettings,
): { status: number; type: string; body: string } {
  if (url?.split('?')[0] !== '/') return plain(404, 'there is nothing here')
  if (method === 'OPTIONS') return plain(204, '')
  if (method !== 'GET' && method !== 'HEAD') return plain(405, 'this address takes GET and WebSockets')
  if (headers.accept?.includes(NOSTR_JSON)) {
    return { status: 200, type: NOSTR_JSON, body: JSON.stringify(relayInformation(settings)) }
  }
  return plain(200, `${settings.options.name}: a Nostr relay for MLS key packages. Connect with a WebSocket.`)
}

function plain(status: number, text: string): { status: number; type: string; body: string } {
  return { status, type: 'text/plain; charset=utf-8', body: text === '' ? '' : `${text}\n` }
}
