/** What an HTTP request names: by its target (RFC 9112 section 3.2), read as every server behind may read it, and its Host. Pure. */

import { readAddress } from './network-address.ts'
import { readUrl } from './read-url.ts'

/**
 * - `path`: a path and its query, as WHATWG URL writes them: without dot segments, with a `/` in front. `authority` is the host
 *   (and port) of an absolute target, which counts in place of the Host header.
 * - `server`: the server as a whole (`*`, of an OPTIONS request).
 * - `invalid`: nothing that a server should answer.
 */
export type RequestTarget =
  | {
      readonly form: 'path'
      readonly path: string
      /** With its `?`, or empty. */
      readonly query: string
      readonly authority?: string
    }
  | { readonly form: 'server' | 'invalid' }

const INVALID: RequestTarget = { form: 'invalid' }
/** HTTP and WebSockets (RFC 6455 section 3). */
const ABSOLUTE = /^(?:https?|wss?):\/\/([^/?#\\]*)(.*)$/is

export function readRequestTarget(target: string): RequestTarget {
  if (target === '*') return { form: 'server' }
  if (target.startsWith('/')) return readPath(target)
  const [, authority, rest = ''] = ABSOLUTE.exec(target) ?? []
  if (authority === undefined || !isAuthority(authority)) return INVALID
  const read = readPath(rest.startsWith('/') ? rest : `/${rest}`)
  return read.form === 'path' ? { ...read, authority } : read
}

/**
 * Whether a Host header says no more than where the connection leads: `localhost`, or the local address. Nothing else in a Host
 * header is believed, because anybody can write one: another server could pass on what its users have signed for it.
 */
export function isLocalHost(host: string, localAddress: string | undefined): boolean {
  const { hostname } = readUrl(`http://${host}`) ?? {}
  if (hostname === undefined) return false
  if (hostname === 'localhost') return true
  const named = readAddress(hostname)
  return named !== undefined && named === readAddress(localAddress ?? '')
}

function readPath(target: string): RequestTarget {
  const [written = ''] = target.split(/[?#]/)
  const url = leavesItsPlace(written) ? undefined : readUrl(`http://localhost${target}`)
  return url === undefined ? INVALID : { form: 'path', path: url.pathname, query: url.search }
}

/**
 * Whether a path has a segment `..`, in any of the ways in which a server may read one: with escapes, escaped again, with
 * backslashes, or with parameters (RFC 3986 section 3.3). No client sends one: they resolve it first (section 5.2.4).
 */
function leavesItsPlace(path: string): boolean {
  const plain = path
    .replace(/%(?:25)+/g, '%')
    .replace(/%2e/gi, '.')
    .replace(/%2f|%5c|\\/gi, '/')
    .replace(/%3b/gi, ';')
  return plain.split('/').some((segment) => segment === '..' || segment.startsWith('..;'))
}

/** A host and a port, and no user (RFC 9110 section 4.2.4). */
function isAuthority(text: string): boolean {
  return text !== '' && !text.includes('@') && readUrl(`http://${text}/`)?.pathname === '/'
}
