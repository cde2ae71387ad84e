/** Parses Redis addresses: the servers, their topology, the credentials and the key prefix. */

import { StoreError } from '../../../plugin/store.ts'

export interface HostAndPort {
  readonly host: string
  readonly port: number
}

/** A single server, a master that Sentinel reports, or a cluster. */
type Topology =
  | { readonly kind: 'single'; readonly database: number }
  | { readonly kind: 'sentinel'; readonly name: string; readonly database: number }
  | { readonly kind: 'cluster' }

export interface RedisAddress {
  readonly topology: Topology
  /** The server, the Sentinels, or some nodes of the cluster. */
  readonly nodes: readonly [HostAndPort, ...HostAndPort[]]
  readonly tls: boolean
  readonly username?: string
  readonly password?: string
  /** Prepended to every key and channel. */
  readonly prefix: string
}

export const DEFAULT_PREFIX = 'kpg:'

const FORM =
  'redis://[user:password@]host[:port][/database], rediss://..., redis+sentinel://host:port,host:port/name[/database] ' +
  'or redis+cluster://host:port,host:port, each optionally with ?prefix=...'
const ADDRESS = /^(rediss?)(?:\+(sentinel|cluster))?:\/\/(?:([^/]*)@)?([^/?@]+)(\/[^?]*)?(?:\?(.*))?$/
const NODE = /^(?:\[([\da-fA-F:.]+)\]|([^[\]:]+))(?::(\d{1,5}))?$/
const DEFAULT_PORTS = { single: 6379, sentinel: 26_379, cluster: 6379 }

/**
 * Reads `redis://`, `rediss://` (TLS) and their `+sentinel` and `+cluster` forms. User, password and prefix are
 * percent-decoded.
 * @throws StoreError with the expected syntax; never with the password
 */
export function parseRedisAddress(text: string): RedisAddress {
  const [, scheme, kind = 'single', credentials, hosts = '', path = '', query = ''] = ADDRESS.exec(text) ?? []
  if (scheme === undefined) throw malformed('syntax error')
  const topology = topologyOf(kind, path.split('/').slice(1).filter(Boolean).map(decode))
  const [first, ...rest] = hosts.split(',').map((node) => nodeOf(node, DEFAULT_PORTS[topology.kind]))
  if (first === undefined) throw malformed('missing host')
  if (topology.kind === 'single' && rest.length > 0)
    throw malformed('several hosts require +sentinel or +cluster')
  return {
    topology,
    nodes: [first, ...rest],
    tls: scheme === 'rediss',
    ...credentialsOf(credentials),
    prefix: prefixOf(query),
  }
}

/** The address without user and password, for logs and errors. */
export function placeOf({ topology, nodes, tls }: RedisAddress): string {
  const scheme = (tls ? 'rediss' : 'redis') + (topology.kind === 'single' ? '' : `+${topology.kind}`)
  const name = topology.kind === 'sentinel' ? `/${topology.name}` : ''
  const database = topology.kind === 'cluster' ? '' : `/${topology.database}`
  return `${scheme}://${nodes.map(show).join(',')}${name}${database}`
}

function show({ host, port }: HostAndPort): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

function topologyOf(kind: string, path: readonly string[]): Topology {
  if (kind === 'cluster') {
    if (path.length > 0) throw malformed('a cluster has no databases')
    return { kind }
  }
  if (kind !== 'sentinel') return { kind: 'single', database: databaseOf(path) }
  const [name, ...rest] = path
  if (name === undefined) throw malformed('missing master name')
  return { kind, name, database: databaseOf(rest) }
}

function databaseOf([database = '0', ...more]: readonly string[]): number {
  if (!/^\d{1,5}$/.test(database) || more.length > 0) throw malformed('the database must be a number')
  return Number(database)
}

function nodeOf(text: string, defaultPort: number): HostAndPort {
  const [, ipv6, name, port] = NODE.exec(text) ?? []
  const host = ipv6 ?? name
  const number = port === undefined ? defaultPort : Number(port)
  if (host === undefined || number < 1 || number > 65_535)
    throw malformed('a host must be host:port or [IPv6]:port')
  return { host, port: number }
}

function credentialsOf(text: string | undefined): Pick<RedisAddress, 'username' | 'password'> {
  if (text === undefined || text === '') return {}
  const [username = '', ...rest] = text.split(':')
  if (rest.length === 0) throw malformed('credentials must be user:password or :password')
  const password = decode(rest.join(':'))
  return username === '' ? { password } : { username: decode(username), password }
}

function prefixOf(query: string): string {
  const parameters = new URLSearchParams(query)
  const unknown = [...parameters.keys()].find((key) => key !== 'prefix')
  if (unknown !== undefined) throw malformed(`unknown parameter ${unknown}`)
  const prefix = parameters.get('prefix') ?? DEFAULT_PREFIX
  // Braces are a hash tag: they would put every key on one node of a cluster.
  if (/[{}]/.test(prefix)) throw malformed('the prefix must not contain braces')
  return prefix
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw malformed('invalid percent-encoding')
  }
}

function malformed(why: string): StoreError {
  return new StoreError(`invalid Redis address: ${why}; expected ${FORM}`, { fault: 'configuration' })
}
