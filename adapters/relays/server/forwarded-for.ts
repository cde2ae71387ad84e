/** Whom a reverse proxy names as its client, in one of the three headers that are in use. */

import type { IncomingHttpHeaders } from 'node:http'

/** The headers, in the order in which they are looked for where the settings name none. */
export const ADDRESS_HEADERS = ['x-forwarded-for', 'forwarded', 'x-real-ip'] as const

export type AddressHeader = (typeof ADDRESS_HEADERS)[number]

export interface ForwardedFor {
  readonly header: AddressHeader
  /** What each proxy on the way wrote about its client; the last hop is first. */
  readonly hops: readonly string[]
}

/** What one header says; undefined where the request does not have it. */
export function forwardedFor(headers: IncomingHttpHeaders, header: AddressHeader): ForwardedFor | undefined {
  const text = headerText(headers[header])
  if (text.trim() === '') return undefined
  if (header === 'x-real-ip') return { header, hops: [text.trim()] }
  if (header === 'forwarded') return { header, hops: splitFromEnd(text, ',').map(nodeOf) }
  const hops = text.split(',').map((hop) => hop.trim())
  return { header, hops: hops.reverse() }
}

/** RFC 7239 section 5.2: a `for` parameter is optional. `unknown` is the word for it (section 6.2). */
const UNKNOWN = 'unknown'

/** The value of the `for` parameter of one element (RFC 7239 section 4), without its quotes. */
function nodeOf(element: string): string {
  const values = splitFromEnd(element, ';').flatMap(forIn)
  const [value = UNKNOWN] = values
  // Nobody can say which of two is meant.
  if (values.length > 1) return element.trim()
  return value.replace(/^"(.*)"$/s, '$1').replace(/\\(.)/gs, '$1')
}

function forIn(pair: string): string[] {
  const equals = pair.indexOf('=')
  const name = pair.slice(0, equals).trim().toLowerCase()
  return equals > 0 && name === 'for' ? [pair.slice(equals + 1).trim()] : []
}

/**
 * The parts of a text between separators that are not in quotes; the last is first. It is read from the end, where the proxies
 * write: a quote that a client opened and left open must not swallow what they wrote after it.
 */
function splitFromEnd(text: string, separator: ',' | ';'): string[] {
  const parts: string[] = []
  let end = text.length
  let isQuoted = false
  for (let at = text.length - 1; at >= 0; at -= 1) {
    if (text[at] === '"' && !isEscaped(text, at)) isQuoted = !isQuoted
    if (text[at] !== separator || isQuoted) continue
    parts.push(text.slice(at + 1, end))
    end = at
  }
  return [...parts, text.slice(0, end)]
}

function isEscaped(text: string, quote: number): boolean {
  let at = quote - 1
  while (text[at] === '\\') at -= 1
  return (quote - at) % 2 === 0
}

function headerText(header: string | readonly string[] | undefined): string {
  return typeof header === 'string' ? header : (header?.join(',') ?? '')
}
