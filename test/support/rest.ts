/** The relay for key packages with its REST interface, in this process, and clients of it that sign their requests (NIP-98). */

import { MAX_REQUESTS_PER_ADDRESS, restPart } from '../../adapters/http/api/rest.ts'
import { HttpAuth } from '../../adapters/http/nip98.ts'
import { httpHandler } from '../../adapters/http/routing.ts'
import { ownLimits } from '../../adapters/relays/server/client-limits.ts'
import { ConnectionLimits } from '../../adapters/relays/server/connection-limits.ts'
import { proxyOptionsSchema, serverOptionsSchema } from '../../adapters/relays/server/server-options.ts'
import { RelayListRelay } from '../../adapters/relays/standalone/relay-list-relay.ts'
import { startStandalone } from '../../adapters/relays/standalone/standalone.ts'
import type { SignedEvent } from '../../plugin/nostr/messages.ts'
import type { OptionsInput } from '../../plugin/options.ts'
import type { KeyPackageStore } from '../../plugin/store.ts'
import { authorizationBy } from './http-auth.ts'
import type { Person } from './people.ts'
import { testGateway, type WatchedServer } from './serving.ts'
import { verifyEvent } from './signing.ts'

export interface RestServer extends WatchedServer {
  /** Calls `/api/v1` of it. */
  readonly call: Caller
}

export interface RestOptions extends OptionsInput {
  readonly maxMessageBytes?: number
  readonly maxConnections?: number
  /** `relay`: as if a relay behind the gateway took key packages and relay lists. */
  readonly publishing?: 'gateway' | 'relay'
}

/** Serves from `store`, and closes it with the server. Every client may say in X-Real-IP what its address is. */
export async function startRest(store: KeyPackageStore, settings: RestOptions = {}): Promise<RestServer> {
  const { maxMessageBytes, maxConnections, publishing = 'gateway', ...gatewayOptions } = settings
  const { gateway, clock, log, served } = testGateway(store, gatewayOptions)
  const options = serverOptionsSchema.parse({
    ...(maxMessageBytes !== undefined && { maxMessageBytes }),
    ...(maxConnections !== undefined && { maxConnections }),
  })
  const limits = ownLimits(options)
  const now = () => Math.floor(clock() / 1000)
  const report = (error: unknown) => log.error({ err: error }, 'failed to answer a message')
  const relay = new RelayListRelay({ store, report, now })
  const rest = restPart({
    base: '',
    gateway,
    auth: new HttpAuth({ store, now, verifyEvent }),
    publicUrl: gateway.options.publicUrl,
    maxBodyBytes: limits.maxMessageBytes,
    places: new ConnectionLimits({ ...limits, maxConnectionsPerAddress: MAX_REQUESTS_PER_ADDRESS }),
    information: async () => ({ name: options.name, ...gateway.relayInformation() }),
    publishing,
    relayLists: publishing === 'gateway' ? (message) => relay.ask(message) : undefined,
    log,
    version: '0.0.0-test',
  })
  const proxy = proxyOptionsSchema.parse({ trust: ['127.0.0.1'] })
  const http = httpHandler([rest])
  const common = { gateway, store, proxy, clock, log, options, relay, http }
  const server = served(await startStandalone({ ...common, version: '0.0.0-test' }))
  const { publicUrl } = gateway.options
  return Object.assign(server, { call: callerOf(server, publicUrl?.replace(/^ws/, 'http')) })
}

interface Call {
  /** Who signs it; nobody by default. */
  readonly as?: Person
  readonly json?: unknown
  /** The body as it is. */
  readonly body?: string
  readonly headers?: Readonly<Record<string, string>>
  /** The address it comes from, if not this machine's. */
  readonly from?: string
  readonly signal?: AbortSignal
}

interface Called {
  readonly status: number
  readonly headers: Headers
  /** The JSON of the body, if there is one. */
  readonly body: Answered
}

/** What the answers have, of all operations; the tests compare it with what is expected. */
interface Answered {
  readonly detail?: string
  readonly results?: readonly (Readonly<Record<string, unknown>> & {
    readonly events?: readonly SignedEvent[]
  })[]
  readonly packages?: readonly Readonly<Record<string, unknown>>[]
  readonly [field: string]: unknown
}

type Caller = (method: string, path: string, call?: Call) => Promise<Called>

/** @param signedBase the URL that clients sign, if they do not come to it */
function callerOf({ url, now }: Pick<RestServer, 'url' | 'now'>, signedBase?: string): Caller {
  const base = url.replace(/^ws/, 'http')
  return async (method, path, { as, json, body = jsonOf(json), headers = {}, from, signal } = {}) => {
    const target = `/api/v1${path}`
    const signed = {
      method,
      url: `${signedBase ?? base}${target}`,
      ...(body !== undefined && { body }),
      now: now(),
    }
    const answer = await fetch(`${base}${target}`, {
      method,
      headers: {
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(as && { authorization: authorizationBy(as, signed) }),
        ...(from !== undefined && { 'x-real-ip': from }),
        ...headers,
      },
      ...(body !== undefined && { body }),
      ...(signal && { signal }),
    })
    const text = await answer.text()
    return { status: answer.status, headers: answer.headers, body: text === '' ? {} : JSON.parse(text) }
  }
}

function jsonOf(json: unknown): string | undefined {
  return json === undefined ? undefined : JSON.stringify(json)
}
