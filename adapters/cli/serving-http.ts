/** What `serve` answers over HTTP: on the public port, and on the operator's listener. */

import type { Logger } from 'pino'
import { auditTo } from '../../plugin/audit.ts'
import type { GatewaySettings, KeyPackageGateway } from '../../plugin/gateway.ts'
import { adminPubkeys } from '../http/http-options.ts'
import { Nip86 } from '../http/nip86/nip86.ts'
import { HttpAuth } from '../http/nip98.ts'
import { operatorAccess } from '../http/operator-access.ts'
import { type HttpHandler, type HttpPart, httpHandler } from '../http/routing.ts'
import { askUpstream } from '../relays/proxy/upstream-http.ts'
import type { Settings } from './settings-schema.ts'

export interface HttpDependencies extends Required<Pick<GatewaySettings, 'store' | 'verifyEvent'>> {
  readonly gateway: KeyPackageGateway
  readonly settings: Settings
  readonly log: Logger
  readonly audit?: GatewaySettings['audit']
}

export interface ServedHttp {
  /** On the public port; what it does not take is the relay's. */
  readonly onPublicPort: HttpHandler
  /** On the operator's listener. */
  readonly operatorParts: readonly HttpPart[]
  /** The NIPs that it supports. */
  readonly nips: readonly number[]
}

/** @throws SettingsError for a pubkey that is none */
export function servedHttp(dependencies: HttpDependencies): ServedHttp {
  const { gateway, store, verifyEvent, settings, log, audit } = dependencies
  const { upstream, publicUrl, admin } = settings
  const now = () => Math.floor(Date.now() / 1000)
  const auth = new HttpAuth({ store, now, verifyEvent })
  const admins = adminPubkeys(admin)
  const askRelay =
    upstream === undefined
      ? undefined
      : (request: Parameters<typeof askUpstream>[1]) => askUpstream(upstream, request)
  const nip86 = new Nip86({
    gateway,
    auth,
    admins,
    publicUrl,
    now,
    askRelay,
    log,
    audit: auditTo(audit, now, log),
  })
  // Without admins here, the relay behind answers as if nobody were in front of it.
  const isManaged = admins.size > 0 || upstream === undefined
  return {
    onPublicPort: httpHandler(isManaged ? [nip86.part('public')] : []),
    operatorParts: [nip86.part('operator'), operatorAccess(gateway)],
    nips: admins.size > 0 ? [86, 98] : [98],
  }
}
