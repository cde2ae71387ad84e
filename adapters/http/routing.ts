/** Which part of the HTTP interface answers a request: each in turn says whether it has taken it. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import { readRequestTarget } from '../../plugin/request-target.ts'

/** One request, and where its answer goes. */
export interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** The path of the request target, without its query and with no dot segments; it starts with `/`. */
  readonly path: string
  /** The client's network address, for quotas and access rules. */
  readonly address: string
  /** Has the relay answer a request after all that a part has taken, and whose body it has not read. */
  readonly pass: () => void
}

/** Part of the HTTP interface. True: it has taken the request, and answers it. False: it has touched neither side. */
export type HttpPart = (exchange: Exchange) => boolean

/** What a listener asks before it answers a request itself. False: it has to, and likewise once `pass` is called. */
export type HttpHandler = (
  request: IncomingMessage,
  response: ServerResponse,
  address: string,
  pass: () => void,
) => boolean

/** Asks the parts in order. A request target that is not a path is no part's. */
export function httpHandler(parts: readonly HttpPart[]): HttpHandler {
  return (request, response, address, pass) => {
    const target = readRequestTarget(request.url ?? '')
    if (target.form !== 'path') return false
    const exchange = { request, response, path: target.path, address, pass }
    return parts.some((part) => part(exchange))
  }
}
