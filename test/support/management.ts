/** Servers in this process that admins manage by NIP-86, alone or with a relay behind whose answers the test gives. */

import { Nip86 } from '../../adapters/http/nip86/nip86.ts'
import { HttpAuth } from '../../adapters/http/nip98.ts'
import { operatorAccess } from '../../adapters/http/operator-parts.ts'
import { httpHandler } from '../../adapters/http/routing.ts'
import { startProxy } from '../../adapters/relays/proxy/proxy.ts'
import { askUpstream } from '../../adapters/relays/proxy/upstream-http.ts'
import { proxyOptionsSchema, serverOptionsSchema } from '../../adapters/relays/server/server-options.ts'
import { startStandalone } from '../../adapters/relays/standalone/standalone.ts'
import { memoryStore } from '../../adapters/storage/memory.ts'
import { auditTo } from '../../plugin/audit.ts'
import type { OptionsInput } from '../../plugin/options.ts'
import type { KeyPackageStore } from '../../plugin/store.ts'
import { type HttpReply, http, serveHttp, type TestHttpServer } from './http.ts'
import { authorizationBy, type ToSign } from './http-auth.ts'
import { type Person, person } from './people.ts'
import { testGateway, type WatchedServer } from './serving.ts'
import { verifyEvent } from './signing.ts'

const PUBLIC_URL = 'wss://relay.example.com'
export const SIGNED_URL = 'https://relay.example.com/'
export const admin = person('admin')

export interface ManagedSettings extends OptionsInput {
  readonly store?: KeyPackageStore
  /** By default `admin` alone. */
  readonly admins?: readonly Person[]
  /** The URL of the relay behind. */
  readonly upstream?: string
  /** Whether requests come to the operator's listener. */
  readonly listener?: 'public' | 'operator'
}

export interface Managed extends WatchedServer {
  /** Where HTTP requests go. */
  readonly httpUrl: string
  readonly store: KeyPackageStore
}

export async function startManaged(settings: ManagedSettings = {}): Promise<Managed> {
  const { store = memoryStore(), admins = [admin], upstream, listener = 'public', ...others } = settings
  const options = { publicUrl: PUBLIC_URL, ...others }
  const { gateway, log, clock, served, audit } = testGateway(store, options)
  const now = () => Math.floor(clock() / 1000)
  const nip86 = new Nip86({
    gateway,
    auth: new HttpAuth({ store, now, verifyEvent }),
    admins: new Set(admins.map(({ pubkey }) => pubkey)),
    publicUrl: options.publicUrl,
    operatorHosts: ['gateway.internal'],
    now,
    askRelay: upstream === undefined ? undefined : (request) => askUpstream(upstream, request),
    log,
    audit: auditTo(audit, now, log),
  })
  const handler = httpHandler([nip86.part(listener), operatorAccess({ gateway, relayUrl: SIGNED_URL, log })])
  const server = { gateway, log, options: serverOptionsSchema.parse({}), http: handler, nips: [86, 98] }
  // Every client may say in X-Real-IP what its address is.
  const proxy = proxyOptionsSchema.parse({ trust: ['127.0.0.1'] })
  const started =
    upstream === undefined
      ? await startStandalone({ ...server, store, clock, proxy, version: '0.0.0-test' })
      : await startProxy({ ...server, upstream })
  return Object.assign(served(started), { store, httpUrl: started.url.replace('ws', 'http') })
}

export interface Sent {
  readonly by?: Person
  readonly sign?: Partial<ToSign>
  readonly headers?: Readonly<Record<string, string>>
  /** In place of the call. */
  readonly body?: string
}

/** Sends a call as an admin's client does. */
export async function call(
  server: Managed,
  method: string,
  params: readonly unknown[] = [],
  { by = admin, sign = {}, headers = {}, body = JSON.stringify({ method, params }) }: Sent = {},
): Promise<{ readonly status: number; readonly answer: Record<string, unknown>; readonly reply: HttpReply }> {
  const signed = { method: 'POST', url: SIGNED_URL, body, now: server.now(), ...sign }
  const reply = await http(server.httpUrl, {
    method: 'POST',
    headers: {
      'content-type': 'application/nostr+json+rpc',
      authorization: authorizationBy(by, signed),
      ...headers,
    },
    body,
  })
  return { status: reply.status, answer: JSON.parse(reply.body), reply }
}

/** The result of a call that has to succeed. */
export async function resultOf(
  server: Managed,
  method: string,
  params: readonly unknown[],
): Promise<unknown> {
  const { status, answer } = await call(server, method, params)
  if (status !== 200 || answer.error !== undefined)
    throw new Error(`${method} was answered with ${status}: ${JSON.stringify(answer)}`)
  return answer.result
}

/** The NIP-11 document of a server. */
export async function documentOf(server: Managed): Promise<Record<string, unknown>> {
  const { body } = await http(server.httpUrl, { headers: { accept: 'application/nostr+json' } })
  return JSON.parse(body)
}

/** A call that a relay behind was sent. */
interface Received {
  readonly method: string
  readonly params: readonly unknown[]
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** As it came. */
  readonly body: string
}

export interface ManagedRelay extends TestHttpServer {
  readonly received: readonly Received[]
}

/** What a relay says to a call: its result or error, or an answer that is none of NIP-86. */
export type RelayScript = (
  call: Received,
) =>
  | { readonly result?: unknown; readonly error?: string }
  | { readonly status: number; readonly text: string }

/** A relay behind, which speaks no WebSocket here. @param nips what it lists in its NIP-11 document */
export async function startManagedRelay(
  script: RelayScript,
  nips: readonly number[] = [1, 11, 86],
): Promise<ManagedRelay> {
  const received: Received[] = []
  const server = await serveHttp(async (request, response) => {
    if (request.headers.accept === 'application/nostr+json') {
      return void response.end(JSON.stringify({ name: 'a relay', supported_nips: nips }))
    }
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const body = Buffer.concat(chunks).toString()
    const call = { params: [], method: '', ...parse(body), headers: request.headers, body }
    received.push(call)
    const answer = script(call)
    if ('text' in answer) response.writeHead(answer.status).end(answer.text)
    else response.end(JSON.stringify(answer))
  })
  return { ...server, received }
}

function parse(body: string): object {
  try {
    return Object(JSON.parse(body))
  } catch {
    return {}
  }
}
