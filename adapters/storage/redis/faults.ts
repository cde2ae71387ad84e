/** Translates Redis failures into messages an operator can act on, and logs each outage when it begins and when it ends. */

import type { Logger } from '../../../plugin/context.ts'
import type { StoreFault } from '../../../plugin/store.ts'

/** A kind of failure and what to do about it. */
export interface Fault {
  readonly code: string
  readonly advice: string
}

/** Not connected, reason unknown: the next connection attempt reports the reason. */
export const NO_CONNECTION = 'NOCONNECTION'

/** The connection ended. The next attempt usually reports why; if it ends the same way, this is the reason. */
const CLOSED: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE'])

/** By the first word of the Redis error, or the system error code. */
const ADVICE: Readonly<Record<string, string>> = {
  READONLY: 'read-only replica: use the address of the master, or Sentinel',
  LOADING: 'the server is loading its data',
  MASTERDOWN: 'the replica has lost its master',
  CLUSTERDOWN: 'some hash slots have no master: start the node, or wait for a replica to take over',
  TRYAGAIN: 'a hash slot is migrating',
  MOVED: 'a hash slot has moved to another node',
  OOM: 'maxmemory reached: raise it or free memory, and keep maxmemory-policy noeviction',
  MISCONF: 'the server cannot write to disk and refuses changes until it can',
  BUSY: 'the server is busy running the script of another client',
  NOREPLICAS: 'too few replicas: start more, or require fewer (redis.wait, min-replicas-to-write)',
  NOAUTH: 'authentication required: use redis://user:password@host',
  WRONGPASS: 'wrong user or password',
  WRONGTYPE:
    'unexpected data in a key: another program writes under the same prefix; use separate prefixes (?prefix=...)',
  NOPERM:
    'permission denied: grant the user the commands, and the keys and channels under the prefix, that are in ' +
    'examples/redis/users.acl of this package',
  CROSSED: 'received the reply to a different call: reconnecting',
  ECONNREFUSED: 'connection refused: start the server, or check the address',
  ENOTFOUND: 'host not found: check the address',
  EAI_AGAIN: 'temporary failure in host name lookup',
  ECONNRESET: 'connection closed by the server',
  EPIPE: 'connection closed by the server',
  ETIMEDOUT: 'no response from the server (timeout)',
  EHOSTUNREACH: 'no route to host',
  ENETUNREACH: 'no route to host',
  UNTRUSTED: 'TLS certificate not trusted: for a private CA, set redis.tls.ca (or NODE_EXTRA_CA_CERTS)',
  ALTNAME:
    'the TLS certificate is for another host name: use that name in the address, or set redis.tls.servername to it',
  EXPIRED: 'the TLS certificate has expired, or is not valid yet',
  CLIENTCERT:
    'the server requires a client certificate of a CA that it trusts: set redis.tls.cert and redis.tls.key',
  NEEDSTLS: 'the server requires TLS on this port: use rediss://',
  NOTLS: 'the server does not use TLS on this port: use redis://',
  NODATABASE: 'database number out of range',
  NOCLUSTER: 'the server is not part of a cluster: use redis://',
  NOSENTINEL: 'no Sentinel reachable',
  NOMASTER: 'no Sentinel knows a master with that name: check the name in the address',
  [NO_CONNECTION]: 'not connected',
}

/** What is different where a Sentinel says it. */
const SENTINEL_ADVICE: Readonly<Record<string, string>> = {
  NOAUTH: 'authentication required: set redis.sentinel.password',
  WRONGPASS: 'wrong user or password: check redis.sentinel.username and redis.sentinel.password',
  NOPERM:
    'permission denied: grant the user allchannels +hello +auth +client +info +subscribe +sentinel|get-master-addr-by-name +sentinel|sentinels',
  NEEDSTLS: 'TLS required: set redis.sentinel.tls to on',
  NOTLS: 'no TLS on this port: set redis.sentinel.tls to off',
}

/** The codes of faults that do not end by themselves. All others may: hosts appear, failovers end, disks are emptied. */
const CONFIGURATION: ReadonlySet<string> = new Set([
  'NOAUTH',
  'WRONGPASS',
  'NOPERM',
  'UNTRUSTED',
  'ALTNAME',
  'EXPIRED',
  'CLIENTCERT',
  'NEEDSTLS',
  'NOTLS',
  'NODATABASE',
  'NOCLUSTER',
])

/** Messages without such a code, most of them from ioredis. */
const SENTENCES: readonly (readonly [words: RegExp, code: string])[] = [
  [/^(ERR )?(The user executing the script|ACL failure in script)/, 'NOPERM'],
  [/DB index is out of range/, 'NODATABASE'],
  [/cluster support disabled/, 'NOCLUSTER'],
  [/No such master/, 'NOMASTER'],
  [/altnames/, 'ALTNAME'],
  [/certificate (has expired|is not yet valid)/, 'EXPIRED'],
  [/certificate required|alert (unknown ca|bad certificate|handshake failure)/, 'CLIENTCERT'],
  [/wrong version number|packet length too long/, 'NOTLS'],
  [/certificate/i, 'UNTRUSTED'],
  [/timeout|timed out|ETIMEDOUT/i, 'ETIMEDOUT'],
  [/closed?|writeable|ready|max retries|redirections|startup nodes|slots cache/i, NO_CONNECTION],
]

/** What a client error means. Its text is shortened where it could contain the command that was sent (I4). */
export function faultOf(error: unknown): Fault {
  const { code, message: worded } = detailsOf(error)
  const [isAboutSentinels, last] = SENTINELS.exec(worded) ?? []
  if (isAboutSentinels !== undefined) return sentinelFaultOf(last)
  const message = unwrapped(worded)
  const [, word = ''] = /^([A-Z]+) /.exec(message) ?? []
  const named = SENTENCES.find(([words]) => words.test(message))?.[1]
  for (const name of [word, code, named ?? '']) {
    const advice = ADVICE[name]
    if (advice !== undefined) return { code: name, advice }
  }
  const advice = message.replace(/^ERR /, '').replace(/, with args.*/s, '')
  return { code: code || 'ERR', advice: advice.slice(0, 200) }
}

/** How ioredis says that it got no master from any Sentinel, and what the last one that it asked said. */
const SENTINELS = /sentinels are unreachable.*?(?:Last error: (.*))?$/s

/** Of the sentence about the last Sentinel; that its connection was closed does not say why. */
function sentinelFaultOf(last: string | undefined): Fault {
  const fault = faultOf({ message: last ?? '' })
  if (fault.code === 'NOMASTER') return fault
  const isVague = last === undefined || fault.code === NO_CONNECTION
  return isVague ? faultNamed('NOSENTINEL') : saidBySentinel(fault, 'a Sentinel')
}

/** What it means where a Sentinel says it, and not the server. */
export function saidBySentinel({ code, advice }: Fault, which: string): Fault {
  return { code, advice: `${which}: ${SENTINEL_ADVICE[code] ?? advice}` }
}

export function faultNamed(code: string): Fault {
  return { code, advice: ADVICE[code] ?? code }
}

/** Whether a fault may end by itself. */
export function lastingOf({ code }: Fault): StoreFault {
  return CONFIGURATION.has(code) ? 'configuration' : 'temporary'
}

/** The error inside a script, without the script name and line numbers: Redis 6.2 adds a prefix, 7.0 a suffix. */
function unwrapped(message: string): string {
  return message
    .replace(/^ERR Error running script \(call to \w+\): /, '')
    .replace(/^(@user_script: ?\d+: )+-?/, '')
    .replace(/ script: \w+, on @user_script:\d+\.\s*$/, '')
    .trim()
}

/** The code and message of an error; of an aggregate (such as a host with two addresses), those of the first. */
function detailsOf(error: unknown): { code: string; message: string } {
  const inner = (error as { lastNodeError?: unknown; errors?: readonly unknown[] } | undefined) ?? {}
  const deeper = inner.lastNodeError ?? inner.errors?.[0]
  if (deeper !== undefined) return detailsOf(deeper)
  const { code, message } = error as { code?: unknown; message?: unknown }
  return { code: typeof code === 'string' ? code : '', message: String(message ?? '') }
}

/** Logs the failures of one connection, once per outage, and its recovery. */
export class FaultLog {
  readonly #log: Logger
  readonly #place: string
  readonly #said = new Set<string>()
  #since: number | undefined
  #wasTriedAgain = false

  constructor(log: Logger, place: string) {
    this.#log = log
    this.#place = place
  }

  /** Whether there is an outage. */
  get isOpen(): boolean {
    return this.#since !== undefined
  }

  /** Logs each kind of fault once per outage. A missing connection is logged with its reason, after the next attempt. */
  begin({ code, advice }: Fault): void {
    this.#since ??= performance.now()
    if (this.#said.has(code) || code === NO_CONNECTION) return
    if (CLOSED.has(code) && !this.#wasTriedAgain) return
    this.#said.add(code)
    this.#log.error({ redis: this.#place, fault: code }, `key packages are unavailable: Redis: ${advice}`)
  }

  /** A retry has failed. */
  goOn(): void {
    this.#wasTriedAgain = true
  }

  end(): void {
    if (this.#since === undefined) return
    const fields = { redis: this.#place, seconds: Math.round((performance.now() - this.#since) / 100) / 10 }
    if (this.#said.size > 0) this.#log.info(fields, 'key packages are available again: Redis has recovered')
    else this.#log.warn(fields, 'the connection to Redis was lost and has been restored')
    this.#since = undefined
    this.#wasTriedAgain = false
    this.#said.clear()
  }
}
