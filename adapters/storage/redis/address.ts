/** What an address of Redis says: where it is, how it is run, and who we are there. */

import { StoreError } from '../../../plugin/store-error.ts'

interface HostAndPort {
  readonly host: string
  readonly port: number
}

/** How the servers are run: one, one of several that Sentinel names, or a cluster. */
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
  /** Put before every key and channel. */
  readonly prefix: string
}

export const DEFAULT_PREFIX = 'kpg:'

const FORM =
  'redis://[user:password@]host[:port][/database], rediss://..., redis+sentinel://host:port,host:port/name[/database] ' +
  'or redis+cluster://host:port,host:port, each with ?prefix=... where wanted'
const ADDRESS = /^(rediss?)(?:\+(sentinel|cluster))?:\/\/(?:([^/]*)@)?([^/?@]+)(\/[^?]*)?(?:\?(.*))?$/
const NODE = /^(?:\[([\da-fA-F:.]+)\]|([^[\]:]+))(?::(\d{1,5}))?$/
const DEFAULT_PORTS = { single: 6379, sentinel: 26_379, cluster: 6379 }

/**
 * Reads `redis://`, `rediss://` (TLS) and their `+sentinel` and `+cluster` forms. User, password and prefix are
 * percent-decoded.
 * @throws StoreError saying what an address looks like; never with the password
 */
export function parseRedisAddress(text: string): RedisAddress {
  const [, scheme, kind = 'single', credentials, hosts = '', path = '', query = ''] = ADDRESS.exec(text) ?? []
  if (scheme === undefined) throw malformed('it does not read as one')
  const topology = topologyOf(kind, path.split('/').slice(1).filter(Boolean).map(decode))
  const [first, ...rest] = hosts.split(',').map((node) => nodeOf(node, DEFAULT_PORTS[topology.kind]))
  if (first === undefined) throw malformed('it names no host')
  if (topology.kind === 'single' && rest.length > 0)
    throw malformed('several hosts are for +sentinel or +cluster')
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
  if (name === undefined) throw malformed('it lacks the name that the Sentinels know the master by')
  return { kind, name, database: databaseOf(rest) }
}

function databaseOf([database = '0', ...more]: readonly string[]): number {
  if (!/^\d{1,5}$/.test(database) || more.length > 0) throw malformed('a database is a number')
  return Number(database)
}

function nodeOf(text: string, defaultPort: number): HostAndPort {
  const [, ipv6, name, port] = NODE.exec(text) ?? []
  const host = ipv6 ?? name
  const number = port === undefined ? defaultPort : Number(port)
  if (host === undefined || number < 1 || number > 65_535)
    throw malformed('a host is host:port or [IPv6]:port')
  return { host, port: number }
}

function credentialsOf(text: string | undefined): Pick<RedisAddress, 'username' | 'password'> {
  if (text === undefined || text === '') return {}
  const [username = '', ...rest] = text.split(':')
  if (rest.length === 0) throw malformed('the part before @ is user:password or :password')
  const password = decode(rest.join(':'))
  return username === '' ? { password } : { username: decode(username), password }
}

function prefixOf(query: string): string {
  const parameters = new URLSearchParams(query)
  const unknown = [...parameters.keys()].find((key) => key !== 'prefix')
  if (unknown !== undefined) throw malformed(`there is no parameter ${unknown}`)
  const prefix = parameters.get('prefix') ?? DEFAULT_PREFIX
  // Braces in a prefix would decide the slot of every key, and put a whole directory on one node of a cluster.
  if (/[{}]/.test(prefix)) throw malformed('a prefix has no braces')
  return prefix
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw malformed('a % in it is not followed by two hex digits')
  }
}

function malformed(why: string): StoreError {
  return new StoreError(`not an address of Redis: ${why}; it takes ${FORM}`)
}
