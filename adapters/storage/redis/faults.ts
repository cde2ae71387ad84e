/** What is wrong with Redis, in words an operator can act on; said once when it begins, and once when it is over. */

import type { Logger } from '../../../plugin/context.ts'

/** A kind of trouble and what to do about it. */
export interface Fault {
  readonly code: string
  readonly advice: string
}

/** What is known before the next try to connect says why there is none. */
export const NO_CONNECTION = 'NOCONNECTION'

/** An end of the connection, whose reason comes with the next try; it is the reason itself where that ends like this too. */
const CLOSED: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE'])

/** By the first word of what Redis answers, or the code of the system's error. */
const ADVICE: Readonly<Record<string, string>> = {
  READONLY: 'it is a read-only replica: use the address of its master, or Sentinel',
  LOADING: 'it is loading its data, and will be there when that is done',
  MASTERDOWN: 'it is a replica that has lost its master',
  CLUSTERDOWN: 'a part of the cluster has no master: start its node, or wait for a replica to take over',
  TRYAGAIN: 'a part of the cluster is on the move',
  MOVED: 'a part of the cluster has just moved to another node',
  OOM: 'it has reached maxmemory: raise it, or free some; it must not evict (maxmemory-policy noeviction)',
  MISCONF: 'it cannot write to its disk, and refuses changes until it can',
  BUSY: 'a script of somebody else keeps it busy',
  NOREPLICAS:
    'too few replicas have what is written: start them, or ask for fewer (redis.wait, min-replicas-to-write)',
  NOAUTH: 'it wants a password: give it as redis://user:password@host',
  WRONGPASS: 'it refuses this user and password',
  WRONGTYPE:
    'a key is not what it should be: something else writes under the same prefix, give each its own (?prefix=...)',
  NOPERM:
    'this user may not do what is needed: grant it all keys and channels under the prefix, and +@all -@dangerous +info ' +
    '(on a cluster also +cluster|slots +cluster|info)',
  CROSSED: 'an answer to another call came: all connections to it are made anew',
  ECONNREFUSED: 'nothing listens there: start it, or mend the address',
  ENOTFOUND: 'no such host: mend the address',
  EAI_AGAIN: 'the name of its host cannot be looked up now',
  ECONNRESET: 'it closed the connection',
  EPIPE: 'it closed the connection',
  ETIMEDOUT: 'it does not answer',
  EHOSTUNREACH: 'there is no way to its host',
  ENETUNREACH: 'there is no way to its host',
  UNTRUSTED: 'its certificate is not trusted: name the file of its authority in NODE_EXTRA_CA_CERTS',
  NODATABASE: 'it has no database of that number',
  NOCLUSTER: 'it is not part of a cluster: use redis://',
  NOSENTINEL: 'no Sentinel answers, or none knows a master of that name',
  [NO_CONNECTION]: 'there is no connection to it',
}

/** The sentences that come without such a word, most of them the client's own. */
const SENTENCES: readonly (readonly [words: RegExp, code: string])[] = [
  [/^(ERR )?(The user executing the script|ACL failure in script)/, 'NOPERM'],
  [/DB index is out of range/, 'NODATABASE'],
  [/cluster support disabled/, 'NOCLUSTER'],
  [/sentinels are unreachable/, 'NOSENTINEL'],
  [/certificate|altname/i, 'UNTRUSTED'],
  [/timeout|timed out|ETIMEDOUT/i, 'ETIMEDOUT'],
  [/closed?|writeable|ready|max retries|redirections|startup nodes|slots cache/i, NO_CONNECTION],
]

/** What an error of the client means. Its own text is not passed on where it could hold what was sent (I4). */
export function faultOf(error: unknown): Fault {
  const { code, message: worded } = detailsOf(error)
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

/** What a script met, without the script's name and lines: Redis 6.2 puts them before it, and 7.0 behind. */
function unwrapped(message: string): string {
  return message
    .replace(/^ERR Error running script \(call to \w+\): /, '')
    .replace(/^(@user_script: ?\d+: )+-?/, '')
    .replace(/ script: \w+, on @user_script:\d+\.\s*$/, '')
    .trim()
}

/** An error with all there is to know; one that stands for several, as of a name with two addresses, by its first. */
function detailsOf(error: unknown): { code: string; message: string } {
  const inner = (error as { lastNodeError?: unknown; errors?: readonly unknown[] } | undefined) ?? {}
  const deeper = inner.lastNodeError ?? inner.errors?.[0]
  if (deeper !== undefined) return detailsOf(deeper)
  const { code, message } = error as { code?: unknown; message?: unknown }
  return { code: typeof code === 'string' ? code : '', message: String(message ?? '') }
}

/** Says what is wrong with one connection, once, and when that is over. */
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

  /** Whether something is wrong. */
  get isOpen(): boolean {
    return this.#since !== undefined
  }

  /** Each kind of fault is said once in one outage. That there is no connection waits for the reason, which comes with the next try. */
  begin({ code, advice }: Fault): void {
    this.#since ??= performance.now()
    if (this.#said.has(code) || code === NO_CONNECTION) return
    if (CLOSED.has(code) && !this.#wasTriedAgain) return
    this.#said.add(code)
    this.#log.error({ redis: this.#place, fault: code }, `key packages are unavailable: Redis: ${advice}`)
  }

  /** Something is still wrong when it was tried again. */
  goOn(): void {
    this.#wasTriedAgain = true
  }

  end(): void {
    if (this.#since === undefined) return
    const fields = { redis: this.#place, seconds: Math.round((performance.now() - this.#since) / 100) / 10 }
    if (this.#said.size > 0) this.#log.info(fields, 'key packages are available again: Redis answers')
    else this.#log.warn(fields, 'the connection to Redis was lost, and is back')
    this.#since = undefined
    this.#wasTriedAgain = false
    this.#said.clear()
  }
}
