/** Why a request is refused: in the words of the gateway's own answers, or with a status that HTTP has for it. */

import type { Logger } from '../../../plugin/context.ts'
import { parseRefusal } from '../../../plugin/nostr/machine-readable.ts'
import type { RelayMessage } from '../../../plugin/nostr/messages.ts'
import { REFUSAL_PREFIXES, Refusal, type RefusalPrefix, UNAVAILABLE } from '../../../plugin/nostr/refusal.ts'
import { type Problem, problemOf } from '../problem.ts'

/** Thrown to answer with a problem whose status does not follow from its prefix. A `Refusal` is thrown for all others. */
export class RequestRefused extends Error {
  override readonly name = 'RequestRefused'
  readonly problem: Problem
  readonly headers: Readonly<Record<string, string>>

  constructor(problem: Problem, headers: Readonly<Record<string, string>> = {}) {
    super(problem.detail)
    this.problem = problem
    this.headers = headers
  }
}

/** The same, for a status and a sentence. */
export function refuse(status: number, prefix: RefusalPrefix, reason: string): RequestRefused {
  return new RequestRefused(problemOf(new Refusal(prefix, reason), status))
}

/** The refusal in the words of an OK or CLOSED. */
export function refusalIn(message: string): Refusal {
  const prefix = REFUSAL_PREFIXES.find((known) => message.startsWith(`${known}: `)) ?? 'error'
  return new Refusal(prefix, message.replace(`${prefix}: `, ''))
}

/** @throws Refusal in the words of the CLOSED, if the whole message was refused */
export function throwIfClosed(replies: readonly RelayMessage[]): void {
  const closed = replies.findLast(([verb]) => verb === 'CLOSED')
  if (closed !== undefined) throw refusalIn(String(closed[2]))
}

/** In how many seconds a request can be made again (RFC 9110 section 10.2.3); none if its refusal does not say. */
export function retryAfter(message: string): Readonly<Record<string, string>> {
  const { retryAfterSeconds } = parseRefusal(message)
  return retryAfterSeconds === undefined ? {} : { 'retry-after': `${retryAfterSeconds}` }
}

/** What an operation of the gateway resolves to; if the store rejects, the refusal that says so, and the reason in the log (I7). */
export async function fromStore<Result>(
  log: Pick<Logger, 'error'>,
  answer: () => Promise<Result>,
): Promise<Result> {
  try {
    return await answer()
  } catch (error) {
    if (error instanceof Refusal) throw error
    log.error({ err: error }, 'the store failed to answer an HTTP request')
    throw new Refusal('error', UNAVAILABLE)
  }
}
