/** What `serve` answers over HTTP: on the public port, and on the operator's listener. */

import { type HttpHandler, type HttpPart, httpHandler } from '../http/routing.ts'

/** On the public port; what it does not take is the relay's. */
export function publicHttp(): HttpHandler {
  return httpHandler([])
}

/** On the operator's listener, besides metrics, health and the data of the operator's page. */
export function operatorParts(): readonly HttpPart[] {
  return []
}
