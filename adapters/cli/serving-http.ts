/** What `serve` answers over HTTP: on the public port, and on the operator's listener. */

import { auditTo } from '../../plugin/audit.ts'
import type { Logger } from '../../plugin/context.ts'
import type { GatewaySettings, KeyPackageGateway } from '../../plugin/gateway.ts'
import type { KeyPackageStore } from '../../plugin/store.ts'
import type { VerifyEvent } from '../../plugin/verification.ts'
import { adminPubkeys } from '../http/http-options.ts'
import { Nip86 } from '../http/nip86/nip86.ts'
import { HttpAuth } from '../http/nip98.ts'
import { operatorAccess } from '../http/operator-access.ts'
import { type HttpHandler, type HttpPart, httpHandler } from '../http/routing.ts'
import { askUpstream } from '../relays/proxy/upstream-http.ts'
import type { Settings } from './settings-schema.ts'

export interface ServingHttp {
  readonly settings: Settings
  readonly gateway: KeyPackageGateway
  readonly store: KeyPackageStore
  readonly verifyEvent: VerifyEvent
  readonly log: Logger
  readonly audit?: GatewaySettings['audit']
}

/** On the public port; what it does not take is the relay's. */
export function publicHttp(serving: ServingHttp): HttpHandler {
  const { admin, upstream } = serving.settings
  // Without admins here, the relay behind answers as if nobody were in front of it.
  const isManaged = admin.pubkeys.length > 0 || upstream === undefined
  return httpHandler(isManaged ? [managementOf(serving).part('public')] : [])
}

/** On the operator's listener, besides metrics, health and the data of the operator's page. */
export function operatorParts(serving: ServingHttp): readonly HttpPart[] {
  return [operatorAccess(serving.gateway), managementOf(serving).part('operator')]
}

/** The NIPs that the public port supports besides the relay's, for its NIP-11 document. */
export function httpNips({ admin }: Settings): readonly number[] {
  return admin.pubkeys.length > 0 ? [86, 98] : []
}

function managementOf({ settings, gateway, store, verifyEvent, log, audit }: ServingHttp): Nip86 {
  const { upstream, publicUrl, admin } = settings
  const now = () => Math.floor(Date.now() / 1000)
  return new Nip86({
    gateway,
    auth: new HttpAuth({ store, now, verifyEvent }),
    admins: adminPubkeys(admin),
    publicUrl,
    now,
    askRelay: upstream === undefined ? undefined : (request) => askUpstream(upstream, request),
    log,
    audit: auditTo(audit, now, log),
  })
}
