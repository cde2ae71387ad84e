/** The management interface (NIP-86): which requests it takes, whose it carries out, and who is told of them. */

import { z } from 'zod'
import type { Audit } from '../../../plugin/audit.ts'
import type { Logger } from '../../../plugin/context.ts'
import { type Pubkey, parseJson } from '../../../plugin/nostr/messages.ts'
import { bodyProblem, readBody } from '../body.ts'
import { type HttpAuth, httpUrlOf, localUrl, type Signature } from '../nip98.ts'
import {
  authorisationProblem,
  headersOf,
  STORE_DOWN,
  TOO_MANY_WRONG_SIGNATURES,
  type Unauthenticated,
} from '../problem.ts'
import type { Exchange, HttpPart } from '../routing.ts'
import { type Call, type ManagedGateway, methodNamed } from './methods.ts'
import { type Answer, answerOfBoth, type OwnDone, ownAnswer, supportedMethods } from './relays-answer.ts'
import {
  MEDIA_TYPE,
  type Order,
  UpstreamManagement,
  type UpstreamManagementSettings,
} from './upstream-management.ts'

export interface Nip86Settings {
  readonly gateway: ManagedGateway
  readonly auth: HttpAuth
  /** In hex. */
  readonly admins: ReadonlySet<Pubkey>
  readonly publicUrl: string | undefined
  /** Names of the operator's listener, besides the addresses of this machine. */
  readonly operatorHosts: readonly string[]
  /** Seconds since the epoch. */
  readonly now: () => number
  /** How the relay behind is asked; undefined without one. */
  readonly askRelay: UpstreamManagementSettings['ask'] | undefined
  readonly log: Logger
  readonly audit: Audit
}

/**
 * Where requests come in. On the operator's listener they may be signed for its own address as well, and those of others than
 * admins are not passed on to the relay behind.
 */
export type Listener = 'public' | 'operator'

/** A description of the greatest length, in characters that JSON escapes. */
const MAX_BODY_BYTES = 65_536
/** Of what was changed, in a log. */
const MAX_SUBJECT = 200

/** `*` does not stand for Authorization (Fetch standard, section 3.3.5). */
const CORS = {
  'access-control-allow-origin': '*',
  'access-control-allow-headers': '*, Authorization',
  'access-control-allow-methods': 'GET, HEAD, POST, OPTIONS',
}

const callSchema = z.object({
  method: z.string('must be a string').min(1).max(100),
  params: z.array(z.unknown(), 'must be an array').default([]),
})

export class Nip86 {
  readonly #settings: Nip86Settings
  readonly #relay: UpstreamManagement | undefined

  constructor(settings: Nip86Settings) {
    const { askRelay: ask, publicUrl, now } = settings
    this.#settings = settings
    this.#relay = ask && new UpstreamManagement({ ask, publicUrl, now })
  }

  /** Takes what is sent to the relay's URL. */
  part(listener: Listener): HttpPart {
    return (exchange) => {
      if (!this.#isRelayUrl(exchange)) return false
      if (isPreflight(exchange)) {
        exchange.response.writeHead(204, CORS).end()
        return true
      }
      if (!isCall(exchange)) return false
      this.#take(exchange, listener).catch((error: unknown) => {
        this.#settings.log.error({ err: error }, 'failed to answer a NIP-86 request')
        send(exchange, { status: 500, error: 'internal error' })
      })
      return true
    }
  }

  #isRelayUrl({ path }: Exchange): boolean {
    const { publicUrl } = this.#settings
    return path === '/' || (publicUrl !== undefined && path === new URL(httpUrlOf(publicUrl)).pathname)
  }

  async #take(exchange: Exchange, listener: Listener): Promise<void> {
    if (exchange.client?.isKeptOut() === true) return send(exchange, KEPT_OUT)
    const signature = await this.#signatureOf(exchange, listener)
    if (signature.outcome === 'refused') return send(exchange, answerTo(signature))
    if (signature.outcome === 'absent' || !this.#settings.admins.has(signature.pubkey)) {
      // The relay behind may have admins of its own.
      if (listener === 'public' && (await this.#relay?.hasNip86())) return exchange.pass()
      return send(exchange, signature.outcome === 'absent' ? answerTo(signature) : NO_ADMIN)
    }
    const read = await readBody(exchange.request, { maxBytes: MAX_BODY_BYTES })
    if (read.outcome === 'gone') return
    if (read.outcome !== 'read') {
      const { status, detail } = bodyProblem(read.outcome)
      return send(exchange, { status, error: detail })
    }
    const authorisation = await signature.complete(read.body)
    if (authorisation.outcome !== 'authenticated') return send(exchange, answerTo(authorisation))
    const order = { request: exchange.request, body: read.body, address: exchange.address }
    send(exchange, await this.#carryOut(order, authorisation.pubkey))
  }

  async #signatureOf({ request, address, client }: Exchange, listener: Listener): Promise<Signature> {
    const { auth, publicUrl } = this.#settings
    const here = listener === 'operator' || publicUrl === undefined ? localUrl(request) : undefined
    const named = listener === 'operator' ? this.#namedUrls(request.headers.host ?? '') : []
    const urls = [publicUrl && httpUrlOf(publicUrl), here, ...named].flatMap((url) => (url ? `${url}/` : []))
    return auth.examine({
      authorization: request.headers.authorization,
      method: 'POST',
      urls,
      address,
      onBadSignature: () => void client?.countWrongSignature(),
    })
  }

  /** The listener's URLs if it was addressed by a name that the operator has given it; TLS may end in front of it. */
  #namedUrls(host: string): readonly string[] {
    const isNamed = this.#settings.operatorHosts.some(
      (name) => name.toLowerCase() === host.toLowerCase().replace(/:\d{1,5}$/, ''),
    )
    return isNamed ? [`http://${host}`, `https://${host}`] : []
  }

  async #carryOut(order: Order, admin: Pubkey): Promise<Answer> {
    const call = callIn(order.body)
    if (typeof call === 'string') return { status: 400, error: call }
    const { method, params } = call
    const prepared = methodNamed(method)?.(params)
    if (typeof prepared === 'string') return { status: 400, error: `${method}: ${prepared}` }
    if (method === 'supportedmethods') return supportedMethods(await this.#relay?.tell(order))
    if (prepared === undefined) return this.#relaysAlone(order, method, admin)
    const [own, relay] = await Promise.all([this.#own(prepared, method, admin), this.#relay?.tell(order)])
    const answer = relay === undefined ? ownAnswer(own) : answerOfBoth(own, relay)
    if (own.outcome !== 'listed') this.#record(answer, { method, admin, own })
    return answer
  }

  async #own(call: Call, method: string, admin: Pubkey): Promise<OwnDone> {
    try {
      return await call(this.#settings.gateway)
    } catch (error) {
      this.#settings.log.error(
        { err: error, method, admin },
        'the store failed to carry out a NIP-86 request',
      )
      return { outcome: 'failed', reason: STORE_DOWN }
    }
  }

  /** A method that the gateway does not have. */
  async #relaysAlone(order: Order, method: string, admin: Pubkey): Promise<Answer> {
    const unsupported = { status: 400, error: `the method ${JSON.stringify(method)} is not supported` }
    if (this.#relay === undefined) return unsupported
    const relay = await this.#relay.tell(order)
    this.#settings.log.info({ admin, method, relay: relay.outcome }, 'passed on to the relay for an admin')
    switch (relay.outcome) {
      case 'done':
        return { status: 200, result: relay.result }
      case 'unknown':
        return unsupported
      case 'refused':
        return { status: 400, error: relay.reason }
      case 'failed':
        return { status: 502, error: `the relay behind: ${relay.reason}` }
    }
  }

  /** Who changed what, and whether it worked, for the operator. */
  #record(answer: Answer, { method, admin, own }: { method: string; admin: Pubkey; own: OwnDone }): void {
    const { log, audit } = this.#settings
    const { error, gateway = error ?? 'done', relay } = answer
    const subject = 'subject' in own ? own.subject.slice(0, MAX_SUBJECT) : undefined
    const fields = { admin, method, subject, gateway, ...(relay !== undefined && { relay }) }
    if (error === undefined) log.info(fields, 'changed by an admin')
    else log.warn(fields, 'not, or only partly, changed by an admin')
    audit(() => [{ action: 'administration', verb: method, outcome: gateway, subject, admin }])
  }
}

const KEPT_OUT: Answer = { status: 429, error: `rate-limited: ${TOO_MANY_WRONG_SIGNATURES}` }
const NO_ADMIN: Answer = { status: 403, error: 'this pubkey is not in admin.pubkeys' }

function answerTo(authorisation: Unauthenticated): Answer {
  if (authorisation.outcome === 'unavailable') return { status: 503, error: STORE_DOWN }
  const { status, detail } = authorisationProblem(authorisation)
  return { status, error: detail }
}

/** By its Content-Type; the clients of some relays say so by Accept alone, and what the relay takes for a call must be one here. */
function isCall({ request: { method, headers } }: Exchange): boolean {
  const isMeant = (types = '') => types.split(/[;,]/).some((type) => type.trim().toLowerCase() === MEDIA_TYPE)
  return method === 'POST' && (isMeant(headers['content-type']) || isMeant(headers.accept))
}

/** A browser asks whether an app may send such a request (Fetch standard, section 3.3.1). */
function isPreflight({ request: { method, headers } }: Exchange): boolean {
  return method === 'OPTIONS' && headers['access-control-request-method'] === 'POST'
}

/** The call in a body, or what is wrong with it. */
function callIn(body: Buffer): z.output<typeof callSchema> | string {
  const result = callSchema.safeParse(parseJson(body.toString()))
  if (result.success) return result.data
  const [issue] = result.error.issues
  const [field] = issue?.path ?? []
  return field === undefined
    ? 'the body must be a JSON object with method and params'
    : `${String(field)} ${issue?.message}`
}

function send({ response }: Exchange, { status, ...answer }: Answer): void {
  if (response.headersSent || response.destroyed) return
  const body = JSON.stringify(answer)
  response.writeHead(status, {
    ...CORS,
    ...headersOf({ status }),
    'content-type': MEDIA_TYPE,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
  })
  response.end(body)
}
