/** What `serve` answers over HTTP: on the public port, and on the operator's listener. */

import type { Logger } from '../../plugin/context.ts'
import type { KeyPackageGateway } from '../../plugin/gateway.ts'
import type { KeyPackageStore } from '../../plugin/store.ts'
import type { VerifyEvent } from '../../plugin/verification.ts'
import { restPart } from '../http/api/rest.ts'
import { HttpAuth, requestUrl } from '../http/nip98.ts'
import { pagePart } from '../http/page.ts'
import { type HttpHandler, type HttpPart, httpHandler } from '../http/routing.ts'
import { upstreamInformation } from '../relays/proxy/upstream-information.ts'
import { mergedInformation, standaloneInformation } from '../relays/server/relay-information.ts'
import type { RelayListRelay } from '../relays/standalone/relay-list-relay.ts'
import type { Settings } from './settings-schema.ts'

export interface ServingHttp {
  readonly settings: Settings
  readonly gateway: KeyPackageGateway
  readonly store: KeyPackageStore
  readonly verifyEvent: VerifyEvent
  /** The relay behind the gateway, if that is this server. */
  readonly relayLists: RelayListRelay | undefined
  readonly log: Logger
  readonly version: string
}

/** On the public port; what it does not take is the relay's. */
export function publicHttp(serving: ServingHttp): HttpHandler {
  const { settings, gateway, store, verifyEvent, relayLists, log, version } = serving
  const { upstream, custody, proxy, publicUrl, server: options } = settings
  const isTakenHere = custody === 'gateway' && proxy.publish === 'here'
  const base = upstream === undefined ? '' : settings.http.path
  return httpHandler([
    restPart({
      base,
      gateway,
      auth: new HttpAuth({ store, verifyEvent, now: () => Math.floor(Date.now() / 1000) }),
      urlsOf: (request) => [requestUrl(request, publicUrl)].flatMap((url) => url ?? []),
      maxBodyBytes: options.maxMessageBytes,
      maxConnections: options.maxConnections,
      information: async () =>
        upstream === undefined
          ? standaloneInformation({ gateway, options, version })
          : mergedInformation(await upstreamInformation(upstream), { gateway, options }),
      publishing: isTakenHere ? 'gateway' : 'relay',
      relayLists: relayLists && ((message) => relayLists.ask(message)),
      log,
      version,
    }),
    pagePart({ base, view: 'person' }),
  ])
}

/** On the operator's listener, besides metrics, health and the data of the operator's page. */
export function operatorParts(): readonly HttpPart[] {
  return [pagePart({ base: '', view: 'operator' })]
}
