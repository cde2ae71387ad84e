/** The machine-readable parts of the gateway's messages. They are written and parsed only in this file. */

/** What a client can read from the reason of an OK, CLOSED or NOTICE. */
export interface ParsedRefusal {
  /** The machine-readable prefix (NIP-01), such as `rate-limited`; empty if there is none. */
  readonly prefix: string
  /** The whole message. */
  readonly message: string
  /** Seconds to wait before trying again. */
  readonly retryAfterSeconds?: number
  /** To how many of the requested authors the message applies, if not to all of them. */
  readonly limitedAuthors?: number
  /** How many authors one query may name. */
  readonly maxAuthors?: number
}

/** How often a shared package was delivered. */
export interface Exposure {
  /** Number of requests that received it. */
  readonly requests: number
  /** When it was first delivered, in seconds since the epoch. */
  readonly since: number
}

/** @param seconds a whole number */
export function withRetryAfter(reason: string, seconds: number): string {
  return `${reason}; try again in ${seconds} s`
}

/** Says that a reason applies to `limited` of the `requested` authors only. */
export function forSomeAuthors(limited: number, requested: number, reason: string): string {
  return `${limited} of ${requested} authors: ${reason}`
}

export function atMostAuthors(maxAuthors: number): string {
  return `at most ${maxAuthors} authors per key package query`
}

/** Reads the message of any relay; what it does not say is absent from the result. */
export function parseRefusal(message: string): ParsedRefusal {
  const retryAfterSeconds = numberIn(message, /\btry again in (\d{1,9}) s$/)
  const limitedAuthors = numberIn(message, /^[a-z-]+: (\d{1,9}) of \d{1,9} authors\b/)
  const maxAuthors = numberIn(message, /\bat most (\d{1,9}) authors\b/)
  return {
    prefix: /^([a-z][a-z-]*): /.exec(message)?.[1] ?? '',
    message,
    ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
    ...(limitedAuthors !== undefined && { limitedAuthors }),
    ...(maxAuthors !== undefined && { maxAuthors }),
  }
}

/** The NOTICE that tells an owner which packages, by event id, were delivered as the shared one. */
export function exposureNotice(exposures: ReadonlyMap<string, Exposure>): string {
  const packages = [...exposures].map(
    ([id, { requests, since }]) => `${id} to ${requests} requests since ${since}`,
  )
  return `exposed: handed out as the shared key package: ${packages.join(', ')}`
}

/** The exposures by event id; empty for any other NOTICE. */
export function parseExposureNotice(notice: string): Map<string, Exposure> {
  if (!notice.startsWith('exposed: ')) return new Map()
  const packages = notice.matchAll(/([0-9a-f]{64}) to (\d{1,15}) requests since (\d{1,15})/g)
  return new Map(
    [...packages].map(([, id = '', requests, since]) => [
      id,
      { requests: Number(requests), since: Number(since) },
    ]),
  )
}

function numberIn(text: string, pattern: RegExp): number | undefined {
  const digits = pattern.exec(text)?.[1]
  return digits === undefined ? undefined : Number(digits)
}
