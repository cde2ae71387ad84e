/** `GET /operator/access` on the operator's listener: who is banned, and who is allowed, for the operator's page. */

import type { KeyPackageGateway } from '../../plugin/gateway.ts'
import { Refusal } from '../../plugin/nostr/refusal.ts'
import { problemOf, sendProblem } from './problem.ts'
import type { HttpPart } from './routing.ts'

/** @param relayUrl what admins sign, so that a relay behind can be told of their changes too; undefined: the listener's own address */
export function operatorAccess(
  gateway: Pick<KeyPackageGateway, 'accessRules'>,
  relayUrl: string | undefined,
): HttpPart {
  return ({ request, response, path }) => {
    if (path !== '/operator/access') return false
    if (request.method !== 'GET') {
      sendProblem(response, problemOf(new Refusal('invalid', 'only GET is supported'), 405), { allow: 'GET' })
      return true
    }
    gateway.accessRules().then(
      (rules) => {
        const body = JSON.stringify({ rules, relayUrl })
        const length = Buffer.byteLength(body)
        response.writeHead(200, {
          'content-type': 'application/json',
          'content-length': length,
          'cache-control': 'no-store',
        })
        response.end(body)
      },
      () => sendProblem(response, problemOf(new Refusal('error', 'the store does not answer, try again'))),
    )
    return true
  }
}
