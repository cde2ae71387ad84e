/** What `serve` answers over HTTP: on the public port, and on the operator's listener. */

import type { Logger } from 'pino'
import { auditTo } from '../../plugin/audit.ts'
import type { GatewaySettings, KeyPackageGateway } from '../../plugin/gateway.ts'
import type { Pubkey } from '../../plugin/nostr/messages.ts'
import { MAX_REQUESTS_PER_ADDRESS, restPart } from '../http/api/rest.ts'
import { adminPubkeys } from '../http/http-options.ts'
import { Nip86 } from '../http/nip86/nip86.ts'
import { HttpAuth, httpUrlOf } from '../http/nip98.ts'
import { operatorAccess } from '../http/operator-parts.ts'
import { pagePart } from '../http/page.ts'
import { type HttpHandler, type HttpPart, httpHandler } from '../http/routing.ts'
import { askUpstream, upstreamInformation } from '../relays/proxy/upstream-http.ts'
import { ownLimits } from '../relays/server/client-limits.ts'
import { type ServerSiblings, withoutSiblings } from '../relays/server/connection-limits.ts'
import { mergedInformation, standaloneInformation } from '../relays/server/relay-information.ts'
import type { RelayListRelay } from '../relays/standalone/relay-list-relay.ts'
import { secondsNow } from './open-store.ts'
import type { Settings } from './settings-schema.ts'

export interface HttpDependencies extends Required<Pick<GatewaySettings, 'store' | 'verifyEvent'>> {
  readonly gateway: KeyPackageGateway
  readonly settings: Settings
  /** The relay behind the gateway, if that is this server. */
  readonly relayLists: RelayListRelay | undefined
  readonly log: Logger
  readonly audit?: GatewaySettings['audit']
  /** Of this software. */
  readonly version: string
  /** None by default. */
  readonly siblings?: ServerSiblings | undefined
  /** What answers before everything else, on each listener. */
  readonly before?: { readonly onPublicPort: HttpPart; readonly onOperators: HttpPart }
}

export interface ServedHttp {
  /** On the public port; what it does not take is the relay's. */
  readonly onPublicPort: HttpHandler
  /** On the operator's listener, besides metrics, health and the data of the operator's page. */
  readonly operatorParts: readonly HttpPart[]
  /** The NIPs that it supports. */
  readonly nips: readonly number[]
}

export function servedHttp(dependencies: HttpDependencies): ServedHttp {
  const { gateway, store, verifyEvent, settings, siblings, log, before } = dependencies
  const base = settings.upstream === undefined ? '' : settings.http.path
  const admins = adminPubkeys(settings.admin)
  const nips = admins.size > 0 ? [86, 98] : [98]
  const auth = new HttpAuth({ store, now: secondsNow, verifyEvent, ...(siblings && { siblings }) })
  const nip86 = nip86Of(dependencies, auth, admins)
  // Without admins here, the relay behind answers as if nobody were in front of it.
  const isManaged = admins.size > 0 || settings.upstream === undefined
  return {
    onPublicPort: httpHandler([
      ...(before ? [before.onPublicPort] : []),
      ...(isManaged ? [nip86.part('public')] : []),
      rest(dependencies, { base, auth, nips }),
      // Last: below its path it answers whatever the others have not.
      pagePart({ base, view: 'person' }),
    ]),
    operatorParts: [
      ...(before ? [before.onOperators] : []),
      nip86.part('operator'),
      operatorAccess({ gateway, relayUrl: relayUrlOf(settings), log }),
      pagePart({ base: '', view: 'operator' }),
    ],
    nips,
  }
}

/** What has to be signed for the relay behind to believe it, where there is one. */
function relayUrlOf({ upstream, publicUrl }: Settings): string | undefined {
  return upstream === undefined || publicUrl === undefined ? undefined : `${httpUrlOf(publicUrl)}/`
}

function nip86Of(
  { gateway, settings, log, audit }: HttpDependencies,
  auth: HttpAuth,
  admins: ReadonlySet<Pubkey>,
): Nip86 {
  const { upstream, publicUrl } = settings
  return new Nip86({
    gateway,
    auth,
    admins,
    publicUrl,
    operatorHosts: settings.admin.hosts,
    now: secondsNow,
    askRelay: upstream === undefined ? undefined : (request) => askUpstream(upstream, request),
    log,
    audit: auditTo(audit, secondsNow, log),
  })
}

interface RestPlace {
  readonly base: string
  readonly auth: HttpAuth
  readonly nips: readonly number[]
}

function rest(dependencies: HttpDependencies, { base, auth, nips }: RestPlace): HttpPart {
  const { settings, gateway, relayLists, siblings = withoutSiblings, log, version } = dependencies
  const { upstream, custody, proxy, publicUrl, server: options } = settings
  const { maxMessageBytes, maxConnections } = ownLimits(options)
  const isTakenHere = custody === 'gateway' && proxy.publish === 'here'
  return restPart({
    base,
    gateway,
    auth,
    publicUrl,
    maxBodyBytes: maxMessageBytes,
    places: siblings.places('REST', {
      maxConnections,
      maxConnectionsPerAddress: MAX_REQUESTS_PER_ADDRESS,
    }),
    information: async () =>
      upstream === undefined
        ? standaloneInformation({ gateway, options, nips, version })
        : mergedInformation(await upstreamInformation(upstream), { gateway, options, nips }),
    publishing: isTakenHere ? 'gateway' : 'relay',
    relayLists: relayLists && ((message) => relayLists.ask(message)),
    log,
    version,
  })
}
