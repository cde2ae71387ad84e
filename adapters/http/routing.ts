/** Which part of the HTTP interface answers a request: each in turn says whether it has taken it. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import { readRequestTarget } from '../../plugin/request-target.ts'

type Tolerance = 'tolerated' | 'too many'

/** A client beside all others of the server, those of WebSockets included (I9). */
interface HttpClient {
  /** Whether its address is kept out for a while, for wrong signatures. */
  isKeptOut(): boolean
  /** Counts a wrong signature. `too many`: nothing more of this request is to be looked at. */
  countWrongSignature(): Tolerance | Promise<Tolerance>
  /** Resolves when it is its turn to have so many bytes handled. */
  turn(bytes: number): Promise<void>
}

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
  /** Absent where there are no others. */
  readonly client?: HttpClient | undefined
}

/** Part of the HTTP interface. True: it has taken the request, and answers it. False: it has touched neither side. */
export type HttpPart = (exchange: Exchange) => boolean

/** What a listener asks before it answers a request itself. False: it has to, and likewise once `pass` is called. */
export type HttpHandler = (
  request: IncomingMessage,
  response: ServerResponse,
  address: string,
  pass: () => void,
  client?: HttpClient,
) => boolean

/** Asks the parts in order. A request target that is not a path is no part's. */
export function httpHandler(parts: readonly HttpPart[]): HttpHandler {
  return (request, response, address, pass, client) => {
    const target = readRequestTarget(request.url ?? '')
    if (target.form !== 'path') return false
    const exchange = { request, response, path: target.path, address, pass, client }
    return parts.some((part) => part(exchange))
  }
}
