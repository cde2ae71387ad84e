/** What a NOTICE, a CLOSED or an OK says when something was refused (NIP-01), and how the gateway words it. */

export interface Refusal {
  /** The machine-readable prefix, such as `rate-limited`; empty where there is none. */
  readonly prefix: string
  readonly message: string
  /** Until it may be tried again, where the relay says so. */
  readonly retryAfterSeconds?: number
  /** Of how many authors it speaks, where it speaks of some alone. */
  readonly limitedAuthors?: number
  /** How many authors a query may name, where that is what is wrong. */
  readonly mostAuthors?: number
}

/** What a relay sent as its words; nothing where they are none. */
export function wordsOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

export function parseRefusal(message: string): Refusal {
  const retryAfterSeconds = numberIn(message, /try again in (\d{1,9}) s\b/)
  const limitedAuthors = numberIn(message, /: (\d{1,9}) of \d+ authors\b/)
  const mostAuthors = numberIn(message, /\bat most (\d{1,9}) authors\b/)
  return {
    prefix: /^([a-z][a-z-]*): /.exec(message)?.[1] ?? '',
    message,
    ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
    ...(limitedAuthors !== undefined && { limitedAuthors }),
    ...(mostAuthors !== undefined && { mostAuthors }),
  }
}

function numberIn(text: string, pattern: RegExp): number | undefined {
  const digits = pattern.exec(text)?.[1]
  return digits === undefined ? undefined : Number(digits)
}
