/** Who sent an HTTP request: the pubkey that signed its method, URL and body (NIP-98), once for each event. */

import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { shapeFault } from '../../plugin/nostr/event.ts'
import { type Pubkey, parseJson, type SignedEvent } from '../../plugin/nostr/messages.ts'
import { addressKey, forNetwork, networkKey } from '../../plugin/nostr/requester.ts'
import { readUrl } from '../../plugin/read-url.ts'
import { isLocalHost } from '../../plugin/request-target.ts'
import { alone, type CountedQuota, type Siblings } from '../../plugin/siblings.ts'
import type { KeyPackageStore } from '../../plugin/store.ts'
import { Verification, type VerifyEvent } from '../../plugin/verification.ts'

/** NIP-98: kind 27235, after RFC 7235. */
const HTTP_AUTH_KIND = 27_235
/** Maximum difference between created_at and now, in seconds. */
const MAX_AGE_SECONDS = 60
/**
 * An event is valid for twice `MAX_AGE_SECONDS`, and its id is remembered for longer: the clocks of two processes on one store
 * may differ.
 */
const ONE_USE = { max: 1, windowSeconds: 180 }
/** Each id that is remembered costs the store a write and some room, and a client can make any number of keys (I9). */
const PER_ADDRESS = { max: 600, windowSeconds: 60 }
/** Node.js reads no longer header by default. */
const MAX_TOKEN_LENGTH = 16_384
/** RFC 4648 section 4. `Buffer.from` skips other characters. */
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/

/** A request as far as its headers go. */
export interface SignedRequest {
  /** The Authorization header. */
  readonly authorization: string | undefined
  readonly method: string
  /** Absolute; the client must have signed one of them (`requestUrl`). None if this server does not know its own URL. */
  readonly urls: readonly string[]
  /** The client's network address: signatures are verified by address in turn (I9). */
  readonly address: string
  /** Called if the event's id or signature is wrong. It must not throw. */
  readonly onBadSignature?: () => void
}

/**
 * Who sent a request.
 * - `authenticated`: the owner of this pubkey has signed it, and it is used for the first time.
 * - `absent`: there is no NIP-98 authorisation.
 * - `refused`: there is one that is not valid; `reason` is a sentence for the client.
 * - `limited`: it is valid, but too many came from this address in a minute. It is not used up.
 * - `unavailable`: the store did not say whether it was used before.
 */
export type Authorisation =
  | { readonly outcome: 'authenticated'; readonly pubkey: Pubkey }
  | { readonly outcome: 'absent' }
  | { readonly outcome: 'refused'; readonly reason: string }
  | { readonly outcome: 'limited' }
  | { readonly outcome: 'unavailable' }

/** What the headers say alone. `complete` checks the body too, and uses the event up: call it once. */
export type Signature =
  | Extract<Authorisation, { outcome: 'absent' | 'refused' }>
  | {
      readonly outcome: 'signed'
      readonly pubkey: Pubkey
      complete(body: Buffer | undefined): Promise<Authorisation>
    }

export interface HttpAuthSettings {
  /** Where used ids are kept, so that no process on the same store accepts one again. */
  readonly store: Pick<KeyPackageStore, 'hit'>
  /** Seconds since the epoch. */
  readonly now: () => number
  readonly verifyEvent: VerifyEvent
  /** None by default. */
  readonly siblings?: Siblings
}

export class HttpAuth {
  readonly #store: Pick<KeyPackageStore, 'hit'>
  readonly #now: () => number
  readonly #verification: Verification
  readonly #byAddress: CountedQuota
  readonly #byNetwork: CountedQuota

  constructor({ store, now, verifyEvent, siblings = alone }: HttpAuthSettings) {
    this.#store = store
    this.#now = now
    this.#verification = new Verification(verifyEvent)
    this.#byAddress = siblings.quota('signed requests', PER_ADDRESS)
    this.#byNetwork = siblings.quota('signed requests of a network', forNetwork(PER_ADDRESS))
  }

  /** Checks everything but the body, so that only the bodies of those who have signed are read. Never rejects. */
  async examine(request: SignedRequest): Promise<Signature> {
    const token = tokenIn(request.authorization)
    if (token === undefined) return { outcome: 'absent' }
    if (request.urls.length === 0)
      return refused('this server does not know its own URL; its operator must set publicUrl')
    const event = eventIn(token)
    if (typeof event === 'string') return refused(event)
    const fault = this.#faultOf(event, request)
    if (fault !== undefined) return refused(fault)
    const address = addressKey(request.address)
    const signatory = { address, onBadSignature: request.onBadSignature }
    const isValid = await this.#verification.event(event, signatory).catch(() => false)
    if (!isValid) return refused('the event has a wrong id or signature')
    return {
      outcome: 'signed',
      pubkey: event.pubkey,
      complete: async (body) => {
        const mismatch = payloadFault(event, body ?? Buffer.alloc(0))
        if (mismatch !== undefined) return refused(mismatch)
        return (await this.#hasRoom(address)) ? this.#use(event) : { outcome: 'limited' }
      },
    }
  }

  #faultOf(event: SignedEvent, { method, urls }: SignedRequest): string | undefined {
    const { kind, created_at } = event
    if (kind !== HTTP_AUTH_KIND) return `the event must have kind ${HTTP_AUTH_KIND}`
    if (Math.abs(created_at - this.#now()) > MAX_AGE_SECONDS)
      return `created_at is more than ${MAX_AGE_SECONDS} seconds from now`
    const signedMethod = onlyTag(event, 'method')
    if (signedMethod === undefined) return 'the event must have one method tag'
    if (signedMethod.toUpperCase() !== method) return `the method tag must be ${method}`
    const signedUrl = onlyTag(event, 'u')
    if (signedUrl === undefined) return 'the event must have one u tag'
    const comparable = comparableUrl(signedUrl)
    if (comparable !== undefined && urls.some((one) => comparableUrl(one) === comparable)) return undefined
    return `the u tag must be ${urls.join(' or ')}`
  }

  async #hasRoom(address: string): Promise<boolean> {
    const network = networkKey(address)
    if (network !== undefined && !(await this.#byNetwork.take(network, this.#now()))) return false
    return this.#byAddress.take(address, this.#now())
  }

  async #use({ id, pubkey }: SignedEvent): Promise<Authorisation> {
    try {
      const { granted } = await this.#store.hit(`nip98:${id}`, 1, ONE_USE, this.#now())
      return granted === 1 ? { outcome: 'authenticated', pubkey } : refused('the event was used before')
    } catch {
      return { outcome: 'unavailable' }
    }
  }
}

/** The URL of a relay for HTTP requests, without a slash at its end: `wss://relay.example.com` is at `https://relay.example.com`. */
export function httpUrlOf(publicUrl: string): string {
  return publicUrl.replace(/^ws/i, 'http').replace(/\/+$/, '')
}

/**
 * The URL that the client of a request must have signed: below `publicUrl`. Without one, only the address of this machine that
 * the client came to is believed, as for NIP-42: anybody can write a Host header. Undefined if that is none.
 */
export function requestUrl(request: IncomingMessage, publicUrl: string | undefined): string | undefined {
  const { url: target = '' } = request
  if (!target.startsWith('/')) return undefined
  const base = publicUrl === undefined ? localUrl(request) : httpUrlOf(publicUrl)
  if (base === undefined) return undefined
  // A reverse proxy in front of us may leave the path of `publicUrl` in the request target, or take it out.
  const { origin, pathname } = new URL(base)
  const isBelow = pathname !== '/' && (target === pathname || target.startsWith(`${pathname}/`))
  return isBelow ? `${origin}${target}` : `${base}${target}`
}

/** Where on this machine the client came to, if the Host header says no more than that. */
export function localUrl({ headers: { host = '' }, socket }: IncomingMessage): string | undefined {
  return isLocalHost(host, socket.localAddress) ? new URL(`http://${host}`).origin : undefined
}

function refused(reason: string): { readonly outcome: 'refused'; readonly reason: string } {
  return { outcome: 'refused', reason }
}

/** What follows the scheme, whose name is in either case (RFC 9110 section 11.1). */
function tokenIn(authorization: string | undefined): string | undefined {
  return /^nostr +(.*)$/i.exec(authorization ?? '')?.[1]?.trim()
}

/** The event in a token, or what is wrong with it. */
function eventIn(token: string): SignedEvent | string {
  if (token.length > MAX_TOKEN_LENGTH || !BASE64.test(token)) return 'the event must be encoded as base64'
  const event = parseJson(Buffer.from(token, 'base64').toString())
  return shapeFault(event) ?? (event as SignedEvent)
}

/** The hash of a body that is not empty is required: without it, whoever sees the header could send another body. */
function payloadFault(event: SignedEvent, body: Buffer): string | undefined {
  const payload = onlyTag(event, 'payload')
  if (payload === undefined) {
    const isNeeded = body.length > 0 || event.tags.some(([name]) => name === 'payload')
    return isNeeded ? 'the event must have one payload tag with the SHA-256 of the body' : undefined
  }
  const hash = createHash('sha256').update(body).digest('hex')
  return payload.toLowerCase() === hash ? undefined : 'the payload tag is not the SHA-256 of the body'
}

/** The value of a tag that an event has once; with two, different readers could take different ones. */
function onlyTag({ tags }: SignedEvent, name: string): string | undefined {
  const [first, ...more] = tags.filter(([tag]) => tag === name)
  return more.length === 0 ? first?.[1] : undefined
}

/**
 * One spelling of a URL: as WHATWG URLs are written, without a slash at the end of the path, and with the scheme of HTTP, because
 * clients of NIP-86 sign the relay's URL as it is. Undefined for what is no such URL.
 */
function comparableUrl(text: string): string | undefined {
  // URL parsers leave out line breaks and tabs, and other readers do not.
  const isPlain = /^(https?|wss?):\/\//i.test(text) && !/[\s\p{Cc}]/u.test(text)
  const url = isPlain ? readUrl(text.replace(/^ws/i, 'http')) : undefined
  if (url === undefined || url.username !== '' || url.password !== '' || text.includes('#')) return undefined
  return `${url.origin}${url.pathname.replace(/\/$/, '')}${url.search}`
}
