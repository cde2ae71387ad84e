/** Reads the body of a request: no more bytes than allowed, and no longer than a client needs to send them (I9). */

import type { IncomingMessage } from 'node:http'
import { Refusal } from '../../plugin/nostr/refusal.ts'
import { type Problem, problemOf } from './problem.ts'

/** A client that has not sent its body by then is not sending it. */
const MAX_MS = 10_000

export interface BodyLimits {
  readonly maxBytes: number
  /** 10,000 by default. */
  readonly maxMs?: number
}

/**
 * - `read`: all of it; empty if the request has none.
 * - `too large`: longer than `maxBytes`, or it says that it will be.
 * - `too slow`: not complete after `maxMs`.
 * - `encoded`: compressed, which nothing here needs, and which hides its length.
 * - `gone`: the client has closed the connection.
 */
export type Body =
  | { readonly outcome: 'read'; readonly body: Buffer }
  | { readonly outcome: BodyFault | 'gone' }

type BodyFault = 'too large' | 'too slow' | 'encoded'

/**
 * Never rejects. What is too large is discarded as it comes, until its end or until the time is up: if the connection were closed
 * before that, a client that is still sending would not read the answer.
 */
export function readBody(request: IncomingMessage, { maxBytes, maxMs = MAX_MS }: BodyLimits): Promise<Body> {
  if ((request.headers['content-encoding'] ?? 'identity') !== 'identity')
    return Promise.resolve({ outcome: 'encoded' })
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    let size = 0
    const take = (chunk: Buffer) => {
      size += chunk.length
      if (size <= maxBytes) chunks.push(chunk)
      else chunks.length = 0
    }
    const settle = (body: Body) => {
      clearTimeout(deadline)
      request.off('data', take).off('end', finish).off('close', leave)
      request.resume()
      resolve(body)
    }
    const tooLarge: Body = { outcome: 'too large' }
    const finish = () => settle(size > maxBytes ? tooLarge : { outcome: 'read', body: Buffer.concat(chunks) })
    const leave = () => settle({ outcome: 'gone' })
    const deadline = setTimeout(() => settle(size > maxBytes ? tooLarge : { outcome: 'too slow' }), maxMs)
    // The listener for errors stays: a client that leaves later must not end the process.
    request.on('data', take).on('end', finish).on('close', leave).on('error', leave)
  })
}

const faults = {
  'too large': [413, 'the body is too large'],
  'too slow': [408, 'the body did not arrive in time'],
  encoded: [415, 'the body must not be compressed'],
} as const satisfies Record<BodyFault, readonly [status: number, reason: string]>

/** What the client is told. */
export function bodyProblem(fault: BodyFault): Problem {
  const [status, reason] = faults[fault]
  return problemOf(new Refusal('invalid', reason), status)
}
